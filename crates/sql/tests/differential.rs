//! Random histories on real databases equal the engine's, also while everything is swept.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use common::{Tested, on_each_database};
use lockout_core::{
    Charge, LockedQuery, Lockout, LockoutStore, Outcome, Page, Reservation, Reserved, Result,
    Settlement, Subject, Timestamp,
};
use lockout_sql::SqlStore;
use lockout_testkit::differential::{self, STEPS};
use tokio::task::JoinSet;

const SEED: u64 = 0x0b5e_55ed;

const OPERATIONS: usize = 20_000;

/// How many tables the histories are spread over.
const TABLES: u64 = 4;

/// Plays so many operations, each history in one of the tables.
async fn play<D: Tested, S: LockoutStore>(make: fn(SqlStore<D>) -> S) {
    let histories = u64::try_from(OPERATIONS / STEPS).unwrap() / TABLES;
    let mut tasks = JoinSet::new();
    for table in 0..TABLES {
        tasks.spawn(async move {
            let place = D::place();
            let store = place.store::<D>().await;
            for history in 0..histories {
                // Each begins at the same time.
                let store = Arc::new(make(store.clone()));
                differential::run(store, SEED + table * histories + history, 1).await;
            }
        });
    }
    tasks.join_all().await;
}

async fn the_store_equals_the_engine_on_random_histories<D: Tested>() {
    play::<D, _>(|store| store).await;
}

async fn no_sweep_at_any_instant_changes_a_decision<D: Tested>() {
    play::<D, _>(|store| Sweeping { store, latest: AtomicU64::new(0) }).await;
}

/// A store whose table is swept before each call, at the latest instant that anybody has seen.
#[derive(Debug)]
struct Sweeping<D: Tested> {
    store: SqlStore<D>,
    latest: AtomicU64,
}

impl<D: Tested> Sweeping<D> {
    async fn swept(&self, now: Timestamp) -> &SqlStore<D> {
        let before = self.latest.fetch_max(now.as_millis(), Ordering::SeqCst);
        let latest = Timestamp::from_millis(before.max(now.as_millis()));
        let mut after = None;
        loop {
            let swept = self.store.sweep(after.as_ref(), 1_000, latest).await.unwrap();
            after = swept.next;
            if after.is_none() {
                return &self.store;
            }
        }
    }
}

#[async_trait]
impl<D: Tested> LockoutStore for Sweeping<D> {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        self.swept(now).await.reserve(reservation, now).await
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        self.swept(now).await.settle(reservation, charges, outcome, now).await
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        self.swept(now).await.status(subjects, now).await
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        self.swept(now).await.lock(subject, until, now).await
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        self.swept(now).await.clear(subject, now).await
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        self.swept(now).await.locked(query, now).await
    }
}

on_each_database!(
    the_store_equals_the_engine_on_random_histories,
    no_sweep_at_any_instant_changes_a_decision,
);
