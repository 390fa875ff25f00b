//! Sweeping deletes all that has expired, nothing else, and decides nothing.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use common::{
    Foreign, NOON, Place, Tested, admit, at_noon, fail, named, on_each_database, subject,
};
use lockout_core::{
    Clock as _, Cooloff, FakeClock, Guard, LockoutStore as _, Policy, Record, Rule, Scope,
    Timestamp,
};
use lockout_sql::SqlStore;

/// How much longer than it matters a row stays.
const LINGERS: Duration = Duration::from_secs(600);

fn later(period: Duration) -> Timestamp {
    NOON.saturating_add(period)
}

/// Subjects whose rows expire at `until`.
async fn locked_until<D: Tested>(
    store: &SqlStore<D>,
    name: &str,
    count: usize,
    until: Option<Timestamp>,
) {
    for number in 0..count {
        store.lock(&subject(&format!("{name}-{number}")), until, NOON).await.unwrap();
    }
}

async fn names<D: Tested>(place: &Place) -> BTreeSet<String> {
    let rows = format!("SELECT subject FROM {}", place.table);
    Foreign::<D>::to(&place.url).texts(&rows).await.into_iter().flatten().collect()
}

/// Sweeps the whole table in batches of so many rows; how many were deleted in each.
async fn sweep<D: Tested>(store: &SqlStore<D>, rows: u32, now: Timestamp) -> Vec<u64> {
    let (mut after, mut deleted) = (None, Vec::new());
    loop {
        let swept = store.sweep(after.as_ref(), rows, now).await.unwrap();
        assert!(swept.deleted <= rows.into(), "{swept:?}");
        deleted.push(swept.deleted);
        after = swept.next;
        if after.is_none() {
            return deleted;
        }
        assert!(deleted.len() < 10_000, "it does not end");
    }
}

async fn all_that_has_expired_goes_in_bounded_batches_and_nothing_else<D: Tested>() {
    let place = D::place();
    let store = place.store::<D>().await;
    let end = later(Duration::from_secs(60));
    locked_until(&store, "over", 40, Some(end)).await;
    locked_until(&store, "later", 20, Some(end.saturating_add(Duration::from_millis(1)))).await;
    locked_until(&store, "forever", 5, None).await;
    let expires = end.saturating_add(Record::GRACE + LINGERS);
    let before = Timestamp::from_millis(expires.as_millis() - 1);
    let deleted = sweep(&store, 7, before).await;
    assert_eq!(deleted.iter().sum::<u64>(), 0, "nothing has expired yet");
    assert!((65 / 7..=65 / 7 + 2).contains(&deleted.len()), "{deleted:?}");

    let deleted = sweep(&store, 7, expires).await;
    assert_eq!(deleted.iter().sum::<u64>(), 40);
    let left = names::<D>(&place).await;
    let expected = (0..20).map(|number| format!("username:later-{number}"));
    let expected = expected.chain((0..5).map(|number| format!("username:forever-{number}")));
    assert_eq!(left, expected.collect());
    assert_eq!(
        sweep(&store, 1, later(Duration::from_secs(1_000_000))).await.iter().sum::<u64>(),
        20
    );
    assert_eq!(names::<D>(&place).await.len(), 5, "what never expires stays");
}

async fn a_batch_of_no_rows_and_one_of_too_many_are_batches_all_the_same<D: Tested>() {
    let place = D::place();
    let store = place.store::<D>().await;
    let swept = store.sweep(None, 100, NOON).await.unwrap();
    assert_eq!((swept.deleted, swept.next), (0, None), "an empty table");
    locked_until(&store, "over", 3, Some(later(Duration::from_secs(1)))).await;
    let end = later(Duration::from_secs(60) + LINGERS);
    assert_eq!(store.sweep(None, 0, end).await.unwrap().deleted, 1);
    assert_eq!(store.sweep(None, u32::MAX, end).await.unwrap().deleted, 2);
}

async fn what_an_operator_unlocked_stays_so_though_it_was_swept_before_an_old_attempt_fails<
    D: Tested,
>() {
    let place = D::place();
    let store = place.store::<D>().await;
    let clock = FakeClock::at(NOON);
    // Neither failures nor locks end by themselves.
    let name = Rule::builder(Scope::Username).failure_limit(0).cooloff(Cooloff::NEVER);
    let policy = Policy::builder().rule(name).build().unwrap();
    let guard = Guard::builder(store.clone(), policy).clock(clock.clone()).build();
    let permit = admit(&guard, "alice").await;
    guard.unlock(&subject("alice")).await.unwrap();
    clock.advance(Record::GRACE + LINGERS);
    assert_eq!(sweep(&store, 10, clock.now()).await.iter().sum::<u64>(), 1);
    assert!(permit.fail().await.unwrap().locked.is_empty());
    assert_eq!(guard.check(&named("alice")).await.unwrap(), None);
    drop(admit(&guard, "alice").await);
}

async fn a_sweeper_among_live_traffic_loses_no_failure<D: Tested>() {
    const NAMES: usize = 12;
    const FAILURES: i64 = 15;
    let place = D::place();
    let store = place.store::<D>().await;
    let sweeping = place.builder::<D>().open(&place.url).unwrap();
    // Rows that have expired when the traffic begins: each is swept or taken up anew.
    for number in 0..NAMES {
        let since = Timestamp::from_millis(NOON.as_millis() - 1_000_000);
        let until = since.saturating_add(Duration::from_secs(1));
        store.lock(&subject(&format!("name-{number}")), Some(until), since).await.unwrap();
    }
    let sweeps = Arc::new(AtomicU32::new(0));
    let sweeper = tokio::spawn({
        let sweeps = sweeps.clone();
        async move {
            loop {
                sweep(&sweeping, 5, NOON).await;
                sweeps.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..NAMES {
        let (guard, sweeps) = (at_noon(&store, u32::MAX), sweeps.clone());
        tasks.spawn(async move {
            let mut failures = 0;
            while failures < FAILURES || sweeps.load(Ordering::SeqCst) < 3 {
                fail(&guard, &format!("name-{number}")).await;
                failures += 1;
            }
            (number, failures)
        });
    }
    let told = tasks.join_all().await;
    sweeper.abort();
    let foreign = Foreign::<D>::to(&place.url);
    for (number, failures) in told {
        let row = format!("WHERE subject = 'username:name-{number}'");
        let counted = format!("SELECT failures + touched - touched FROM {} {row}", place.table);
        assert_eq!(foreign.number(&counted).await, failures, "name-{number}");
    }
}

on_each_database!(
    all_that_has_expired_goes_in_bounded_batches_and_nothing_else,
    a_batch_of_no_rows_and_one_of_too_many_are_batches_all_the_same,
    what_an_operator_unlocked_stays_so_though_it_was_swept_before_an_old_attempt_fails,
    a_sweeper_among_live_traffic_loses_no_failure,
);
