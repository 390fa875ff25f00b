//! When the circuit opens, and when it closes again.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use common::{Login, Mood, NOON, Scripted, after, subject};
use lockout_core::{
    Effect, LockedQuery, LockoutStore, Outcome, Reserved, StoreErrorKind, Timestamp,
};
use lockout_layers::Breaker;
use tokio::task::JoinHandle;

const OPEN: Option<StoreErrorKind> = Some(StoreErrorKind::CircuitOpen);
const DOWN: Option<StoreErrorKind> = Some(StoreErrorKind::Unavailable);

type Store = Arc<Breaker<Scripted>>;

fn store() -> Store {
    Arc::new(Breaker::new(Scripted::new()))
}

/// An attempt of a name of its own, so that nobody is locked; the kind of its error.
async fn ask(store: &Store, now: Timestamp) -> Option<StoreErrorKind> {
    static NAMES: AtomicUsize = AtomicUsize::new(0);
    let name = format!("user{}", NAMES.fetch_add(1, Ordering::Relaxed));
    let error = Login::named(&name).begin(&**store, now).await.err()?;
    if error.kind() == StoreErrorKind::CircuitOpen {
        assert_eq!(error.effect(), Effect::None);
    }
    Some(error.kind())
}

fn spawn(store: &Store, now: Timestamp) -> JoinHandle<Option<StoreErrorKind>> {
    let store = store.clone();
    tokio::spawn(async move { ask(&store, now).await })
}

async fn until_calls(store: &Store, wanted: usize) {
    let mut calls = 0;
    while calls < wanted {
        tokio::task::yield_now().await;
        calls += store.inner().calls();
    }
    assert_eq!(calls, wanted);
}

/// A circuit that five failures at noon have opened.
async fn opened() -> Store {
    let store = store();
    store.inner().fail();
    for _ in 0..5 {
        assert_eq!(ask(&store, NOON).await, DOWN);
    }
    assert!(store.is_open());
    store.inner().calls();
    store
}

/// Polls once and drops: a client that hangs up.
fn hang_up(future: impl Future) {
    let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
}

#[tokio::test]
async fn five_failures_in_a_row_open_the_circuit_and_then_nobody_is_asked() {
    let store = opened().await;
    let (name, query) = (subject("username:bob"), LockedQuery::default());
    assert_eq!(ask(&store, NOON).await, OPEN);
    let errors = [
        store.status(std::slice::from_ref(&name), NOON).await.map(drop).unwrap_err(),
        store.lock(&name, None, NOON).await.map(drop).unwrap_err(),
        store.clear(&name, NOON).await.map(drop).unwrap_err(),
        store.locked(&query, NOON).await.map(drop).unwrap_err(),
    ];
    for error in errors {
        assert_eq!((Some(error.kind()), error.effect()), (OPEN, Effect::None));
    }
    assert_eq!(store.inner().calls(), 0);
}

#[tokio::test]
async fn failures_with_an_answer_between_them_do_not_open_it() {
    let store = store();
    for mood in [
        Mood::Works,
        Mood::Fails(StoreErrorKind::Contended),
        Mood::Fails(StoreErrorKind::Corrupt),
        Mood::Fails(StoreErrorKind::Config),
    ] {
        for _ in 0..5 {
            store.inner().set(Mood::Fails(StoreErrorKind::Timeout));
            for _ in 0..4 {
                assert_eq!(ask(&store, NOON).await, Some(StoreErrorKind::Timeout));
            }
            store.inner().set(mood);
            assert_ne!(ask(&store, NOON).await, OPEN);
        }
    }
    assert!(!store.is_open());
}

#[tokio::test]
async fn a_success_of_the_probe_closes_it() {
    let store = opened().await;
    store.inner().work();
    assert_eq!(ask(&store, Timestamp::from_millis(NOON.as_millis() + 999)).await, OPEN);
    assert_eq!(ask(&store, after(1)).await, None);
    assert!(!store.is_open());
    assert_eq!(ask(&store, after(1)).await, None);
}

#[tokio::test]
async fn an_error_of_a_store_that_works_closes_it_too() {
    let store = opened().await;
    store.inner().set(Mood::Fails(StoreErrorKind::Contended));
    assert_eq!(ask(&store, after(1)).await, Some(StoreErrorKind::Contended));
    assert!(!store.is_open());
}

#[tokio::test]
async fn each_failed_probe_doubles_the_cooloff_up_to_the_longest() {
    let store = opened().await;
    let mut now = NOON;
    for seconds in [1, 2, 4, 8, 16, 30, 30, 30] {
        let before = Timestamp::from_millis(now.as_millis() + seconds * 1000 - 1);
        assert_eq!(ask(&store, before).await, OPEN, "{seconds} s");
        now = now.saturating_add(Duration::from_secs(seconds));
        assert_eq!(ask(&store, now).await, DOWN, "{seconds} s");
    }
    // And after a success it is short again.
    store.inner().work();
    now = now.saturating_add(Duration::from_secs(30));
    assert_eq!(ask(&store, now).await, None);
    store.inner().fail();
    for _ in 0..5 {
        assert_eq!(ask(&store, now).await, DOWN);
    }
    assert_eq!(ask(&store, now).await, OPEN);
    assert_eq!(ask(&store, now.saturating_add(Duration::from_secs(1))).await, DOWN);
}

#[tokio::test]
async fn only_one_probe_is_let_through() {
    let store = opened().await;
    store.inner().set(Mood::Hangs);
    let probe = spawn(&store, after(1));
    until_calls(&store, 1).await;
    for seconds in [1, 2, 60] {
        assert_eq!(ask(&store, after(seconds)).await, OPEN);
    }
    assert_eq!(store.inner().calls(), 0);
    store.inner().wake(Mood::Works);
    assert_eq!(probe.await.unwrap(), None);
    assert_eq!(ask(&store, after(60)).await, None);
}

#[tokio::test]
async fn a_probe_that_is_dropped_gives_its_place_to_the_next_call() {
    let store = opened().await;
    store.inner().set(Mood::Hangs);
    for _ in 0..10 {
        hang_up(ask(&store, after(1)));
        assert_eq!(store.inner().calls(), 1, "each of them is a probe");
    }
    store.inner().work();
    assert_eq!(ask(&store, after(1)).await, None);
    assert!(!store.is_open());
}

#[tokio::test]
async fn a_client_that_hangs_up_a_thousand_times_does_not_open_it() {
    let store = store();
    store.inner().set(Mood::Hangs);
    for _ in 0..1000 {
        hang_up(ask(&store, NOON));
    }
    assert_eq!(store.inner().calls(), 1000);
    store.inner().work();
    assert_eq!(ask(&store, NOON).await, None);
    assert!(!store.is_open());
}

#[tokio::test]
async fn hanging_up_does_not_keep_it_closed_either() {
    let store = store();
    for _ in 0..5 {
        store.inner().set(Mood::Hangs);
        hang_up(ask(&store, NOON));
        store.inner().fail();
        assert_eq!(ask(&store, NOON).await, DOWN);
    }
    assert!(store.is_open());
}

#[tokio::test]
async fn failures_of_calls_from_before_it_closed_do_not_open_it() {
    let store = store();
    store.inner().set(Mood::Hangs);
    let stale: Vec<_> = (0..10).map(|_| spawn(&store, NOON)).collect();
    until_calls(&store, 10).await;
    // It opens and closes while they wait.
    store.inner().fail();
    for _ in 0..5 {
        ask(&store, NOON).await;
    }
    store.inner().work();
    assert_eq!(ask(&store, after(1)).await, None);
    store.inner().wake(Mood::Fails(StoreErrorKind::Unavailable));
    for call in stale {
        assert_eq!(call.await.unwrap(), DOWN);
    }
    store.inner().work();
    assert!(!store.is_open(), "a stale failure opened it");
    assert_eq!(ask(&store, after(1)).await, None);
}

#[tokio::test]
async fn a_success_from_before_it_opened_does_not_close_it() {
    let store = store();
    store.inner().set(Mood::Hangs);
    let stale = spawn(&store, NOON);
    until_calls(&store, 1).await;
    store.inner().fail();
    for _ in 0..5 {
        ask(&store, NOON).await;
    }
    store.inner().wake(Mood::Works);
    assert_eq!(stale.await.unwrap(), None);
    assert_eq!(ask(&store, NOON).await, OPEN);
}

#[tokio::test]
async fn a_clock_that_steps_back_keeps_it_open_for_one_more_cooloff_at_most() {
    let store = opened().await;
    store.inner().work();
    let back = Timestamp::from_millis(NOON.as_millis() - 3_600_000);
    assert_eq!(ask(&store, back).await, OPEN);
    assert_eq!(ask(&store, back.saturating_add(Duration::from_millis(999))).await, OPEN);
    assert_eq!(ask(&store, back.saturating_add(Duration::from_secs(1))).await, None);
}

#[tokio::test]
async fn the_cooloff_begins_when_the_failure_comes_not_when_its_call_began() {
    let store = store();
    store.inner().set(Mood::Hangs);
    let slow: Vec<_> = (0..5).map(|_| spawn(&store, NOON)).collect();
    until_calls(&store, 5).await;
    // Others ask while the five wait for nine seconds.
    hang_up(ask(&store, after(9)));
    store.inner().wake(Mood::Fails(StoreErrorKind::Timeout));
    for call in slow {
        call.await.unwrap();
    }
    assert_eq!(ask(&store, after(9)).await, OPEN);
    assert_ne!(ask(&store, after(10)).await, OPEN);
}

#[tokio::test]
async fn calls_that_need_no_answer_of_the_store_neither_close_it_nor_are_refused() {
    let store = store();
    let login = Login::new("alice", 1);
    let charges = login.charged(&*store, NOON).await;
    store.inner().fail();
    for _ in 0..4 {
        assert_eq!(ask(&store, NOON).await, DOWN);
    }
    store.inner().work();
    let nobody = Login { claims: Vec::new(), ..Login::new("", 1) };
    let trivial = async || {
        assert_eq!(nobody.begin(&*store, after(60)).await.unwrap(), Reserved::Charged(vec![]));
        assert_eq!(store.status(&[], after(60)).await.unwrap(), []);
        login.end(&*store, &charges, Outcome::Failure, after(60)).await.unwrap();
    };
    trivial().await;
    store.inner().fail();
    assert_eq!(ask(&store, NOON).await, DOWN);
    assert!(store.is_open(), "the fifth failure in a row");
    store.inner().work();
    trivial().await;
    assert!(store.is_open());
    assert_eq!(ask(&store, NOON).await, OPEN);
}

#[tokio::test]
async fn it_is_set_as_one_likes() {
    let (first, longest) = (Duration::from_secs(10), Duration::from_secs(15));
    let store = Breaker::new(Scripted::new()).failures(0).cooloff(first, longest);
    let store = Arc::new(store);
    store.inner().fail();
    assert_eq!(ask(&store, NOON).await, DOWN);
    assert_eq!(ask(&store, after(9)).await, OPEN);
    assert_eq!(ask(&store, after(10)).await, DOWN);
    assert_eq!(ask(&store, after(24)).await, OPEN);
    assert_eq!(ask(&store, after(25)).await, DOWN);
}
