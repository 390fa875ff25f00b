//! The guard: what a login handler talks to.

mod devices;
mod logging;

pub(crate) use self::devices::Asker;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::attempt::Attempt;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::decision::{Decision, Lockout, Outcome, Refusal};
use crate::device::{DeviceId, TrustedDevices};
use crate::engine::{self, Standing};
use crate::error::{Result, StoreError};
use crate::event::{Event, Observer, Observers};
use crate::log::{AttemptLog, LoggedOutcome};
use crate::names::Username;
use crate::permit::Permit;
use crate::policy::Policy;
use crate::record::LockedBy;
use crate::scope::Scope;
use crate::store::{
    Charge, Claim, LockedQuery, LockoutStore, Page, Reservation, Reserved, Settlement, Spread,
};
use crate::subject::Subject;

/// Guards a login: [`begin`](Guard::begin) before the password is looked at, then settle the
/// permit. Clones share everything.
///
/// ```
/// # async fn handler(password_is_right: bool) -> Result<(), Box<dyn std::error::Error>> {
/// use lockout_core::{Attempt, Decision, Guard, MapStore, Policy};
///
/// let guard = Guard::new(MapStore::new(), Policy::default());
///
/// let attempt = Attempt::new().username("alice").ip([203, 0, 113, 7]);
/// match guard.begin(&attempt).await? {
///     Decision::Refused(refusal) => println!("try again in {:?}", refusal.retry_after()),
///     Decision::Admitted(permit) if password_is_right => drop(permit.succeed().await?),
///     Decision::Admitted(permit) => drop(permit.fail().await?),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Guard(Arc<Parts>);

struct Parts {
    store: Box<dyn LockoutStore>,
    policy: Policy,
    clock: Box<dyn Clock>,
    patience: Duration,
    observers: Observers,
    log: Option<Box<dyn AttemptLog>>,
    devices: Option<Box<dyn TrustedDevices>>,
}

/// Makes a [`Guard`].
#[must_use = "a builder makes nothing until it is built"]
#[derive(Debug)]
pub struct GuardBuilder {
    store: Box<dyn LockoutStore>,
    policy: Policy,
    clock: Box<dyn Clock>,
    patience: Duration,
    observers: Observers,
    log: Option<Box<dyn AttemptLog>>,
    devices: Option<Box<dyn TrustedDevices>>,
}

impl GuardBuilder {
    /// Reads the time from `clock` instead of the machine's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Waits up to `patience` for a place before it answers [`Refusal::Busy`]. Default: not at all.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Tells `observer` of every event.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Writes each attempt into `log`, once: when it is refused, settled or abandoned. Default: none
    /// is written.
    ///
    /// The store is always done first, and a log that fails changes nothing: it is an
    /// [`Event::LogFailed`]. But the answer to a login waits for a log that has to wait for its
    /// server; `BackgroundLog` of `lockout-layers` lets nobody wait. A permit that is dropped cannot
    /// wait: unless the log takes its entry [at once](AttemptLog::try_append), that is lost and told
    /// as [`Event::AttemptsDropped`].
    pub fn log(mut self, log: impl AttemptLog) -> Self {
        self.log = Some(Box::new(log));
        self
    }

    /// Trusts browsers that users have logged in with: an attempt with such a
    /// [cookie](Attempt::device_cookie) of its name counts for the device alone and is let in though
    /// the name is locked. Each success hands out a new one: see [`Settlement::device_cookie`].
    /// Default: no browser is trusted.
    pub fn devices(mut self, devices: impl TrustedDevices) -> Self {
        self.devices = Some(Box::new(devices));
        self
    }

    /// The guard.
    #[must_use]
    pub fn build(self) -> Guard {
        let Self { store, policy, clock, patience, observers, log, devices } = self;
        Guard(Arc::new(Parts { store, policy, clock, patience, observers, log, devices }))
    }
}

impl Guard {
    /// The first wait for a place; each further one is twice as long, up to a second.
    const FIRST_WAIT: Duration = Duration::from_millis(20);

    /// A guard with the machine's clock and no observers.
    #[must_use]
    pub fn new(store: impl LockoutStore, policy: Policy) -> Self {
        Self::builder(store, policy).build()
    }

    /// A builder of a guard.
    pub fn builder(store: impl LockoutStore, policy: Policy) -> GuardBuilder {
        GuardBuilder {
            store: Box::new(store),
            policy,
            clock: Box::new(SystemClock),
            patience: Duration::ZERO,
            observers: Observers::default(),
            log: None,
            devices: None,
        }
    }

    /// Asks for a place **before** the password is looked at. Exact: however many ask at once, on
    /// however many nodes, at most `failure_limit + 1` are admitted before a subject locks.
    ///
    /// # Errors
    /// If the store fails. Whether to let the attempt pass then is the caller's choice.
    pub async fn begin(&self, attempt: &Attempt) -> Result<Decision> {
        let mut now = self.0.clock.now();
        let username = self.0.policy.username_of(attempt);
        let begun = self.begun(attempt, username.as_ref(), now);
        let device = match attempt.cookie() {
            Some(cookie) => self.recognise(cookie, username.as_ref(), now).await,
            None => attempt.device(),
        };
        let mut claims = self.0.policy.claims_as(attempt, username.as_ref(), device);
        let spread = self.spread();
        let mut reservation = Reservation::new(&self.0.policy, &claims, spread);
        let mut reserved = self.store().reserve(&reservation, now).await;
        if reservation.is_trusted() && self.distrusts(&reserved) {
            claims = self.0.policy.claims_as(attempt, username.as_ref(), None);
            reservation = Reservation::new(&self.0.policy, &claims, spread);
            reserved = self.store().reserve(&reservation, now).await;
        }
        if !self.0.patience.is_zero() && is_busy(&reserved) {
            reserved = self.wait_for_a_place(&reservation, reserved, now).await;
            now = self.0.clock.now();
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
        let now = self.0.clock.now();
        let username = self.0.policy.username_of(attempt);
        let device = match attempt.cookie() {
            Some(cookie) => self.recognise(cookie, username.as_ref(), now).await,
            None => attempt.device(),
        };
        let mut refusal = self.refusal(attempt, username.as_ref(), device, now).await?;
        if device.is_some() && refusal.as_ref().is_some_and(|refusal| self.distrusts_when(refusal))
        {
            refusal = self.refusal(attempt, username.as_ref(), None, now).await?;
        }
        if let Some(refusal) = &refusal {
            self.begun(attempt, username.as_ref(), now).ended(refusal.into(), now).await;
        }
        Ok(refusal)
    }

    async fn refusal(
        &self,
        attempt: &Attempt,
        username: Option<&Username>,
        device: Option<DeviceId>,
        now: Timestamp,
    ) -> Result<Option<Refusal>> {
        let claims = self.0.policy.claims_as(attempt, username, device);
        let reservation = Reservation::new(&self.0.policy, &claims, Spread::default());
        let subjects: Vec<_> = claims.iter().map(|claim| claim.subject().clone()).collect();
        let lockouts = self.seen(self.store().status(&subjects, now).await)?;
        if lockouts.iter().all(Option::is_none) {
            return Ok(None);
        }
        let standings: Vec<_> = lockouts.iter().map(Standing::from).collect();
        Ok(engine::refusal(&reservation, &standings, now))
    }

    /// Counts the outcome of an attempt that was [`check`](Guard::check)ed before.
    ///
    /// If the attempt would be refused by now, nothing is counted and the refusal is returned: the
    /// subject is locked already.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn record(&self, attempt: &Attempt, outcome: Outcome) -> Result<Option<Refusal>> {
        match self.begin(attempt).await? {
            Decision::Refused(refusal) => Ok(Some(refusal)),
            Decision::Admitted(permit) => permit.settle(outcome).await.map(|_| None),
        }
    }

    /// The lockout of each of these subjects that is locked now, in their order.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn status(&self, subjects: &[Subject]) -> Result<Vec<Option<Lockout>>> {
        self.seen(self.store().status(subjects, self.0.clock.now()).await)
    }

    /// The lockouts of an attempt's subjects.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn lockouts(&self, attempt: &Attempt) -> Result<Vec<Lockout>> {
        let claims = self.0.policy.claims(attempt);
        let subjects: Vec<_> = claims.into_iter().map(Claim::into_subject).collect();
        Ok(self.status(&subjects).await?.into_iter().flatten().collect())
    }

    /// A page of all subjects that are locked now; of those in the policy's namespace, if it has one.
    ///
    /// # Errors
    /// If the store fails or the cursor is not one of its own.
    pub async fn locked(&self, query: &LockedQuery) -> Result<Page<Lockout>> {
        let namespace = query.namespace.or(self.0.policy.namespace());
        let query = LockedQuery { namespace, ..query.clone() };
        self.seen(self.store().locked(&query, self.0.clock.now()).await)
    }

    /// Locks `subject` by hand for `period`, or until somebody unlocks it. A lock that ends later
    /// stays as it is. Whether it was not locked before.
    ///
    /// Only a subject that one of the policy's rules counts can refuse an attempt.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn lock(&self, subject: &Subject, period: Option<Duration>) -> Result<bool> {
        let now = self.0.clock.now();
        let until = period.map(|period| now.saturating_add(period));
        let begins = self.seen(self.store().lock(subject, until, now).await)?;
        if begins {
            let (subject, by) = (subject.clone(), LockedBy::Operator);
            self.tell(|| Event::Locked(Lockout { subject, since: now, until, by }));
        }
        Ok(begins)
    }

    /// Unlocks `subject` and forgets its failures, but not the history that makes its lockouts
    /// longer. Whether it was locked.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn unlock(&self, subject: &Subject) -> Result<bool> {
        let was_locked = self.seen(self.store().clear(subject, self.0.clock.now()).await)?;
        if was_locked {
            self.tell(|| Event::Unlocked(subject.clone()));
        }
        Ok(was_locked)
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// The time as this guard sees it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        let settlement =
            self.seen(self.store().settle(reservation, charges, outcome, now).await)?;
        for lockout in &settlement.locked {
            self.tell_locked(lockout);
        }
        for subject in &settlement.unlocked {
            self.tell(|| Event::Unlocked(subject.clone()));
        }
        Ok(settlement)
    }

    pub(crate) fn is_observed(&self) -> bool {
        !self.0.observers.is_empty()
    }

    pub(crate) fn tell_locked(&self, lockout: &Lockout) {
        self.tell(|| Event::Locked(lockout.clone()));
        if lockout.subject.scope() == Scope::DeviceTotal {
            self.tell(|| Event::DeviceRevoked(lockout.subject.clone()));
        }
    }

    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        self.0.observers.tell(event);
    }

    /// The store itself: a call on the box would go through the box's own implementation.
    fn store(&self) -> &dyn LockoutStore {
        &*self.0.store
    }

    fn spread(&self) -> Spread {
        if self.0.policy.draws_jitter() {
            Spread::new(fastrand::u16(..))
        } else {
            Spread::default()
        }
    }

    fn seen<T>(&self, result: Result<T>) -> Result<T> {
        result.inspect_err(|error: &StoreError| {
            self.tell(|| Event::StoreFailed(error.kind()));
        })
    }
}

const fn is_busy(reserved: &Result<Reserved>) -> bool {
    matches!(reserved, Ok(Reserved::Refused(Refusal::Busy { .. })))
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("store", &self.0.store)
            .field("policy", &self.0.policy)
            .field("clock", &self.0.clock)
            .field("log", &self.0.log)
            .field("devices", &self.0.devices)
            .finish_non_exhaustive()
    }
}
