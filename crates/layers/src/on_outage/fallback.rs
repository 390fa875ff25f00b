//! [`Fallback`]: another store that stands in.

use async_trait::async_trait;
use lockout_core::{
    Charge, Claim, Lockout, LockoutStore, Outcome, Policy, Reservation, Reserved, Result, Rule,
    Settlement, StoreError, Subject, Timestamp,
};

use super::source::{Source, uncounted, unmarked};
use super::stand_in::{Acts, left_to_lapse};

/// Attempts are charged to another store during an outage: see [`OnOutage::fall_back_to`].
///
/// [`OnOutage::fall_back_to`]: super::OnOutage::fall_back_to
#[derive(Debug)]
pub struct Fallback<F> {
    store: F,
    policy: Option<Policy>,
}

impl<F> Fallback<F> {
    pub(super) const fn to(store: F) -> Self {
        Self { store, policy: None }
    }

    pub(super) fn set_policy(&mut self, policy: Policy) {
        self.policy = Some(policy);
    }

    pub(super) const fn store(&self) -> &F {
        &self.store
    }

    fn policy<'a>(&'a self, reservation: &Reservation<'a>) -> &'a Policy {
        self.policy.as_ref().unwrap_or_else(|| reservation.policy())
    }
}

/// The claims of those subjects for which `policy` has a rule.
fn claims(policy: &Policy, reservation: &Reservation<'_>) -> Vec<Claim> {
    policy.claims_of(reservation.claims().map(|(subject, _)| subject))
}

/// One charge for each claim of the reservation, of which only some were charged.
fn for_each_claim(
    reservation: &Reservation<'_>,
    policy: &Policy,
    charges: Vec<Charge>,
    now: Timestamp,
) -> Vec<Charge> {
    let mut charges = charges.into_iter();
    let charge = |(_, rule): (&Subject, &Rule)| {
        let own = policy.rule(rule.scope())?;
        let charge = charges.next()?;
        Some(Charge { failures: measured(charge.failures, own, rule), ..charge })
    };
    reservation.claims().map(charge).map(|charge| charge.unwrap_or(uncounted(now))).collect()
}

/// As many failures that are as far from the limit of `to` as these are from that of `from`: a
/// permit measures what is left by the guard's own rule.
fn measured(failures: u32, from: &Rule, to: &Rule) -> u32 {
    let failures = u64::from(failures) + u64::from(to.failure_limit());
    let failures = failures.saturating_sub(u64::from(from.failure_limit()));
    u32::try_from(failures).unwrap_or(u32::MAX)
}

#[async_trait]
impl<F: LockoutStore> Acts for Fallback<F> {
    async fn reserve(
        &self,
        _: StoreError,
        reservation: &Reservation<'_>,
        now: Timestamp,
    ) -> Result<Reserved> {
        let policy = self.policy(reservation);
        let claims = claims(policy, reservation);
        let own = Reservation::new(policy, &claims, reservation.spread());
        match self.store.reserve(&own, now).await? {
            Reserved::Refused(refusal) => Ok(Reserved::Refused(refusal)),
            Reserved::Charged(mut charges) => {
                Source::Fallback.mark(&mut charges);
                Ok(Reserved::Charged(for_each_claim(reservation, policy, charges, now)))
            }
        }
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
        now: Timestamp,
    ) -> Result<Vec<Option<Lockout>>> {
        self.store.status(subjects, now).await
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        let policy = self.policy(reservation);
        let claims = claims(policy, reservation);
        let own = Reservation::new(policy, &claims, reservation.spread());
        let made_here = charges.iter().zip(reservation.claims()).filter_map(|(charge, claim)| {
            let rule = policy.rule(claim.1.scope())?;
            let failures = measured(charge.failures, claim.1, rule);
            Some(Charge { failures, ..unmarked(charge) })
        });
        let charges: Vec<_> = made_here.collect();
        self.store.settle(&own, &charges, outcome, now).await
    }

    /// As well as it can: the answer that an operator gets is the store's.
    async fn clear(&self, subject: &Subject, now: Timestamp) {
        let _ = self.store.clear(subject, now).await;
    }
}
