//! Nodes whose own clocks are an hour off agree with the others once they follow the server's.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use lockout_core::{
    Attempt, Clock, FakeClock, Guard, Policy, Rule, Scope, ServerClock, StoreErrorKind, Subject,
    SystemClock, Timestamp,
};
use lockout_redis::RedisStore;
use lockout_testkit::servers::RedisServer;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);
/// How far apart the clocks of two nodes may be: they were put right one after the other.
const MARGIN: Duration = Duration::from_secs(5);

/// What is now an hour ahead of the server, as its clock is this machine's.
fn ahead() -> FakeClock {
    FakeClock::at(SystemClock.now().saturating_add(HOUR))
}

fn behind() -> FakeClock {
    let hour = u64::try_from(HOUR.as_millis()).unwrap();
    FakeClock::at(Timestamp::from_millis(SystemClock.now().as_millis() - hour))
}

fn right() -> FakeClock {
    FakeClock::at(SystemClock.now())
}

/// A node: the first failure locks for ten minutes.
fn guard(store: &RedisStore, clock: impl Clock) -> Guard {
    let name = Rule::builder(Scope::Username).failure_limit(0).cooloff(10 * MINUTE);
    let policy = Policy::builder().rule(name).build().unwrap();
    Guard::builder(store.clone(), policy).clock(clock).build()
}

async fn following(store: &RedisStore, own: &FakeClock) -> Guard {
    guard(store, store.clock(own.clone()).await.unwrap())
}

/// When the lock ends that this failure begins.
async fn fail(guard: &Guard, name: &str) -> Timestamp {
    let permit = guard.begin(&Attempt::new().username(name)).await.unwrap().admitted().unwrap();
    permit.fail().await.unwrap().locked[0].until.unwrap()
}

/// When the lock of `name` ends, as an attempt is told.
async fn end(guard: &Guard, name: &str) -> Option<Timestamp> {
    let refusal = guard.check(&Attempt::new().username(name)).await.unwrap()?;
    let end = guard.now().saturating_add(refusal.retry_after().unwrap());
    let subject = Subject::username(name).unwrap();
    assert_eq!(guard.status(&[subject]).await.unwrap()[0].as_ref().unwrap().until, Some(end));
    Some(end)
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.saturating_since(other) + other.saturating_since(one)
}

#[tokio::test]
async fn nodes_whose_clocks_are_an_hour_off_lock_and_unlock_with_the_others() {
    let server = RedisServer::start().unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    let clocks = [right(), ahead(), behind()];
    let mut guards = Vec::new();
    for clock in &clocks {
        guards.push(following(&store, clock).await);
    }
    for (node, locking) in guards.iter().enumerate() {
        let (name, begun) = (format!("alice-{node}"), SystemClock.now());
        let until = fail(locking, &name).await;
        assert!(apart(until, begun.saturating_add(10 * MINUTE)) < MARGIN, "{until:?}");
        for guard in &guards {
            assert_eq!(end(guard, &name).await, Some(until));
        }
    }
    clocks.iter().for_each(|clock| clock.advance(9 * MINUTE));
    for guard in &guards {
        assert!(end(guard, "alice-0").await.is_some() && end(guard, "alice-2").await.is_some());
    }
    clocks.iter().for_each(|clock| clock.advance(MINUTE + MARGIN));
    for guard in &guards {
        assert_eq!((end(guard, "alice-0").await, end(guard, "alice-2").await), (None, None));
    }
}

#[tokio::test]
async fn without_the_servers_time_such_nodes_lock_too_long_and_unlock_early() {
    let server = RedisServer::start().unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    let (right, ahead, behind) =
        (guard(&store, right()), guard(&store, ahead()), guard(&store, behind()));
    fail(&right, "alice").await;
    assert!(end(&right, "alice").await.is_some());
    assert_eq!(end(&ahead, "alice").await, None, "it unlocks early");
    fail(&behind, "bob").await;
    assert_eq!(end(&right, "bob").await, None, "its lock was over when it began");
    let until = fail(&ahead, "carol").await;
    assert!(apart(until, right.now()) > HOUR, "it locks for more than an hour");
}

#[tokio::test]
async fn the_clock_goes_on_by_itself_while_the_server_is_down() {
    let mut server = RedisServer::start().unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    let own = ahead();
    let (kept, asked) = (store.clock(own.clone()).await.unwrap(), ServerClock::new(own.clone()));
    asked.correct(&store).await.unwrap();
    let clocks: [&dyn Clock; 2] = [&kept, &asked];
    let before = clocks.map(Clock::now);
    server.kill();
    let error = asked.correct(&store).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    own.advance(MINUTE);
    assert_eq!(clocks.map(Clock::now), before.map(|time| time.saturating_add(MINUTE)));
    assert!(clocks.iter().all(|clock| apart(clock.now(), SystemClock.now()) < MINUTE + MARGIN));

    server.restart().unwrap();
    let start = Instant::now();
    while let Err(error) = asked.correct(&store).await {
        assert!(start.elapsed() < MARGIN, "it does not recover: {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(apart(asked.now(), SystemClock.now()) < MARGIN, "it is put right again");
}

#[tokio::test]
async fn there_is_no_clock_of_a_server_that_does_not_answer() {
    let mut server = RedisServer::start().unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    server.kill();
    let error = store.clock(SystemClock).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}
