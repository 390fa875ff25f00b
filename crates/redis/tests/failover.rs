//! Masters that go down while logins come, under Sentinel and in a Cluster.

#![cfg(all(feature = "cluster", feature = "sentinel"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lockout_core::{
    Attempt, Decision, Effect, Guard, Policy, Rule, Scope, StoreError, StoreErrorKind, Subject,
};
use lockout_redis::{RedisStore, RedisStoreBuilder};
use lockout_testkit::servers::{Proxy, RedisCluster, RedisSentinels, RedisServer};
use tokio::task::JoinSet;

const TIMEOUT: Duration = Duration::from_millis(500);
/// How much later than the timeout a busy machine may answer.
const MARGIN: Duration = Duration::from_secs(5);
/// One attempt each, which makes 200 in a second.
const PACE: Duration = Duration::from_millis(5);
/// How many locks are told before something happens.
const ENOUGH: usize = 50;
/// Without any error for so long, all is well.
const CALM: Duration = Duration::from_millis(1200);
/// A replica of a master that works is never as far behind.
const GAP: Duration = Duration::from_millis(500);
/// How long a fail-over may take on a busy machine.
const FAIL_OVER: Duration = Duration::from_secs(40);
/// Failures from the office's address that were there before.
const EARLIER: u32 = 7;
const LIMIT: u32 = 100_000;

fn builder() -> RedisStoreBuilder {
    RedisStore::builder().timeout(TIMEOUT)
}

fn on_sentinels(sentinels: &RedisSentinels, builder: RedisStoreBuilder) -> RedisStore {
    let urls = sentinels.sentinel_urls();
    let master = format!("redis://{}", sentinels.master_name());
    builder.open_sentinel(urls.iter().map(String::as_str), &master).unwrap()
}

fn on_cluster(cluster: &RedisCluster, builder: RedisStoreBuilder) -> RedisStore {
    builder.open_cluster(cluster.urls().iter().map(String::as_str)).unwrap()
}

/// A name is locked by its first failure; an address practically never.
fn guard(store: RedisStore) -> Guard {
    let name = Rule::builder(Scope::Username).failure_limit(0);
    let address = Rule::builder(Scope::Ip).failure_limit(LIMIT);
    Guard::new(store, Policy::builder().rule(name).rule(address).build().unwrap())
}

fn office(name: &str) -> Attempt {
    Attempt::new().username(name).ip([192, 0, 2, 1])
}

fn alone(name: &str) -> Attempt {
    Attempt::new().username(name)
}

/// How many failures the office's address has, without this attempt's.
async fn failures_of_office(guard: &Guard) -> u32 {
    let start = Instant::now();
    loop {
        match guard.begin(&Attempt::new().ip([192, 0, 2, 1])).await {
            Ok(Decision::Admitted(permit)) => {
                let left = permit.failures_left().unwrap();
                permit.cancel().await.unwrap();
                return LIMIT - left - 1;
            }
            Ok(Decision::Refused(refusal)) => panic!("{refusal:?}"),
            Err(error) => assert!(start.elapsed() < FAIL_OVER, "it does not recover: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Begins and fails an attempt, which locks the name.
async fn fail(guard: &Guard, attempt: &Attempt) -> Result<(), StoreError> {
    let permit = guard.begin(attempt).await?.admitted().expect("nobody else has this name");
    permit.fail().await.map(drop)
}

async fn succeed(guard: &Guard, attempt: &Attempt) -> Result<(), StoreError> {
    let permit = guard.begin(attempt).await?.admitted().expect("the office is not locked");
    permit.succeed().await.map(drop)
}

/// Logs in 200 times a second from before `kill` until all has been well for a while: half of the
/// attempts lock a name of their own, half come from the office and succeed. Returns the names whose
/// lockout was told, and when, and when `kill` was called.
async fn load_during(
    guard: &Guard,
    waits: bool,
    kill: impl FnOnce(),
) -> (Vec<(String, Instant)>, Instant) {
    let last_error = Arc::new(Mutex::new(None));
    let told = Arc::new(AtomicUsize::new(0));
    let attempt = |number: u32| {
        let (guard, last_error, told) = (guard.clone(), last_error.clone(), told.clone());
        async move {
            let (name, begun) = (format!("name-{number}"), Instant::now());
            let locks = number.is_multiple_of(2);
            let done = match locks {
                true => fail(&guard, &alone(&name)).await,
                false => succeed(&guard, &office(&name)).await,
            };
            // Each exchange of each step may take the timeout, though not all of them do.
            assert!(begun.elapsed() < 6 * TIMEOUT + MARGIN, "{:?}", begun.elapsed());
            if let Err(error) = done {
                let kind = error.kind();
                // Of a lock that finds no replica.
                let unreplicated = locks && waits && kind == StoreErrorKind::Config;
                assert!(
                    matches!(kind, StoreErrorKind::Unavailable | StoreErrorKind::Timeout)
                        || unreplicated,
                    "{error:?}"
                );
                // Locks may wait in vain for a replica, long after the rest has recovered.
                if !locks {
                    *last_error.lock().unwrap() = Some(Instant::now());
                }
                return None;
            }
            told.fetch_add(usize::from(locks), Ordering::Relaxed);
            locks.then(|| (name, Instant::now()))
        }
    };
    let mut attempts = JoinSet::new();
    let (mut numbers, start) = (0.., Instant::now());
    let mut go_on = async |until: &dyn Fn() -> bool| {
        while !until() {
            attempts.spawn(attempt(numbers.next().unwrap()));
            tokio::time::sleep(PACE).await;
        }
    };
    go_on(&|| {
        assert!(start.elapsed() < FAIL_OVER, "it does not begin to work");
        start.elapsed() > CALM && told.load(Ordering::Relaxed) >= ENOUGH
    })
    .await;
    let killed = Instant::now();
    kill();
    go_on(&|| {
        assert!(killed.elapsed() < FAIL_OVER, "it does not recover, or nobody noticed");
        last_error.lock().unwrap().is_some_and(|at| at.elapsed() > CALM)
    })
    .await;
    (attempts.join_all().await.into_iter().flatten().collect(), killed)
}

/// Which of these names are not locked.
async fn lost(guard: &Guard, locked: &[(String, Instant)]) -> Vec<(String, Instant)> {
    let mut lost = Vec::new();
    for (name, told) in locked {
        if guard.check(&alone(name)).await.unwrap().is_none() {
            lost.push((name.clone(), *told));
        }
    }
    lost
}

/// Logins during a fail-over end in time and without a panic; afterwards all works, only locks that
/// were told a moment before are lost, and no failure was given back that was not charged.
async fn survives(store: RedisStore, kill: impl FnOnce()) {
    let guard = guard(store);
    for number in 0..EARLIER {
        fail(&guard, &office(&format!("mallory-{number}"))).await.unwrap();
    }
    let (locked, killed) = load_during(&guard, false, kill).await;
    let lost = lost(&guard, &locked).await;
    let long_ago: Vec<_> = lost.iter().filter(|(_, told)| *told + GAP < killed).collect();
    assert!(long_ago.is_empty(), "lost though a replica had time enough: {long_ago:?}");
    assert!(lost.len() * 4 < locked.len(), "{} of {} locks are lost", lost.len(), locked.len());
    let failures = failures_of_office(&guard).await;
    assert!(failures >= EARLIER, "{failures} failures are left of {EARLIER}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_dies_under_sentinel_loses_no_lock_that_its_replica_has() {
    let mut sentinels = RedisSentinels::start().unwrap();
    let store = on_sentinels(&sentinels, builder());
    survives(store, || sentinels.kill_master()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_hangs_under_sentinel_is_left_for_another_even_when_it_comes_back() {
    let sentinels = RedisSentinels::start().unwrap();
    let store = on_sentinels(&sentinels, builder());
    survives(store.clone(), || sentinels.master().pause()).await;
    sentinels.master().resume();
    let guard = guard(store);
    fail(&guard, &alone("alice")).await.unwrap();
    assert!(guard.check(&alone("alice")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_dies_in_a_cluster_loses_no_lock_that_its_replica_has() {
    let mut cluster = RedisCluster::start().unwrap();
    let store = on_cluster(&cluster, builder());
    survives(store, || cluster.kill_master(0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_hangs_in_a_cluster_is_left_for_another() {
    let cluster = RedisCluster::start().unwrap();
    let store = on_cluster(&cluster, builder());
    survives(store, || cluster.masters()[0].pause()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lock_that_was_told_is_lost_if_replicas_are_waited_for() {
    let mut sentinels = RedisSentinels::start().unwrap();
    let builder = builder().wait_for_replicas(1, Duration::from_millis(500));
    let guard = guard(on_sentinels(&sentinels, builder));
    let (locked, _) = load_during(&guard, true, || sentinels.kill_master()).await;
    assert_eq!(lost(&guard, &locked).await, []);
    // Nobody is left to have a copy.
    let error = fail(&guard, &alone("alice")).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Config, Effect::Unknown));
    assert!(guard.check(&alone("alice")).await.unwrap().is_some(), "it is locked all the same");
    let subject = Subject::username("bob").unwrap();
    let error = guard.lock(&subject, None).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Config, Effect::Unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_no_replica_has_is_told_only_to_whoever_does_not_wait() {
    let mut master =
        RedisServer::builder().config("repl-diskless-sync-delay", "0").start().unwrap();
    let link = Proxy::to(master.address()).unwrap();
    let replica = RedisServer::start().unwrap();
    replica.cli(&["REPLICAOF", "127.0.0.1", &link.address().port().to_string()]).unwrap();
    let guard_at = |builder: RedisStoreBuilder| guard(builder.open(&master.url()).unwrap());
    let hasty = guard_at(builder());
    let patient = guard_at(builder().wait_for_replicas(1, Duration::from_millis(100)));
    let start = Instant::now();
    while patient.lock(&Subject::username("early").unwrap(), None).await.is_err() {
        assert!(start.elapsed() < FAIL_OVER, "there is no replica");
    }
    link.stall(true);
    fail(&hasty, &alone("alice")).await.unwrap();
    let error = fail(&patient, &alone("bob")).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Config, Effect::Unknown));
    master.kill();
    replica.cli(&["REPLICAOF", "NO", "ONE"]).unwrap();
    let later = guard(RedisStore::open(&replica.url()).unwrap());
    assert!(later.check(&alone("early")).await.unwrap().is_some());
    assert!(later.check(&alone("alice")).await.unwrap().is_none(), "the gap");
}
