//! What stands in for a store: [`FailOpen`], [`FailClosed`], and the fallback.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use lockout_core::{
    Charge, LockedBy, Lockout, Outcome, Place, Refusal, Reservation, Reserved, Result, Settlement,
    StoreError, Subject, Timestamp,
};

use super::source::uncounted;

/// What stands in for a store that is out of order: [`FailOpen`], [`FailClosed`] or
/// [`Fallback`](super::Fallback), and nothing else.
pub trait StandIn: Acts {}

impl<M: Acts> StandIn for M {}

/// What a stand-in does. `error` is always the outage's.
#[async_trait]
pub trait Acts: fmt::Debug + Send + Sync + 'static {
    async fn reserve(
        &self,
        error: StoreError,
        reservation: &Reservation<'_>,
        now: Timestamp,
    ) -> Result<Reserved>;

    /// What to answer when a charge of the store cannot be settled.
    fn unsettled(
        &self,
        error: StoreError,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
    ) -> Result<Settlement>;

    async fn status(
        &self,
        error: StoreError,
        subjects: &[Subject],
        now: Timestamp,
    ) -> Result<Vec<Option<Lockout>>>;

    /// Settles the stand-in's own charges.
    async fn settle(
        &self,
        _: &Reservation<'_>,
        _: &[Charge],
        _: Outcome,
        _: Timestamp,
    ) -> Result<Settlement> {
        Ok(Settlement::default())
    }

    /// Unlocks here too.
    async fn clear(&self, _: &Subject, _: Timestamp) {}
}

/// Attempts are admitted during an outage, uncounted: see [`OnOutage::fail_open`].
///
/// [`OnOutage::fail_open`]: super::OnOutage::fail_open
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FailOpen;

#[async_trait]
impl Acts for FailOpen {
    async fn reserve(
        &self,
        _: StoreError,
        reservation: &Reservation<'_>,
        now: Timestamp,
    ) -> Result<Reserved> {
        Ok(Reserved::Charged(vec![uncounted(now); reservation.claims().len()]))
    }

    fn unsettled(
        &self,
        _: StoreError,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
    ) -> Result<Settlement> {
        Ok(left_to_lapse(reservation, charges, outcome))
    }

    async fn status(
        &self,
        _: StoreError,
        subjects: &[Subject],
        _: Timestamp,
    ) -> Result<Vec<Option<Lockout>>> {
        Ok(vec![None; subjects.len()])
    }
}

/// Attempts are refused during an outage: see [`OnOutage::fail_closed`].
///
/// [`OnOutage::fail_closed`]: super::OnOutage::fail_closed
#[derive(Clone, Copy, Debug)]
pub struct FailClosed {
    retry_after: Duration,
}

impl Default for FailClosed {
    fn default() -> Self {
        Self::after(Duration::from_secs(1))
    }
}

impl FailClosed {
    pub(super) const fn after(retry_after: Duration) -> Self {
        Self { retry_after }
    }
}

#[async_trait]
impl Acts for FailClosed {
    async fn reserve(&self, _: StoreError, _: &Reservation<'_>, _: Timestamp) -> Result<Reserved> {
        Ok(Reserved::Refused(Refusal::Unavailable { retry_after: self.retry_after }))
    }

    fn unsettled(
        &self,
        error: StoreError,
        _: &Reservation<'_>,
        _: &[Charge],
        _: Outcome,
    ) -> Result<Settlement> {
        Err(error)
    }

    async fn status(
        &self,
        error: StoreError,
        _: &[Subject],
        _: Timestamp,
    ) -> Result<Vec<Option<Lockout>>> {
        Err(error)
    }
}

/// The lockouts that a failure began though the store could not be told: the lock that the last
/// place set counts as confirmed when its lease is over.
pub(super) fn left_to_lapse(
    reservation: &Reservation<'_>,
    charges: &[Charge],
    outcome: Outcome,
) -> Settlement {
    let mut settlement = Settlement::default();
    if outcome != Outcome::Failure {
        return settlement;
    }
    for ((subject, _), charge) in reservation.claims().zip(charges) {
        if let Place::Last { until } = charge.place {
            let (subject, since, by) = (subject.clone(), charge.at, LockedBy::Rule);
            settlement.locked.push(Lockout { subject, since, until, by });
        }
    }
    settlement
}
