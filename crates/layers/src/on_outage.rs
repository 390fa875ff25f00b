//! [`OnOutage`]: what happens while the store is out of order.

mod fallback;
mod source;
mod stand_in;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lockout_core::{
    Charge, LockedQuery, Lockout, LockoutStore, Observer, Outcome, Page, Policy, Reservation,
    Reserved, Result, Settlement, StoreError, Subject, Timestamp,
};

pub use self::fallback::Fallback;
use self::source::Source;
pub use self::stand_in::{FailClosed, FailOpen, StandIn};
use self::watch::{Call, Watch};
use crate::outage::{is_outage, settling_writes};

/// A store for which something stands in while it is out of order.
///
/// Out of order are errors of the kinds `Unavailable`, `Timeout` and `CircuitOpen`. Any other error
/// is an answer, and is passed on: a wrong configuration or an unreadable record must not open a
/// login.
///
/// | | [`fail_open`] | [`fail_closed`] | [`fall_back_to`] |
/// | --- | --- | --- | --- |
/// | an attempt | is admitted, **uncounted** | is refused: [`Refusal::Unavailable`] | is charged to the fallback |
/// | settling what the store charged | is given up: the charge stays | the error | is given up: the charge stays |
/// | a subject's status | not locked | the error | what the fallback says |
/// | locking, unlocking, listing | the error | the error | the error; an unlock unlocks in the fallback too |
///
/// The safe wrong answer is a refusal, and only `fail_closed` never gives another; but then an
/// outage of the store is one of every login. `fail_open` grants guesses without bound as long as
/// the outage lasts. A fallback grants each subject its own limit of guesses, once in **each**
/// process, since the processes' fallbacks do not know of one another; what the store had locked is
/// not locked there. Guesses in `n` processes during one outage are so bounded by
/// `n × (limit + 1)` on top of those in the store, for each time that the fallback forgets. The
/// fallback keeps its records between outages, so a store that comes and goes starts nothing anew.
///
/// A charge is settled where it was made, even if the outage began or ended meanwhile: nothing of
/// the fallback reaches the store, and nothing uncounted is given back. A charge of the store that
/// cannot be settled stays, as that of a dropped permit would: a success is then not forgotten by
/// the count, and if it took the last place, its lock is in force when the lease is over. The
/// failure that took the last place is answered with that lockout. An attempt whose charge timed
/// out may be charged twice, to the store and to the fallback; both err towards refusing.
///
/// One alarm for each outage: [`OutageBegan`](lockout_core::Event::OutageBegan) at its first error,
/// [`OutageEnded`](lockout_core::Event::OutageEnded) at the first answer to a call that began after
/// its latest error. Refusals, and settlements that change no record, do not count as such an
/// answer: a cache within may have given them. Observers are told in order, under a lock: they must
/// not wait for this store.
///
/// [`fail_open`]: OnOutage::fail_open
/// [`fail_closed`]: OnOutage::fail_closed
/// [`fall_back_to`]: OnOutage::fall_back_to
/// [`Refusal::Unavailable`]: lockout_core::Refusal::Unavailable
#[derive(Debug)]
pub struct OnOutage<S, M> {
    inner: S,
    stand_in: M,
    watch: Watch,
}

impl<S> OnOutage<S, FailOpen> {
    /// Admits every attempt during an outage, uncounted.
    #[must_use]
    pub fn fail_open(inner: S) -> Self {
        Self::new(inner, FailOpen)
    }
}

impl<S> OnOutage<S, FailClosed> {
    /// Refuses every attempt during an outage, and tells it to retry after a second.
    #[must_use]
    pub fn fail_closed(inner: S) -> Self {
        Self::new(inner, FailClosed::default())
    }

    /// Sets when a refused attempt is told to try again.
    #[must_use]
    pub fn retry_after(mut self, period: Duration) -> Self {
        self.stand_in = FailClosed::after(period);
        self
    }
}

impl<S, F> OnOutage<S, Fallback<F>> {
    /// Charges attempts to `fallback` during an outage: an in-process store of its own, that
    /// nothing else uses.
    #[must_use]
    pub fn fall_back_to(inner: S, fallback: F) -> Self {
        Self::new(inner, Fallback::to(fallback))
    }

    /// Sets the rules that hold during an outage, in place of the guard's. A subject of a scope for
    /// which `policy` has no rule is then not counted: if there are trusted devices, it has to have their
    /// rules too.
    ///
    /// Subjects stay as the guard's policy made them (the network of an IPv6 address, say), and
    /// jitter is drawn only if that policy has some.
    #[must_use]
    pub fn fallback_policy(mut self, policy: Policy) -> Self {
        self.stand_in.set_policy(policy);
        self
    }

    /// The store that is used during an outage.
    #[must_use]
    pub const fn fallback(&self) -> &F {
        self.stand_in.store()
    }
}

impl<S, M> OnOutage<S, M> {
    fn new(inner: S, stand_in: M) -> Self {
        Self { inner, stand_in, watch: Watch::default() }
    }

    /// Tells `observer` of outages.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.watch.add(Arc::new(observer));
        self
    }

    /// Whether the store is out of order, as far as is known.
    #[must_use]
    pub fn is_out_of_order(&self) -> bool {
        self.watch.is_out()
    }

    /// The store within.
    #[must_use]
    pub const fn inner(&self) -> &S {
        &self.inner
    }
}

/// Notes what an answer says about the store. `proves` is whether a success proves that it works.
fn noted<T>(call: Call<'_>, answer: Result<T>, proves: impl FnOnce(&T) -> bool) -> Result<T> {
    match &answer {
        Err(error) if is_outage(error.kind()) => call.failed(error.kind()),
        Ok(answer) if !proves(answer) => {}
        _ => call.answered(),
    }
    answer
}

/// The error of an outage apart from all other answers.
fn outage<T>(answer: Result<T>) -> Result<Result<T>, StoreError> {
    match answer {
        Err(error) if is_outage(error.kind()) => Err(error),
        answer => Ok(answer),
    }
}

impl<S: LockoutStore, M: StandIn> OnOutage<S, M> {
    async fn settle_in_store(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        let call = self.watch.begin();
        let settled = self.inner.settle(reservation, charges, outcome, now).await;
        let proves = settling_writes(reservation, charges, outcome);
        match outage(noted(call, settled, |_| proves)) {
            Ok(answer) => answer,
            Err(error) => self.stand_in.unsettled(error, reservation, charges, outcome),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: LockoutStore, M: StandIn> LockoutStore for OnOutage<S, M> {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        let call = self.watch.begin();
        let reserved = self.inner.reserve(reservation, now).await;
        let proves = |reserved: &Reserved| matches!(reserved, Reserved::Charged(charges) if !charges.is_empty());
        match outage(noted(call, reserved, proves)) {
            Ok(Ok(Reserved::Charged(mut charges))) => {
                Source::Store.mark(&mut charges);
                Ok(Reserved::Charged(charges))
            }
            Ok(answer) => answer,
            Err(error) => self.stand_in.reserve(error, reservation, now).await,
        }
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        let from = |source| charges.iter().any(|charge| Source::of(charge) == source);
        if from(Source::Fallback) {
            return self.stand_in.settle(reservation, charges, outcome, now).await;
        }
        if from(Source::Nobody) {
            return Ok(Settlement::default());
        }
        let charges: Vec<_> = charges.iter().map(source::unmarked).collect();
        self.settle_in_store(reservation, &charges, outcome, now).await
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        let call = self.watch.begin();
        let status = self.inner.status(subjects, now).await;
        let proves = |status: &Vec<Option<Lockout>>| status.iter().any(Option::is_none);
        match outage(noted(call, status, proves)) {
            Ok(answer) => answer,
            Err(error) => self.stand_in.status(error, subjects, now).await,
        }
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let call = self.watch.begin();
        noted(call, self.inner.lock(subject, until, now).await, |_| true)
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        let call = self.watch.begin();
        let cleared = noted(call, self.inner.clear(subject, now).await, |_| true);
        self.stand_in.clear(subject, now).await;
        cleared
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        let call = self.watch.begin();
        noted(call, self.inner.locked(query, now).await, |_| true)
    }
}
