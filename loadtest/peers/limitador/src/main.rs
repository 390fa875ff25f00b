//! Failed logins per second with limitador on Redis, without HTTP and without a password check.
//!
//!     REDIS_URL=… lockout-loadtest-limitador [SECONDS] [LOOPS]
//!
//! Prints {"logins": n, "seconds": s}. Each login has a name and an address of its own, and is counted
//! for the name, the address and the pair in one call, as limitador does before a request.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use limitador::AsyncRateLimiter;
use limitador::limit::Limit;
use limitador::storage::redis::AsyncRedisStorage;

type Failure = Box<dyn Error + Send + Sync>;

const WINDOW: u64 = 300;

fn argument(number: usize, default: u32) -> Result<u32, Failure> {
    match std::env::args().nth(number) {
        Some(text) => Ok(text.parse().map_err(|_| format!("{text} is not a number"))?),
        None => Ok(default),
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let time = Duration::from_secs(argument(1, 5)?.into());
    let loops = argument(2, 64)?;
    let url = std::env::var("REDIS_URL").map_err(|_| "REDIS_URL is not set")?;
    let storage = AsyncRedisStorage::new(&url).await?;
    let limiter = Arc::new(AsyncRateLimiter::new_with_storage(Box::new(storage)));
    for (most, variables) in
        [(4, &["username"][..]), (31, &["address"]), (4, &["username", "address"])]
    {
        let unconditional: [String; 0] = [];
        limiter.add_limit(Limit::new("login", most, WINDOW, unconditional, variables.to_vec()));
    }
    // Other runs on the same server have other names.
    let run = std::process::id();
    let start = Instant::now();
    let tasks: Vec<_> = (0..loops)
        .map(|number| {
            tokio::spawn(guess(Arc::clone(&limiter), format!("{run}-{number}"), start + time))
        })
        .collect();
    let mut logins = 0;
    for task in tasks {
        logins += task.await??;
    }
    println!("{{\"logins\": {logins}, \"seconds\": {}}}", start.elapsed().as_secs_f64());
    Ok(())
}

async fn guess(limiter: Arc<AsyncRateLimiter>, who: String, end: Instant) -> Result<u64, Failure> {
    let namespace = "login".into();
    let mut logins = 0;
    while Instant::now() < end {
        let name = format!("{who}-{logins}");
        let values = HashMap::from([
            ("username".to_owned(), name.clone()),
            ("address".to_owned(), name.clone()),
        ]);
        let checked = limiter.check_rate_limited_and_update(&namespace, &values, 1, false).await?;
        if checked.limited {
            return Err(format!("{name} was refused").into());
        }
        logins += 1;
    }
    Ok(logins)
}
