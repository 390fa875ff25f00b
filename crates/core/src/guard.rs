//! The guard: what a login handler talks to.

mod asking;
mod devices;
mod logging;

pub(crate) use self::devices::Asker;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::access::AccessLists;
use crate::attempt::Attempt;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::decision::{Decision, Lockout, Outcome, Refusal};
use crate::device::TrustedDevices;
use crate::error::{Result, StoreError};
use crate::event::{Event, Observer, Observers};
use crate::log::AttemptLog;
use crate::policy::Policy;
use crate::record::LockedBy;
use crate::scope::Scope;
use crate::store::{
    Charge, Claim, LockedQuery, LockoutStore, Page, Reservation, Settlement, Spread,
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
    access: Option<AccessLists>,
    counts_allowed: bool,
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
    access: Option<AccessLists>,
    counts_allowed: bool,
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

    /// Refuses whom `lists` deny, and lets in whom they allow: [`AccessLists`]. Default: nobody is
    /// listed.
    ///
    /// Whom they allow may guess without end, so an allowed name is one that nobody can log in with by
    /// a password alone, and an allowed network one that no stranger reaches you from.
    pub fn access(mut self, lists: AccessLists) -> Self {
        self.access = Some(lists);
        self
    }

    /// Whether attempts that are allowed are counted all the same: their subjects lock, for strangers
    /// too, and what would have been refused is told as [`Event::Allowed`]. Default: they are not.
    pub fn counts_allowed(mut self, counts: bool) -> Self {
        self.counts_allowed = counts;
        self
    }

    /// The guard.
    #[must_use]
    pub fn build(self) -> Guard {
        let Self {
            store,
            policy,
            clock,
            patience,
            observers,
            log,
            devices,
            access,
            counts_allowed,
        } = self;
        let parts = Parts {
            store,
            policy,
            clock,
            patience,
            observers,
            log,
            devices,
            access,
            counts_allowed,
        };
        Guard(Arc::new(parts))
    }
}

impl Guard {
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
            access: None,
            counts_allowed: false,
        }
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

    /// The lockouts of an attempt's subjects, whatever device cookie it brings.
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
    /// Only a subject that one of the policy's rules counts can refuse an attempt. A trusted device
    /// passes a lock of its name, whoever set it: to keep everybody out, [deny](crate::AccessLists) the
    /// name.
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
        if charges.is_empty() {
            return Ok(Settlement::default());
        }
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

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("store", &self.0.store)
            .field("policy", &self.0.policy)
            .field("clock", &self.0.clock)
            .field("log", &self.0.log)
            .field("devices", &self.0.devices)
            .field("access", &self.0.access)
            .finish_non_exhaustive()
    }
}
