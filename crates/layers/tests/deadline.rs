//! No call takes longer than the deadline.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use common::{Login, Mood, NOON, Scripted, subject};
use lockout_core::{
    Effect, LockedQuery, LockoutStore, Outcome, Reserved, StoreError, StoreErrorKind,
};
use lockout_layers::Deadline;
use tokio::time::Instant;

const LIMIT: Duration = Duration::from_millis(500);

fn assert_too_late(error: &StoreError, effect: Effect) {
    assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Timeout, effect));
    let text = error.to_string();
    assert!(text.contains("500ms") && text.contains("allow it more time"), "{text}");
    assert!(std::error::Error::source(error).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_given_up() {
    let store = Deadline::new(Scripted::new(), LIMIT);
    let login = Login::new("alice", 1);
    let charges = login.charged(&store, NOON).await;
    store.inner().set(Mood::Hangs);
    let (name, query) = (subject("username:alice"), LockedQuery::default());
    let begun = Instant::now();
    assert_too_late(&login.begin(&store, NOON).await.unwrap_err(), Effect::Unknown);
    let settled = login.end(&store, &charges, Outcome::Success, NOON).await;
    assert_too_late(&settled.unwrap_err(), Effect::Unknown);
    let status = store.status(std::slice::from_ref(&name), NOON).await;
    assert_too_late(&status.unwrap_err(), Effect::None);
    assert_too_late(&store.lock(&name, None, NOON).await.unwrap_err(), Effect::Unknown);
    assert_too_late(&store.clear(&name, NOON).await.unwrap_err(), Effect::Unknown);
    assert_too_late(&store.locked(&query, NOON).await.unwrap_err(), Effect::None);
    // A timer of tokio's ends up to a millisecond late.
    let (passed, bound) = (begun.elapsed(), LIMIT * 6);
    assert!((bound..bound + Duration::from_millis(12)).contains(&passed), "{passed:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_within_the_deadline_is_passed_on() {
    let store = Deadline::new(Scripted::new(), LIMIT);
    store.inner().set(Mood::Hangs);
    let waker = store.inner().clone();
    tokio::spawn(async move {
        tokio::time::sleep(LIMIT / 2).await;
        waker.wake(Mood::Works);
    });
    let reserved = Login::new("alice", 1).begin(&store, NOON).await.unwrap();
    assert!(matches!(reserved, Reserved::Charged(_)));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_store_stays_what_it_is() {
    let store = Deadline::new(Scripted::new(), LIMIT);
    store.inner().set(Mood::Fails(StoreErrorKind::Corrupt));
    let error = Login::new("alice", 1).begin(&store, NOON).await.unwrap_err();
    assert_eq!((error.kind(), error.store()), (StoreErrorKind::Corrupt, "scripted"));
}
