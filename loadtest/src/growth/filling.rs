//! Subjects are put into a store through its own interface, many at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lockout_core::{Guard, LockoutStore, Policy, Reservation, Reserved, Spread};

use super::crowd;
use super::home::{Home, Kind};
use crate::Error;

/// Lets the attempts from number `first` to before `end` fail once, and gives how long that took.
///
/// A reservation may have any number of subjects as long as each has a rule, so where calls are what
/// costs, many attempts are charged by one.
pub(crate) async fn fill(home: &Home, first: u64, end: u64) -> Result<Duration, Error> {
    let (tasks, attempts) = size_of(home.kind);
    let policy = Arc::new(crowd::policy()?);
    home.relax()?;
    let (start, next) = (Instant::now(), Arc::new(AtomicU64::new(first)));
    let work = |_| {
        let (guard, filler) = (home.guard.clone(), home.filler.clone());
        let (policy, next) = (Arc::clone(&policy), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let from = next.fetch_add(attempts, Ordering::Relaxed);
                if from >= end {
                    return Ok::<_, Error>(());
                }
                let numbers = from..end.min(from + attempts);
                match &filler {
                    None => each(&guard, numbers).await?,
                    Some(store) => all(&**store, &policy, &guard, numbers).await?,
                }
            }
        })
    };
    for task in (0..tasks).map(work).collect::<Vec<_>>() {
        task.await??;
    }
    let took = start.elapsed();
    home.settle()?;
    Ok(took)
}

/// How many tasks fill, and how many attempts each charges at once.
const fn size_of(kind: Kind) -> (u32, u64) {
    match kind {
        Kind::Moka => (4, 1_000),
        Kind::Redis => (8, 50),
        Kind::Postgres | Kind::MariaDb => (4, 200),
        // It has one writer.
        Kind::Sqlite => (1, 1_000),
    }
}

/// The same through a guard, an attempt at a time.
pub(crate) async fn through(guard: &Guard, first: u64, end: u64, tasks: u32) -> Result<(), Error> {
    let work = |task: u32| {
        let guard = guard.clone();
        let numbers = (first + u64::from(task)..end).step_by(usize::try_from(tasks)?);
        Ok(tokio::spawn(async move { each(&guard, numbers).await }))
    };
    for task in (0..tasks).map(work).collect::<Result<Vec<_>, Error>>()? {
        task.await??;
    }
    Ok(())
}

async fn each(guard: &Guard, numbers: impl Iterator<Item = u64>) -> Result<(), Error> {
    for number in numbers {
        crowd::fail(guard, &crowd::attempt(number)).await?;
    }
    Ok(())
}

async fn all(
    store: &dyn LockoutStore,
    policy: &Policy,
    guard: &Guard,
    numbers: std::ops::Range<u64>,
) -> Result<(), Error> {
    let claims: Vec<_> =
        numbers.flat_map(|number| policy.claims(&crowd::attempt(number))).collect();
    let reservation = Reservation::new(policy, &claims, Spread::default());
    match store.reserve(&reservation, guard.now()).await? {
        Reserved::Charged(_) => Ok(()),
        Reserved::Refused(refusal) => Err(format!("a stranger was refused: {refusal:?}").into()),
    }
}
