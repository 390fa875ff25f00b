//! The permit: a place at the login, until it is settled.

use std::fmt;

use crate::decision::{Lockout, Outcome};
use crate::error::Result;
use crate::guard::{Asker, Guard};
use crate::log::AttemptEntry;
use crate::record::LockedBy;
use crate::store::{Charge, Claim, Place, Reservation, Settlement, Spread};
use crate::subject::Subject;

/// A place at the login: look at the password, then say what came of it.
///
/// The attempt is already charged. Dropping the permit leaves it so, exactly as a failure would:
/// a client that hangs up, a task that is cancelled and a process that dies gain nothing.
#[must_use = "a permit that is dropped counts as a failure"]
pub struct Permit {
    guard: Guard,
    claims: Vec<Claim>,
    charges: Vec<Charge>,
    spread: Spread,
    settled: bool,
    /// Whom to trust once it has succeeded, if there are trusted devices.
    asker: Option<Box<Asker>>,
    /// What is yet to be logged. In a box, since a permit is moved often, and most are not logged.
    entry: Option<Box<AttemptEntry>>,
}

impl Permit {
    pub(crate) const fn new(
        guard: Guard,
        claims: Vec<Claim>,
        charges: Vec<Charge>,
        spread: Spread,
        asker: Option<Box<Asker>>,
        entry: Option<Box<AttemptEntry>>,
    ) -> Self {
        Self { guard, claims, charges, spread, settled: false, asker, entry }
    }

    /// The credentials were right: failures are forgotten or given back as each rule says.
    ///
    /// # Errors
    /// If the store fails. The user may be let in all the same; his earlier failures then stay
    /// counted, this attempt among them.
    pub async fn succeed(self) -> Result<Settlement> {
        self.settle(Outcome::Success).await
    }

    /// The credentials were wrong. The settlement names the lockouts that this failure began.
    ///
    /// # Errors
    /// If the store fails. The failure is counted all the same.
    pub async fn fail(self) -> Result<Settlement> {
        self.settle(Outcome::Failure).await
    }

    /// Nobody could look at the credentials, because the verifier itself broke: nothing is
    /// counted. Never call it for a reason that a client can bring about.
    ///
    /// # Errors
    /// If the store fails; the attempt then stays charged.
    pub async fn cancel(self) -> Result<Settlement> {
        self.settle(Outcome::Cancelled).await
    }

    /// Settles with an outcome that was found elsewhere.
    ///
    /// # Errors
    /// If the store fails; the attempt then stays charged.
    pub async fn settle(mut self, outcome: Outcome) -> Result<Settlement> {
        let now = self.guard.now();
        if let Some(entry) = &mut self.entry {
            // Whoever goes away while the store works has said it all the same.
            entry.outcome = outcome.into();
        }
        let reservation = Reservation::new(self.guard.policy(), &self.claims, self.spread);
        let mut settlement = self.guard.settle(&reservation, &self.charges, outcome, now).await;
        self.settled = settlement.is_ok();
        if let (Some(asker), Ok(settlement)) = (self.asker.take(), &mut settlement) {
            self.guard.settle_devices(*asker, outcome, settlement, now).await;
        }
        if let Some(mut entry) = self.entry.take() {
            entry.at = now;
            if let Err(entry) = self.guard.hand_over(*entry) {
                self.guard.append(entry).await;
            }
        }
        settlement
    }

    /// How many further failures are tolerated if this attempt fails, by the strictest rule; zero
    /// if the next one locks. `None` if this one does; `u32::MAX` if no rule counts the attempt.
    ///
    /// A page that shows it tells a guesser how to stay below the limit.
    #[must_use]
    pub fn failures_left(&self) -> Option<u32> {
        let reservation = Reservation::new(self.guard.policy(), &self.claims, self.spread);
        reservation
            .claims()
            .zip(&self.charges)
            .map(|((_, rule), charge)| rule.failure_limit().checked_sub(charge.failures))
            .min()
            .unwrap_or(Some(u32::MAX))
    }

    /// The subjects that this attempt is charged to.
    pub fn subjects(&self) -> impl ExactSizeIterator<Item = &Subject> {
        self.claims.iter().map(Claim::subject)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.guard.leave(*entry);
        }
        if self.settled || !self.guard.is_observed() {
            return;
        }
        // Nobody will confirm this lockout, so nobody else will tell of it.
        for (claim, charge) in self.claims.iter().zip(&self.charges) {
            if let Place::Last { until } = charge.place {
                let (since, by) = (charge.at, LockedBy::Rule);
                let subject = claim.subject().clone();
                self.guard.tell_locked(&Lockout { subject, since, until, by });
            }
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subjects: Vec<_> = self.subjects().collect();
        f.debug_struct("Permit").field("subjects", &subjects).finish_non_exhaustive()
    }
}
