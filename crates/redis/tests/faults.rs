//! What the store answers when the server breaks, and that it recovers by itself.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use lockout_core::{
    Attempt, Decision, Effect, Guard, Policy, Rule, Scope, StoreError, StoreErrorKind, Subject,
};
use lockout_redis::RedisStore;
use lockout_testkit::servers::{Proxy, RedisServer};

const TIMEOUT: Duration = Duration::from_millis(300);
/// How much later than the timeout a busy machine may answer.
const MARGIN: Duration = Duration::from_secs(5);

fn guard_at(url: &str) -> Guard {
    let store = RedisStore::builder().timeout(TIMEOUT).open(url).unwrap();
    let address = Rule::builder(Scope::Ip).failure_limit(3);
    let name = Rule::builder(Scope::Username).failure_limit(3);
    Guard::new(store, Policy::builder().rule(name).rule(address).build().unwrap())
}

fn from(name: &str) -> Attempt {
    Attempt::new().username(name).ip([192, 0, 2, 1])
}

fn named(name: &str) -> Attempt {
    Attempt::new().username(name)
}

/// Asks again until the store answers, which it must do soon.
async fn answered(guard: &Guard, attempt: &Attempt) -> Decision {
    let start = Instant::now();
    loop {
        match guard.begin(attempt).await {
            Ok(decision) => return decision,
            Err(error) => assert!(start.elapsed() < MARGIN, "it does not recover: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn admit(guard: &Guard, attempt: &Attempt) -> lockout_core::Permit {
    guard.begin(attempt).await.unwrap().admitted().unwrap()
}

/// The error of a call, which comes in time.
async fn error(guard: &Guard, attempt: &Attempt) -> StoreError {
    let start = Instant::now();
    let error = guard.begin(attempt).await.unwrap_err();
    assert!(start.elapsed() < TIMEOUT + MARGIN, "{:?}", start.elapsed());
    error
}

/// A proxy before `server`, and its URL.
fn behind_proxy(server: &RedisServer) -> (Proxy, String) {
    let proxy = Proxy::to(server.address()).unwrap();
    let url = format!("redis://{}/", proxy.address());
    (proxy, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_was_written_down_outlives_kill_and_restart_in_mid_load() {
    let builder = RedisServer::builder().config("appendonly", "yes");
    let mut server = builder.config("appendfsync", "always").start().unwrap();
    let guard = guard_at(&server.url());
    for _ in 0..4 {
        admit(&guard, &named("alice")).await.fail().await.unwrap();
    }
    let load: Vec<_> = (0..16)
        .map(|task| {
            let guard = guard.clone();
            tokio::spawn(async move {
                let mut errors = Vec::new();
                for round in 0..60 {
                    let attempt = named(&format!("{task}-{round}"));
                    match guard.begin(&attempt).await {
                        Ok(decision) => drop(decision),
                        Err(error) => errors.push(error.kind()),
                    }
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                errors
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(30)).await;
    server.kill();
    assert_eq!(error(&guard, &named("bob")).await.kind(), StoreErrorKind::Unavailable);
    server.restart().unwrap();
    assert!(answered(&guard, &named("alice")).await.admitted().is_err(), "the lock was lost");
    for task in load {
        for kind in task.await.unwrap() {
            assert!(matches!(kind, StoreErrorKind::Unavailable | StoreErrorKind::Timeout));
        }
    }
    assert!(answered(&guard, &named("carol")).await.admitted().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_a_timeout_and_grants_no_more_than_the_limit() {
    let server = RedisServer::start().unwrap();
    let guard = guard_at(&server.url());
    drop(admit(&guard, &named("alice")).await);
    server.pause();
    for _ in 0..2 {
        let error = error(&guard, &named("alice")).await;
        assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Timeout, Effect::Unknown));
    }
    server.resume();
    let mut admitted = 1;
    for _ in 0..10 {
        admitted += u32::from(answered(&guard, &named("alice")).await.admitted().is_ok());
    }
    assert!(admitted <= 4, "{admitted} were admitted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_whose_answer_is_lost_stands_once() {
    let server = RedisServer::start().unwrap();
    let (proxy, url) = behind_proxy(&server);
    let guard = guard_at(&url);
    admit(&guard, &named("warm-up")).await.succeed().await.unwrap();
    proxy.cut_next_reply();
    let error = error(&guard, &named("alice")).await;
    assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Unavailable, Effect::Unknown));
    let Decision::Admitted(permit) = answered(&guard, &named("alice")).await else { panic!() };
    assert_eq!(permit.failures_left(), Some(1), "the lost charge and this one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_answer_is_lost_is_given_once() {
    let server = RedisServer::start().unwrap();
    let (proxy, url) = behind_proxy(&server);
    let guard = guard_at(&url);
    // The script is loaded: otherwise the lost answer would be that the server does not know it.
    admit(&guard, &named("warm-up")).await.succeed().await.unwrap();
    admit(&guard, &from("mallory")).await.fail().await.unwrap();
    let permit = admit(&guard, &from("alice")).await;
    proxy.cut_next_reply();
    let error = permit.succeed().await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Unavailable, Effect::Unknown));
    let Decision::Admitted(permit) = answered(&guard, &from("bob")).await else { panic!() };
    assert_eq!(permit.failures_left(), Some(1), "mallory's failure and this attempt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_connections_is_unavailable_until_it_does_not() {
    let server = RedisServer::start().unwrap();
    let (proxy, url) = behind_proxy(&server);
    let guard = guard_at(&url);
    drop(admit(&guard, &named("alice")).await);
    proxy.refuse(true);
    for _ in 0..3 {
        let kind = error(&guard, &named("alice")).await.kind();
        assert!(matches!(kind, StoreErrorKind::Unavailable | StoreErrorKind::Timeout), "{kind:?}");
    }
    proxy.refuse(false);
    assert!(answered(&guard, &named("alice")).await.admitted().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_charges_nothing_and_keeps_its_locks() {
    let server = RedisServer::start().unwrap();
    let guard = guard_at(&server.url());
    for _ in 0..4 {
        admit(&guard, &named("locked")).await.fail().await.unwrap();
    }
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    let error = error(&guard, &named("alice")).await;
    assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Unavailable, Effect::None));
    assert!(guard.begin(&named("locked")).await.unwrap().admitted().is_err());
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    assert_eq!(admit(&guard, &named("alice")).await.failures_left(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_unavailable_for_logins_and_readable() {
    let master = RedisServer::start().unwrap();
    let replica = RedisServer::start().unwrap();
    let port = master.address().port().to_string();
    replica.cli(&["REPLICAOF", "127.0.0.1", &port]).unwrap();
    let guard = guard_at(&replica.url());
    let error = error(&guard, &named("alice")).await;
    assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Unavailable, Effect::None));
    assert_eq!(guard.check(&named("alice")).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_record_is_corrupt_and_stays_as_it_is() {
    let later_layout = format!("\x40{}", "x".repeat(40));
    for junk in ["junk", &later_layout, &"x".repeat(27)] {
        let server = RedisServer::start().unwrap();
        let guard = guard_at(&server.url());
        let permit = admit(&guard, &named("alice")).await;
        let key = server.cli(&["KEYS", "*"]).unwrap();
        server.cli(&["SET", &key, junk]).unwrap();
        let alice = Subject::username("alice").unwrap();
        for error in [
            guard.begin(&named("alice")).await.unwrap_err(),
            guard.check(&named("alice")).await.unwrap_err(),
            permit.succeed().await.unwrap_err(),
            guard.lock(&alice, None).await.unwrap_err(),
            guard.unlock(&alice).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
        }
        assert_eq!(server.cli(&["GET", &key]).unwrap(), junk);
    }
}
