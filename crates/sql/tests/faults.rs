//! What the stores answer when their server breaks, and that they recover by themselves.

#![cfg(any(feature = "mysql", feature = "postgres"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::server::{Served, Server, turn};
use common::{Foreign, Tested, admit, answered, by_name, error, fail, named, on_each_server};
use lockout_core::{
    Decision, Effect, Guard, OnSuccess, Policy, Rule, Scope, StoreError, StoreErrorKind,
};
use lockout_sql::SqlStore;
use lockout_testkit::servers::Proxy;

const TIMEOUT: Duration = Duration::from_secs(1);

const LIMIT: u32 = 1_000_000;

fn is_outage(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Unavailable | StoreErrorKind::Timeout)
}

/// Many failures are tolerated, and a success gives back its own charge only.
fn counting<D: Tested>(store: &SqlStore<D>) -> Guard {
    let name = Rule::builder(Scope::Username).failure_limit(LIMIT).on_success(OnSuccess::Refund);
    Guard::new(store.clone(), Policy::builder().rule(name).build().unwrap())
}

/// What a client knows of its charges.
#[derive(Debug, Default)]
struct Told {
    charged: i64,
    perhaps_charged: i64,
    refunded: i64,
    perhaps_refunded: i64,
    errors: Vec<StoreError>,
}

impl Told {
    /// Fails and succeeds in turn until it is stopped.
    async fn attempts(guard: Guard, name: String, stop: Arc<AtomicBool>) -> Self {
        let mut told = Self::default();
        for round in 0_u64.. {
            if stop.load(Ordering::SeqCst) {
                break;
            }
            match guard.begin(&named(&name)).await {
                Ok(Decision::Refused(refusal)) => panic!("{refusal:?}"),
                Ok(Decision::Admitted(permit)) => {
                    told.charged += 1;
                    if round % 3 == 0 {
                        match permit.succeed().await {
                            Ok(_) => told.refunded += 1,
                            Err(error) => {
                                told.perhaps_refunded +=
                                    i64::from(error.effect() == Effect::Unknown);
                                told.errors.push(error);
                            }
                        }
                    }
                }
                Err(error) => {
                    told.perhaps_charged += i64::from(error.effect() == Effect::Unknown);
                    told.errors.push(error);
                }
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        told
    }
}

async fn nothing_that_was_answered_is_lost_by_kill_and_restart_in_mid_load<D: Served>() {
    let _turn = turn().await;
    let mut server = D::Server::durable();
    let builder = D::full(SqlStore::builder().table("counted").timeout(TIMEOUT));
    let store = builder.open(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let strict = by_name(&store, 3);
    while let Ok(permit) = strict.begin(&named("locked")).await.unwrap().admitted() {
        permit.fail().await.unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..6)
        .map(|task| {
            let attempts = Told::attempts(counting(&store), format!("load-{task}"), stop.clone());
            tokio::spawn(attempts)
        })
        .collect();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        server.kill();
        let error = error(&strict, "bob", TIMEOUT).await;
        assert!(is_outage(&error), "{error:?}");
        server.restart();
        assert!(answered(&strict, "locked").await.admitted().is_err(), "the lock was lost");
    }
    drop(answered(&counting(&store), "carol").await);
    stop.store(true, Ordering::SeqCst);
    let mut failed = 0;
    for (task, load) in load.into_iter().enumerate() {
        let told = load.await.unwrap();
        for error in &told.errors {
            assert!(is_outage(error), "{error:?}");
        }
        failed += told.errors.len();
        let row = format!("SELECT failures FROM counted WHERE subject = 'username:load-{task}'");
        let counted: i64 = server.sql(&row).unwrap().parse().unwrap();
        let least = told.charged - told.refunded - told.perhaps_refunded;
        let most = told.charged + told.perhaps_charged - told.refunded;
        assert!((least..=most).contains(&counted), "{counted}: {told:?}");
        assert!(told.charged > 2, "{told:?}");
    }
    assert!(failed > 0, "the load did not notice");
}

async fn a_server_that_hangs_is_a_timeout_and_grants_no_more_than_the_limit<D: Served>() {
    let _turn = turn().await;
    let server = D::Server::durable();
    let store =
        SqlStore::<D>::builder().timeout(TIMEOUT).max_connections(4).open(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let guard = by_name(&store, 3);
    let permit = admit(&guard, "alice").await;
    let other = admit(&guard, "bob").await;
    server.pause();
    // It settles by what it remembers, so it is the write that is not answered.
    let written = other.succeed().await.unwrap_err();
    assert_eq!((written.kind(), written.effect()), (StoreErrorKind::Timeout, Effect::Unknown));
    for _ in 0..2 {
        let error = error(&guard, "alice", TIMEOUT).await;
        assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error:?}");
    }
    drop(permit);
    server.resume();
    let mut admitted = 1;
    for _ in 0..10 {
        admitted += u32::from(answered(&guard, "alice").await.admitted().is_ok());
    }
    assert!((2..=4).contains(&admitted), "{admitted} were admitted");
}

async fn a_server_that_takes_no_more_connections_is_an_error_in_time_until_it_does<D: Served>() {
    let _turn = turn().await;
    let server = D::Server::narrow();
    let store = SqlStore::<D>::builder().timeout(TIMEOUT).open(&server.url()).unwrap();
    store.migrate().await.unwrap();
    store.pool().close().await;
    let mut taken = Vec::new();
    for _ in 0..11 {
        let foreign = Foreign::<D>::to(&server.url());
        let probe = tokio::time::timeout(Duration::from_secs(2), foreign.try_run("SELECT 1"));
        if !matches!(probe.await, Ok(Ok(()))) {
            break;
        }
        taken.push(foreign);
    }
    let store = SqlStore::<D>::builder().timeout(TIMEOUT).open(&server.url()).unwrap();
    let guard = by_name(&store, 3);
    for _ in 0..2 {
        let error = error(&guard, "alice", TIMEOUT).await;
        assert!(is_outage(&error) && error.effect() == Effect::None, "{error:?}");
    }
    drop(taken);
    let Decision::Admitted(permit) = answered(&guard, "alice").await else { panic!() };
    assert_eq!(permit.failures_left(), Some(2), "what failed was charged");
}

/// A proxy before `server`, and the URL through it.
fn behind_proxy(server: &impl Server) -> (Proxy, String) {
    let proxy = Proxy::to(server.address()).unwrap();
    let url = server.url().replace(&server.address().to_string(), &proxy.address().to_string());
    (proxy, url)
}

/// Waits until the pool has its connection back, which it asks whether it still works.
async fn given_back<D: Tested>(store: &SqlStore<D>) {
    while store.pool().num_idle() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn an_answer_that_is_lost_leaves_one_charge_and_one_refund<D: Served>() {
    let _turn = turn().await;
    let server = D::Server::durable();
    let (proxy, url) = behind_proxy(&server);
    let store = SqlStore::<D>::builder().timeout(TIMEOUT).max_connections(1).open(&url).unwrap();
    store.migrate().await.unwrap();
    let guard = counting(&store);
    // Both statements are known to the connection.
    admit(&guard, "warm-up").await.succeed().await.unwrap();
    fail(&guard, "alice").await;
    let permit = admit(&guard, "alice").await;
    given_back(&store).await;
    proxy.cut_next_reply();
    let lost = permit.succeed().await.unwrap_err();
    assert_eq!((lost.kind(), lost.effect()), (StoreErrorKind::Unavailable, Effect::Unknown));
    let Decision::Admitted(permit) = answered(&guard, "alice").await else { panic!() };
    assert_eq!(permit.failures_left(), Some(LIMIT - 2), "the failure and this attempt");
    // Here it is the read that is not answered: nothing is charged.
    admit(&guard, "warm-up").await.succeed().await.unwrap();
    given_back(&store).await;
    proxy.cut_next_reply();
    let lost = error(&guard, "bob", TIMEOUT).await;
    assert_eq!((lost.kind(), lost.effect()), (StoreErrorKind::Unavailable, Effect::None));
    let Decision::Admitted(permit) = answered(&guard, "bob").await else { panic!() };
    assert_eq!(permit.failures_left(), Some(LIMIT - 1));
}

async fn a_server_that_refuses_connections_is_unavailable_until_it_does_not<D: Served>() {
    let _turn = turn().await;
    let server = D::Server::durable();
    let (proxy, url) = behind_proxy(&server);
    let store = SqlStore::<D>::builder().timeout(TIMEOUT).open(&url).unwrap();
    store.migrate().await.unwrap();
    let guard = by_name(&store, 3);
    fail(&guard, "alice").await;
    proxy.refuse(true);
    for _ in 0..3 {
        let error = error(&guard, "alice", TIMEOUT).await;
        assert!(is_outage(&error), "{error:?}");
    }
    proxy.refuse(false);
    let Decision::Admitted(permit) = answered(&guard, "alice").await else { panic!() };
    assert_eq!(permit.failures_left(), Some(1), "what failed was charged");
}

on_each_server!(
    nothing_that_was_answered_is_lost_by_kill_and_restart_in_mid_load,
    a_server_that_hangs_is_a_timeout_and_grants_no_more_than_the_limit,
    a_server_that_takes_no_more_connections_is_an_error_in_time_until_it_does,
    an_answer_that_is_lost_leaves_one_charge_and_one_refund,
    a_server_that_refuses_connections_is_unavailable_until_it_does_not,
);
