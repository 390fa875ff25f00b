//! Physical expiry is garbage collection and never the decision: a store that deletes every expired
//! record at once decides as one that keeps them.

use std::sync::Arc;

use async_trait::async_trait;
use lockout_core::{
    Charge, LockedQuery, Lockout, LockoutStore, MapStore, Outcome, Page, Reservation, Reserved,
    Result, Settlement, Subject, Timestamp,
};
use lockout_testkit::conformance::block_on;
use lockout_testkit::differential;

/// Sweeps before every call.
#[derive(Debug, Default)]
struct Sweeping(MapStore);

impl Sweeping {
    fn at(&self, now: Timestamp) -> &MapStore {
        self.0.sweep(now);
        &self.0
    }
}

#[async_trait]
impl LockoutStore for Sweeping {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        self.at(now).reserve(reservation, now).await
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        self.at(now).settle(reservation, charges, outcome, now).await
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        self.at(now).status(subjects, now).await
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        self.at(now).lock(subject, until, now).await
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        self.at(now).clear(subject, now).await
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        self.at(now).locked(query, now).await
    }
}

#[test]
fn sweeping_at_every_instant_changes_no_decision() {
    for seed in 0..8 {
        block_on(differential::run(Arc::new(Sweeping::default()), seed, 100));
    }
}
