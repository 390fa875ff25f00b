//! Many at once, and futures that nobody finishes.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use lockout_core::{Policy, Refusal};

use super::Examined;
use super::desk::{Desk, SECOND, alice, from, ip, named, username};
use crate::{differential, stampede};

pub(super) async fn it_equals_the_engine_on_random_histories(store: Examined) {
    differential::run(store, 0x10c0, 100).await;
}

pub(super) async fn a_stampede_of_64_is_verified_exactly_limit_plus_one_times(store: Examined) {
    stampede::run(store, 64, 100).await;
}

pub(super) async fn a_stampede_of_500_is_verified_exactly_limit_plus_one_times(store: Examined) {
    stampede::run(store, 500, 100).await;
}

pub(super) async fn honest_parallel_logins_all_pass(store: Examined) {
    let policy = Policy::builder().rule(username()).rule(ip());
    let desk = Arc::new(Desk::new(store, policy));
    for round in 0..50_u8 {
        let logins: Vec<_> = (0..4)
            .map(|_| {
                let desk = Arc::clone(&desk);
                tokio::spawn(async move { desk.succeed(&from("alice", round)).await })
            })
            .collect();
        for login in logins {
            login.await.expect("an honest login passes while there are places");
        }
    }
    assert_eq!(desk.admit(&from("alice", 0)).await.failures_left(), Some(2));
    assert_eq!(desk.events(), []);
}

pub(super) async fn no_charge_is_lost(store: Examined) {
    const TASKS: u32 = 8;
    const EACH: u32 = 256;
    let desk = Arc::new(Desk::of(store, ip().failure_limit(TASKS * EACH)));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let desk = Arc::clone(&desk);
            tokio::spawn(async move { desk.fail_times(&from("alice", 1), EACH).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("no failure is refused below the limit");
    }
    assert_eq!(desk.admit(&from("alice", 1)).await.failures_left(), None, "a charge was lost");
}

pub(super) async fn no_refund_is_given_twice_under_contention(store: Examined) {
    let desk = Arc::new(Desk::of(store, ip().failure_limit(100)));
    desk.fail_times(&from("mallory", 1), 50).await;
    let logins: Vec<_> = (0..8)
        .map(|_| {
            let desk = Arc::clone(&desk);
            tokio::spawn(async move {
                for _ in 0..64 {
                    desk.succeed(&from("alice", 1)).await;
                }
            })
        })
        .collect();
    for login in logins {
        login.await.expect("a login below the limit passes");
    }
    assert_eq!(desk.admit(&from("mallory", 1)).await.failures_left(), Some(49));
}

/// Polls once and drops: what happens when a client hangs up.
fn poll_once(future: impl Future) {
    let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
}

pub(super) async fn a_begin_that_nobody_finishes_grants_no_more_than_the_limit(store: Examined) {
    let policy = Policy::builder().rule(username()).rule(ip());
    let desk = Desk::new(store, policy);
    for _ in 0..50 {
        poll_once(desk.guard.begin(&from("alice", 1)));
    }
    let mut admitted = 0;
    for _ in 0..50 {
        if let Ok(permit) = desk.begin(&from("alice", 1)).await {
            permit.fail().await.expect("the store works");
            admitted += 1;
        }
    }
    assert!(admitted <= 4, "{admitted} were admitted");
    // And nothing is stuck.
    desk.pass(3600 * SECOND);
    desk.succeed(&from("alice", 1)).await;
}

pub(super) async fn a_settle_that_nobody_finishes_leaves_the_charge_or_settles(store: Examined) {
    let desk = Desk::of(store, username());
    for _ in 0..3 {
        poll_once(desk.admit(&alice()).await.fail());
    }
    poll_once(desk.admit(&alice()).await.fail());
    assert!(desk.begin(&alice()).await.is_err(), "a failure was lost");
    desk.pass(30 * SECOND);
    desk.locked(&alice()).await;
    assert_eq!(desk.events().len(), 1, "one event for one lockout");

    desk.fail_times(&named("bob"), 3).await;
    poll_once(desk.admit(&named("bob")).await.succeed());
    desk.pass(30 * SECOND);
    match desk.begin(&named("bob")).await {
        Ok(permit) => assert_eq!(permit.failures_left(), Some(2)),
        // Asking again would be too late: the success may be on its way to the server still.
        Err(refusal) => assert!(matches!(refusal, Refusal::Locked { .. }), "{refusal:?}"),
    }
}
