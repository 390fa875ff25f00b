//! Two nodes guard one login on one Redis server.
//!
//! `cargo run -p lockout-redis --example login [URL]`: without a URL, on a throw-away server.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lockout_core::{Attempt, Decision, Guard, LockedQuery, Policy, StoreError, SystemClock};
use lockout_redis::RedisStore;
use lockout_testkit::servers::RedisServer;

/// What a login handler does: asks first, looks at the password, says what came of it.
async fn login(guard: &Guard, username: &str, password: &str) -> Result<String, StoreError> {
    let attempt = Attempt::new().username(username).ip([203, 0, 113, 7]);
    match guard.begin(&attempt).await? {
        Decision::Refused(refusal) => {
            Ok(format!("refused, try again in {:?}", refusal.retry_after()))
        }
        Decision::Admitted(permit) if is_right(password).await => {
            permit.succeed().await.map(|_| "welcome".into())
        }
        Decision::Admitted(permit) => permit.fail().await.map(|_| "wrong password".into()),
    }
}

static VERIFIED: AtomicU32 = AtomicU32::new(0);

/// Stands in for a password hash; it counts how often it was asked.
async fn is_right(password: &str) -> bool {
    VERIFIED.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(5)).await;
    password == "correct horse"
}

/// A node of a service. Its own clock is put right by the server's.
async fn node(url: &str) -> Result<Guard, Box<dyn Error>> {
    let store = RedisStore::builder().prefix("lockout-example").open(url)?;
    let clock = store.clock(SystemClock).await?;
    Ok(Guard::builder(store, Policy::default()).clock(clock).build())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (url, _server) = match std::env::args().nth(1) {
        Some(url) => (url, None),
        None => {
            let server = RedisServer::start()?;
            (server.url(), Some(server))
        }
    };
    let nodes = [Arc::new(node(&url).await?), Arc::new(node(&url).await?)];
    println!("alice: {}", login(&nodes[0], "alice", "correct horse").await?);

    VERIFIED.store(0, Ordering::Relaxed);
    let mut guesses = tokio::task::JoinSet::new();
    for guess in 0..500 {
        let node = Arc::clone(&nodes[guess % 2]);
        guesses.spawn(async move { login(&node, "alice", &guess.to_string()).await });
    }
    while let Some(guess) = guesses.join_next().await {
        guess??;
    }
    println!("verified: {} of 500 guesses through two nodes", VERIFIED.load(Ordering::Relaxed));
    println!("alice: {}", login(&nodes[1], "alice", "correct horse").await?);

    for lockout in nodes[1].locked(&LockedQuery::default()).await?.items {
        println!("locked: {:?}, {:?} left", lockout.subject, lockout.remaining(nodes[1].now()));
        nodes[1].unlock(&lockout.subject).await?;
    }
    println!("alice: {}", login(&nodes[0], "alice", "correct horse").await?);
    Ok(())
}
