//! What a fail-over loses: locks that were told just before the master died, with and without waiting
//! for the replica, and what waiting costs.
//!
//! `failover`

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use lockout_benches::row::{Row, median};
use lockout_core::{Guard, Policy, Result as StoreResult, Subject};
use lockout_redis::RedisStore;
use lockout_testkit::servers::RedisSentinels;
use tokio::runtime::Runtime;

/// How often the master dies, with and without waiting.
const ROUNDS: u32 = 5;
/// How many tasks lock names, one after the other.
const TASKS: u32 = 16;
/// For how long, before the master dies.
const LOAD: Duration = Duration::from_millis(700);
/// How long a fail-over may take.
const FAIL_OVER: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let runs = Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(run()));
    match runs {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failover: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut latencies = Vec::new();
    for (name, replicas) in [("without waiting", 0), ("waiting for a replica", 1)] {
        let (mut told, mut lost, mut oldest, mut latency) = (0, 0, Duration::ZERO, Vec::new());
        for _ in 0..ROUNDS {
            let round = fail_over(replicas).await?;
            told += round.kept.len() + round.lost.len();
            latency.extend(round.kept.iter().map(|lock| lock.latency.as_secs_f64() * 1e9));
            for lock in round.lost {
                lost += 1;
                oldest = oldest.max(round.killed.saturating_duration_since(lock.told));
            }
        }
        println!(
            "{name}: {lost} of {told} locks lost in {ROUNDS} fail-overs, the oldest told {} us before \
             the master died",
            oldest.as_micros()
        );
        latencies.push(median(latency));
    }
    let figures = [latencies[0], latencies[1]];
    Row::print_head();
    let what = format!("redis: lock by hand waiting for a replica, p50, {TASKS} tasks");
    let _ = Row::new(what, "the same without waiting", figures, "ns").printed();
    Ok(())
}

struct Lock {
    subject: Subject,
    latency: Duration,
    told: Instant,
}

struct Round {
    kept: Vec<Lock>,
    lost: Vec<Lock>,
    killed: Instant,
}

async fn fail_over(replicas: u32) -> Result<Round, Box<dyn Error>> {
    let mut sentinels = RedisSentinels::start()?;
    let builder = RedisStore::builder();
    let builder = match replicas {
        0 => builder,
        _ => builder.wait_for_replicas(replicas, Duration::from_millis(500)),
    };
    let (urls, master) =
        (sentinels.sentinel_urls(), format!("redis://{}", sentinels.master_name()));
    let store = builder.open_sentinel(urls.iter().map(String::as_str), &master)?;
    let guard = Guard::new(store, Policy::default());
    guard.lock(&named("warm-up"), None).await?;
    let (goes_on, number) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (guard, goes_on, number) = (guard.clone(), goes_on.clone(), number.clone());
            tokio::spawn(async move {
                let mut locks = Vec::new();
                while goes_on.load(Ordering::Relaxed) {
                    let name = format!("name-{}", number.fetch_add(1, Ordering::Relaxed));
                    let subject = named(&name);
                    let start = Instant::now();
                    if guard.lock(&subject, None).await.is_ok() {
                        let told = Instant::now();
                        locks.push(Lock { subject, latency: told - start, told });
                    }
                }
                locks
            })
        })
        .collect();
    tokio::time::sleep(LOAD).await;
    let killed = Instant::now();
    sentinels.kill_master();
    goes_on.store(false, Ordering::Relaxed);
    let mut locks = Vec::new();
    for task in tasks {
        locks.extend(task.await?);
    }
    let mut round = Round { kept: Vec::new(), lost: Vec::new(), killed };
    for lock in locks {
        let lots = match is_lost(&guard, &lock.subject, killed).await? {
            true => &mut round.lost,
            false => &mut round.kept,
        };
        lots.push(lock);
    }
    Ok(round)
}

fn named(name: &str) -> Subject {
    Subject::username(name).expect("a name of more than spaces")
}

/// Whether the subject is not locked, as the new master says.
async fn is_lost(guard: &Guard, subject: &Subject, killed: Instant) -> StoreResult<bool> {
    loop {
        match guard.status(std::slice::from_ref(subject)).await {
            Ok(lockouts) => return Ok(lockouts.iter().all(Option::is_none)),
            Err(error) if killed.elapsed() > FAIL_OVER => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
