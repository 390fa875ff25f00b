//! Asking a guard for a place: who is asking, what the lists say, and what the store does.

use std::time::Duration;

use super::Guard;
use crate::access::{AccessLists, Verdict};
use crate::attempt::Attempt;
use crate::clock::Timestamp;
use crate::decision::{Decision, Refusal};
use crate::engine::{self, Standing};
use crate::error::Result;
use crate::event::Event;
use crate::log::LoggedOutcome;
use crate::names::Username;
use crate::permit::Permit;
use crate::policy::Asking;
use crate::store::{Claim, Reservation, Reserved, Spread};

/// What the lists say of an attempt, in short.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listed {
    Nothing,
    Proxy,
    Allowed,
    Denied,
}

impl From<Verdict> for Listed {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Counted { without_ip: false } => Self::Nothing,
            Verdict::Counted { without_ip: true } => Self::Proxy,
            Verdict::Allowed(_) => Self::Allowed,
            Verdict::Denied(_) => Self::Denied,
        }
    }
}

impl Guard {
    /// The first wait for a place; each further one is twice as long, up to a second.
    const FIRST_WAIT: Duration = Duration::from_millis(20);

    /// Asks for a place **before** the password is looked at. Exact: however many ask at once, on
    /// however many nodes, at most `failure_limit + 1` are admitted before a subject locks.
    ///
    /// # Errors
    /// If the store fails. Whether to let the attempt pass then is the caller's choice.
    pub async fn begin(&self, attempt: &Attempt) -> Result<Decision> {
        let mut now = self.now();
        let username = self.0.policy.username_of(attempt);
        let begun = self.begun(attempt, username.as_ref(), now);
        // What few attempts need is in boxes, so that the others carry no room for it.
        let listed = match &self.0.access {
            None => Listed::Nothing,
            Some(lists) => Box::pin(self.listed(lists, attempt, username.as_ref(), now)).await,
        };
        let mut asking = asking(attempt, listed);
        if let Some(cookie) = attempt.cookie() {
            asking.device = Box::pin(self.recognise(cookie, username.as_ref(), now)).await;
        }
        let mut claims = if listed == Listed::Allowed && !self.0.counts_allowed {
            Vec::new()
        } else {
            self.0.policy.claims_of_asking(&asking, username.as_ref())
        };
        let spread = self.spread();
        let mut reservation = Reservation::new(&self.0.policy, &claims, spread);
        let mut reserved = if listed == Listed::Denied {
            Ok(Reserved::Refused(Refusal::Denied))
        } else if claims.is_empty() {
            Ok(Reserved::Charged(Vec::new()))
        } else {
            self.store().reserve(&reservation, now).await
        };
        if reservation.is_trusted() && self.distrusts(&reserved) {
            asking.device = None;
            claims = self.0.policy.claims_of_asking(&asking, username.as_ref());
            reservation = Reservation::new(&self.0.policy, &claims, spread);
            reserved = Box::pin(self.reserve(&reservation, now)).await;
        }
        if !self.0.patience.is_zero() && is_busy(&reserved) {
            reserved = Box::pin(self.wait_for_a_place(&reservation, reserved, now)).await;
            now = self.now();
        }
        if listed == Listed::Allowed && !matches!(reserved, Ok(Reserved::Charged(_))) {
            reserved = self.allow(std::mem::take(&mut claims), reserved);
        }
        match reserved {
            Ok(Reserved::Charged(charges)) => {
                let (asker, entry) = (self.asker(attempt, username), begun.admitted(now));
                let guard = self.clone();
                Ok(Decision::Admitted(Permit::new(guard, claims, charges, spread, asker, entry)))
            }
            Ok(Reserved::Refused(refusal)) => {
                self.tell(|| Event::Refused {
                    subjects: claims.into_iter().map(Claim::into_subject).collect(),
                    refusal: refusal.clone(),
                });
                begun.ended((&refusal).into(), now).await;
                Ok(Decision::Refused(refusal))
            }
            Err(error) => {
                let failed = self.seen(Err(error));
                begun.ended(LoggedOutcome::StoreFailed, now).await;
                failed
            }
        }
    }

    #[cold]
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        if reservation.claims().len() == 0 {
            return Ok(Reserved::Charged(Vec::new()));
        }
        self.store().reserve(reservation, now).await
    }

    /// Lets an attempt pass, uncounted, that the store does not.
    #[cold]
    fn allow(&self, claims: Vec<Claim>, reserved: Result<Reserved>) -> Result<Reserved> {
        if let Ok(Reserved::Refused(refusal)) = self.seen(reserved) {
            let subjects = claims.into_iter().map(Claim::into_subject).collect();
            self.tell(|| Event::Allowed { subjects, refusal });
        }
        Ok(Reserved::Charged(Vec::new()))
    }

    #[cold]
    async fn wait_for_a_place(
        &self,
        reservation: &Reservation<'_>,
        mut reserved: Result<Reserved>,
        start: Timestamp,
    ) -> Result<Reserved> {
        let end = start.saturating_add(self.0.patience);
        let mut wait = Self::FIRST_WAIT;
        loop {
            let left = end.saturating_since(self.0.clock.now());
            if left.is_zero() || !is_busy(&reserved) {
                return reserved;
            }
            self.0.clock.sleep(wait.min(left)).await;
            wait = (wait * 2).min(Refusal::BUSY_RETRY);
            reserved = self.store().reserve(reservation, self.0.clock.now()).await;
        }
    }

    /// Why an attempt would be refused now; charges nothing.
    ///
    /// For callers that learn the outcome elsewhere and [`record`](Guard::record) it later.
    /// **Inexact**: every attempt that is checked before another's failure is recorded passes, so
    /// up to `failure_limit` plus the number of attempts under way are let through. Use
    /// [`begin`](Guard::begin) wherever you can.
    ///
    /// A refusal is written into the log, as it ends the attempt; what passes is written when it is
    /// recorded.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn check(&self, attempt: &Attempt) -> Result<Option<Refusal>> {
        let now = self.now();
        let username = self.0.policy.username_of(attempt);
        let listed = match &self.0.access {
            None => Listed::Nothing,
            Some(lists) => Box::pin(self.listed(lists, attempt, username.as_ref(), now)).await,
        };
        let refusal = match listed {
            Listed::Allowed => None,
            Listed::Denied => Some(Refusal::Denied),
            Listed::Nothing | Listed::Proxy => {
                let mut asking = asking(attempt, listed);
                if let Some(cookie) = attempt.cookie() {
                    asking.device = Box::pin(self.recognise(cookie, username.as_ref(), now)).await;
                }
                let mut refusal = self.refusal(&asking, username.as_ref(), now).await?;
                let is_trusted = asking.device.take().is_some();
                if is_trusted
                    && refusal.as_ref().is_some_and(|refusal| self.distrusts_when(refusal))
                {
                    refusal = self.refusal(&asking, username.as_ref(), now).await?;
                }
                refusal
            }
        };
        if let Some(refusal) = &refusal {
            self.begun(attempt, username.as_ref(), now).ended(refusal.into(), now).await;
        }
        Ok(refusal)
    }

    async fn refusal(
        &self,
        asking: &Asking<'_>,
        username: Option<&Username>,
        now: Timestamp,
    ) -> Result<Option<Refusal>> {
        let claims = self.0.policy.claims_of_asking(asking, username);
        let reservation = Reservation::new(&self.0.policy, &claims, Spread::default());
        let subjects: Vec<_> = claims.iter().map(|claim| claim.subject().clone()).collect();
        let lockouts = self.seen(self.store().status(&subjects, now).await)?;
        if lockouts.iter().all(Option::is_none) {
            return Ok(None);
        }
        let standings: Vec<_> = lockouts.iter().map(Standing::from).collect();
        Ok(engine::refusal(&reservation, &standings, now))
    }

    /// What the lists say of an attempt.
    #[cold]
    async fn listed(
        &self,
        lists: &AccessLists,
        attempt: &Attempt,
        username: Option<&Username>,
        now: Timestamp,
    ) -> Listed {
        let (list, failed) = lists.current(self.0.policy.names(), now).await;
        if let Some(error) = failed {
            self.tell(|| Event::AccessListFailed(error.kind()));
        }
        list.verdict(username, attempt.counted_ip()).into()
    }
}

/// What of an attempt is counted, unless it has a device cookie.
fn asking(attempt: &Attempt, listed: Listed) -> Asking<'_> {
    let ip = attempt.counted_ip().filter(|_| listed != Listed::Proxy);
    Asking { attempt, ip, device: attempt.device() }
}

const fn is_busy(reserved: &Result<Reserved>) -> bool {
    matches!(reserved, Ok(Reserved::Refused(Refusal::Busy { .. })))
}
