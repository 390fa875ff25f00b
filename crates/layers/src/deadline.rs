//! [`Deadline`]: no call takes longer.

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use lockout_core::{
    Charge, Effect, LockedQuery, Lockout, LockoutStore, Outcome, Page, Reservation, Reserved,
    Result, Settlement, StoreError, StoreErrorKind, Subject, Timestamp,
};

/// A store of which no call takes longer than a given time (feature `deadline`).
///
/// A call that is cut short is an error of kind [`Timeout`](StoreErrorKind::Timeout). What it was
/// to change is then unknown: an attempt may have been charged all the same, which errs towards
/// refusing. Only calls that change nothing say so.
///
/// The deadline is measured by tokio's timer, so calls need a tokio runtime with time enabled. It
/// lies outside of whatever the store retries by itself, and should be longer than that.
#[derive(Clone, Copy, Debug)]
pub struct Deadline<S> {
    inner: S,
    limit: Duration,
}

impl<S> Deadline<S> {
    /// `inner`, of which every call is given up after `limit`.
    #[must_use]
    pub const fn new(inner: S, limit: Duration) -> Self {
        Self { inner, limit }
    }

    /// The store within.
    #[must_use]
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// The store within, without the deadline.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }

    async fn within<T>(
        &self,
        effect: Effect,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        match tokio::time::timeout(self.limit, call).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(self.too_late(effect).with_source(elapsed)),
        }
    }

    #[cold]
    fn too_late(&self, effect: Effect) -> StoreError {
        let message = format!(
            "no answer within {:?}: look whether the store is overloaded or the network slow, or \
             allow it more time",
            self.limit
        );
        StoreError::new(StoreErrorKind::Timeout, effect, "deadline", message)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: LockoutStore> LockoutStore for Deadline<S> {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        self.within(Effect::Unknown, self.inner.reserve(reservation, now)).await
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        let call = self.inner.settle(reservation, charges, outcome, now);
        self.within(Effect::Unknown, call).await
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        self.within(Effect::None, self.inner.status(subjects, now)).await
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        self.within(Effect::Unknown, self.inner.lock(subject, until, now)).await
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        self.within(Effect::Unknown, self.inner.clear(subject, now)).await
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        self.within(Effect::None, self.inner.locked(query, now)).await
    }
}
