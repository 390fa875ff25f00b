//! Somebody else holds rows, tables or connections: others are not held up, and all ends in time.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use common::{Foreign, Kind, Tested, admit, answered, by_name, error, fail, on_each_database};
use lockout_core::{Decision, Effect, StoreErrorKind};
use lockout_sql::SqlStore;

/// Longer than a database itself waits for a row.
const TIMEOUT: Duration = Duration::from_millis(2_500);

/// Temporary, and never more than the truth about what was changed.
fn is_temporary(kind: StoreErrorKind) -> bool {
    use StoreErrorKind::{Contended, Timeout, Unavailable};
    matches!(kind, Timeout | Unavailable | Contended)
}

async fn a_pool_without_a_free_connection_is_an_error_in_time_until_there_is_one<D: Tested>() {
    let place = D::place();
    place.store::<D>().await;
    let store: SqlStore<D> =
        place.builder().timeout(TIMEOUT).max_connections(2).open(&place.url).unwrap();
    let guard = by_name(&store, 3);
    let (one, other) = (store.pool().acquire().await.unwrap(), store.pool().acquire().await);
    for _ in 0..2 {
        let error = error(&guard, "alice", TIMEOUT).await;
        assert!(
            matches!(error.kind(), StoreErrorKind::Timeout | StoreErrorKind::Unavailable),
            "{error:?}"
        );
        assert_eq!(error.effect(), Effect::None, "{error:?}");
    }
    drop(one);
    let Decision::Admitted(permit) = answered(&guard, "alice").await else { panic!() };
    assert_eq!(permit.failures_left(), Some(2), "what failed was charged");
    drop(other.unwrap());
}

#[cfg(any(feature = "mysql", feature = "postgres"))]
async fn a_row_that_is_held_holds_up_nobody_else_and_is_free_at_once_when_it_is_let_go<
    D: Tested,
>() {
    const OTHERS: usize = 100;
    let place = D::place();
    let patient = by_name(&place.store::<D>().await, 50);
    let store: SqlStore<D> =
        place.builder().timeout(TIMEOUT).max_connections(3).open(&place.url).unwrap();
    let guard = by_name(&store, 50);
    fail(&patient, "victim").await;
    let foreign = Foreign::<D>::to(&place.url);
    let table = &place.table;
    let hold = format!("UPDATE {table} SET touched = touched WHERE subject = 'username:victim'");
    let open = foreign.begin(&hold).await;

    // More callers than the pool has connections.
    let held: Vec<_> = (0..12)
        .map(|_| {
            let guard = guard.clone();
            tokio::spawn(async move { error(&guard, "victim", TIMEOUT).await })
        })
        .collect();
    let others: Vec<_> = (0..4)
        .map(|worker| {
            let guard = guard.clone();
            tokio::spawn(async move {
                let mut passed = 0;
                for number in 0..OTHERS / 4 {
                    let name = format!("other-{worker}-{number}");
                    passed += usize::from(guard.begin(&common::named(&name)).await.is_ok());
                }
                passed
            })
        })
        .collect();
    let mut passed = 0;
    for other in others {
        passed += other.await.unwrap();
    }
    // Now and then a stranger waits in the same lane, one in 256.
    assert!(passed >= OTHERS - 6, "{passed} of {OTHERS} others went on");
    for held in held {
        let error = held.await.unwrap();
        assert!(is_temporary(error.kind()), "{error:?}");
    }

    open.end().await;
    let start = std::time::Instant::now();
    let Decision::Admitted(permit) = answered(&patient, "victim").await else { panic!() };
    assert!(start.elapsed() < common::MARGIN, "{:?}", start.elapsed());
    // One failure was before. What timed out may have been carried out, each at most once.
    let failures = 50 - permit.failures_left().unwrap();
    assert!((2..=14).contains(&failures), "{failures}");
}

async fn a_table_that_is_held_is_an_error_in_time_and_free_at_once_when_it_is_let_go<D: Tested>() {
    let place = D::place();
    let patient = by_name(&place.store::<D>().await, 3);
    let store: SqlStore<D> =
        place.builder().timeout(TIMEOUT).max_connections(2).open(&place.url).unwrap();
    let guard = by_name(&store, 3);
    fail(&patient, "alice").await;
    let foreign = Foreign::<D>::to(&place.url);
    let open = foreign.begin(&hold_table::<D>(&place.table)).await;
    let callers: Vec<_> = (0..6)
        .map(|number| {
            let guard = guard.clone();
            tokio::spawn(async move { error(&guard, &format!("bob-{number}"), TIMEOUT).await })
        })
        .collect();
    for caller in callers {
        let error = caller.await.unwrap();
        assert!(is_temporary(error.kind()), "{error:?}");
    }
    open.end().await;
    assert_eq!(admit(&patient, "alice").await.failures_left(), Some(1));
    let Decision::Admitted(_) = answered(&guard, "carol").await else { panic!() };
}

/// What makes others wait for the table.
fn hold_table<D: Tested>(table: &str) -> String {
    match D::KIND {
        Kind::Postgres => format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"),
        // Every row and every gap.
        Kind::MySql => format!("SELECT * FROM {table} FOR UPDATE"),
        Kind::Sqlite => format!("UPDATE {table} SET touched = touched"),
    }
}

on_each_database!(
    a_pool_without_a_free_connection_is_an_error_in_time_until_there_is_one,
    a_table_that_is_held_is_an_error_in_time_and_free_at_once_when_it_is_let_go,
);

#[cfg(any(feature = "mysql", feature = "postgres"))]
common::on_each_server!(
    a_row_that_is_held_holds_up_nobody_else_and_is_free_at_once_when_it_is_let_go,
);
