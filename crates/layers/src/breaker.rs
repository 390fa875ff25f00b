//! [`Breaker`]: a store that fails is left alone for a while.

mod circuit;

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use lockout_core::{
    Charge, LockedQuery, Lockout, LockoutStore, Outcome, Page, Reservation, Reserved, Result,
    Settlement, StoreError, Subject, Timestamp,
};

use self::circuit::Circuit;
use crate::outage::settling_writes;

/// A store that is left alone for a while when it fails: a circuit breaker.
///
/// After five failures in a row ([`failures`](Self::failures)) the circuit opens: for a second
/// ([`cooloff`](Self::cooloff)) every call is answered
/// [`CircuitOpen`](lockout_core::StoreErrorKind::CircuitOpen) at once and changes nothing. Then one
/// call at a time is let through as a probe. Its success closes the circuit; its failure opens it
/// again for twice as long, up to half a minute.
///
/// What counts are the store's **answers**. Errors of the kinds `Unavailable`, `Timeout` and
/// `CircuitOpen` are failures. All others are answers of a store that works, and count as
/// successes. A call whose future is dropped counts as nothing, so clients that hang up cannot open
/// the circuit; a probe that is dropped gives its place to the next call. The answer of a call that
/// began before the circuit last opened or closed counts as nothing either.
///
/// Calls to which a store may know the answer without asking anybody (an attempt without subjects,
/// a settlement that changes no record) are passed on in any case, and count as nothing.
///
/// A store that never answers never fails: put a `Deadline` inside. The time is the argument of
/// each call; if it steps back, an open circuit stays open for one more cooloff at most.
#[derive(Debug)]
pub struct Breaker<S> {
    inner: S,
    circuit: Circuit,
}

impl<S> Breaker<S> {
    /// `inner`, left alone for a second after five failures in a row.
    #[must_use]
    pub const fn new(inner: S) -> Self {
        Self { inner, circuit: Circuit::new() }
    }

    /// Sets how many failures in a row open the circuit; at least one.
    #[must_use]
    pub fn failures(mut self, failures: u32) -> Self {
        self.circuit.tolerate(failures);
        self
    }

    /// Sets how long the circuit stays open at first, and at most after probes that failed.
    #[must_use]
    pub fn cooloff(mut self, first: Duration, longest: Duration) -> Self {
        self.circuit.stay_open(first, longest);
        self
    }

    /// Whether the circuit is open, or waits for a probe's answer.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.circuit.is_open()
    }

    /// The store within.
    #[must_use]
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// The store within, without the breaker.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }

    async fn through<T>(
        &self,
        now: Timestamp,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let pass = self.circuit.ask(now)?;
        let answer = call.await;
        pass.answered(answer.as_ref().err().map(StoreError::kind));
        answer
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: LockoutStore> LockoutStore for Breaker<S> {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        let call = self.inner.reserve(reservation, now);
        if reservation.claims().len() == 0 { call.await } else { self.through(now, call).await }
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        let call = self.inner.settle(reservation, charges, outcome, now);
        if settling_writes(reservation, charges, outcome) {
            self.through(now, call).await
        } else {
            call.await
        }
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        let call = self.inner.status(subjects, now);
        if subjects.is_empty() { call.await } else { self.through(now, call).await }
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        self.through(now, self.inner.lock(subject, until, now)).await
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        self.through(now, self.inner.clear(subject, now)).await
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        self.through(now, self.inner.locked(query, now)).await
    }
}
