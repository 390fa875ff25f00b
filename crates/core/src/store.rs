//! The trait that a backend implements, and what goes in and out of it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::decision::{Lockout, Outcome, Refusal};
use crate::device::DeviceCookie;
use crate::engine::Settled;
use crate::error::{Effect, Result, StoreError, StoreErrorKind};
use crate::policy::{Combine, Policy};
use crate::rule::Rule;
use crate::scope::{Namespace, Scope};
use crate::subject::{Subject, SubjectError};

/// One subject of an attempt, and which of the policy's rules counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    subject: Subject,
    rule: usize,
}

impl Claim {
    pub(crate) const fn new(subject: Subject, rule: usize) -> Self {
        Self { subject, rule }
    }

    /// Who is counted.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    pub(crate) fn into_subject(self) -> Subject {
        self.subject
    }
}

/// Chance, as an argument: how much of a rule's jitter a lockout gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread(u16);

impl Spread {
    /// A spread of `fraction` / 65536.
    #[must_use]
    pub const fn new(fraction: u16) -> Self {
        Self(fraction)
    }

    /// The fraction, in 1/65536.
    #[must_use]
    pub const fn fraction(self) -> u16 {
        self.0
    }

    /// That part of `jitter`, which is in milliseconds.
    #[must_use]
    pub fn of(self, jitter: u64) -> u64 {
        let part = (u128::from(jitter) * u128::from(self.0)) >> 16;
        u64::try_from(part).unwrap_or(u64::MAX)
    }
}

/// All subjects of one attempt, to be charged together.
#[derive(Clone, Copy, Debug)]
pub struct Reservation<'a> {
    policy: &'a Policy,
    claims: &'a [Claim],
    spread: Spread,
}

impl<'a> Reservation<'a> {
    /// A reservation of `claims`, which [`Policy::claims`] of the same policy made.
    #[must_use]
    pub const fn new(policy: &'a Policy, claims: &'a [Claim], spread: Spread) -> Self {
        Self { policy, claims, spread }
    }

    /// The subjects, each with its rule. No subject comes twice.
    #[must_use]
    pub fn claims(
        &self,
    ) -> impl ExactSizeIterator<Item = (&'a Subject, &'a Rule)> + Clone + use<'a> {
        let rules = self.policy.rules();
        self.claims.iter().map(move |claim| (&claim.subject, &rules[claim.rule]))
    }

    /// The claims with other subjects in place of theirs, for stores that keep their subjects under
    /// other names. `rename` must give different subjects different names.
    #[must_use]
    pub fn renamed(&self, rename: impl Fn(&Subject) -> Subject) -> Vec<Claim> {
        let renamed = |claim: &Claim| Claim::new(rename(&claim.subject), claim.rule);
        self.claims.iter().map(renamed).collect()
    }

    /// How the rules combine: those of a trusted device never wait for each other.
    #[must_use]
    pub fn combine(&self) -> Combine {
        if self.is_trusted() { Combine::Any } else { self.policy.combine() }
    }

    /// How many of its subjects have to be locked, or busy, for the attempt to be refused: one, or
    /// under [`Combine::All`] that of every rule.
    #[must_use]
    pub fn locks_to_refuse(&self) -> usize {
        match self.combine() {
            Combine::Any => 1,
            Combine::All => self.policy.rules_of_strangers(),
        }
    }

    /// Whether the attempt comes from a trusted device.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        // A policy has the rules of devices first.
        self.claims.first().is_some_and(|claim| claim.subject.scope().is_device())
    }

    /// The policy in force.
    #[must_use]
    pub const fn policy(&self) -> &'a Policy {
        self.policy
    }

    /// The chance that a lockout's jitter uses.
    #[must_use]
    pub const fn spread(&self) -> Spread {
        self.spread
    }
}

/// Where a charge stands against its rule's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Its failure is tolerated.
    Tolerated,
    /// It took the last place and set a provisional lock, which its failure confirms.
    Last {
        /// When that lock ends if the attempt is never settled; `None`: never.
        until: Option<Timestamp>,
    },
    /// The subject is locked already ([`Combine::All`]); its failure renews the lock.
    Beyond,
}

/// What charging one subject gave: enough to settle it later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The charge's number in its record.
    pub number: u64,
    /// When it was charged.
    pub at: Timestamp,
    /// Where it stands against the limit.
    pub place: Place,
    /// The subject's failures, this one included.
    pub failures: u32,
    /// When earlier failures would have been forgotten; `None`: never.
    pub renewed_from: Option<Timestamp>,
    /// A note of the store to itself; the engine leaves it zero.
    pub tag: u64,
}

/// What [`LockoutStore::reserve`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a refused attempt must not have its password looked at"]
pub enum Reserved {
    /// Every subject is charged; one charge for each claim, in their order.
    Charged(Vec<Charge>),
    /// No subject is.
    Refused(Refusal),
}

/// What a lockout's settling told: who is locked now, who no longer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Lockouts that this attempt's failure began.
    pub locked: Vec<Lockout>,
    /// Subjects whose lockout this attempt's success lifted.
    pub unlocked: Vec<Subject>,
    /// The cookie to set in the browser of whoever succeeded, if the guard has trusted devices. Stores
    /// leave it out.
    pub device_cookie: Option<DeviceCookie>,
}

impl Settlement {
    /// Notes what settling did to one subject.
    pub fn add(&mut self, subject: &Subject, settled: Settled) {
        match settled {
            Settled::Quiet => {}
            Settled::Locked(lock) => self.locked.push(Lockout::new(subject.clone(), &lock)),
            Settled::Unlocked => self.unlocked.push(subject.clone()),
        }
    }
}

/// News of unlocks on other nodes, for whoever remembers locks in process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnlockNotice {
    /// This subject was unlocked before its time.
    Unlocked(Subject),
    /// Some news may have been missed: any lock may be gone.
    Missed,
}

/// Which locked subjects to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedQuery {
    /// Only those of one scope.
    pub scope: Option<Scope>,
    /// Only those of one namespace.
    pub namespace: Option<Namespace>,
    /// Where the page before this one ended.
    pub after: Option<Cursor>,
    /// The most that a page may hold; at least one.
    pub limit: usize,
}

impl LockedQuery {
    /// Whether it asks for `subject`.
    #[must_use]
    pub fn wants(&self, subject: &Subject) -> bool {
        self.scope.is_none_or(|wanted| wanted == subject.scope())
            && (self.namespace.is_none() || self.namespace == subject.namespace())
    }
}

impl Default for LockedQuery {
    fn default() -> Self {
        Self { scope: None, namespace: None, after: None, limit: 100 }
    }
}

/// Where a page ends: a text that only the store or log that made it understands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Cursor(pub String);

impl Cursor {
    /// A cursor for stores that list in the order of [`Subject`]: it names the last one.
    #[must_use]
    pub fn of(subject: &Subject) -> Self {
        Self(subject.to_string())
    }

    /// The subject of a cursor that [`Cursor::of`] made.
    ///
    /// # Errors
    /// If it is not one.
    pub fn subject(&self) -> Result<Subject> {
        self.0.parse().map_err(|source: SubjectError| Self::foreign("cursor").with_source(source))
    }

    /// The error of `store` (a store's or a log's name) for a cursor that it did not make.
    #[must_use]
    pub fn foreign(store: &'static str) -> StoreError {
        let message = "this cursor was not made by this store: begin again without one";
        StoreError::new(StoreErrorKind::Config, Effect::None, store, message)
    }
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Cursor>,
}

impl Page<Lockout> {
    /// The first `limit` (at least one) of `lockouts`, which come in the order of their subjects,
    /// and a cursor if there are more.
    pub fn take(lockouts: &mut impl Iterator<Item = Lockout>, limit: usize) -> Self {
        let items: Vec<_> = lockouts.by_ref().take(limit.max(1)).collect();
        let more = lockouts.next().is_some();
        let next = items.last().filter(|_| more).map(|last| Cursor::of(&last.subject));
        Self { items, next }
    }
}

/// A place where records are kept and changed atomically.
///
/// What an implementation owes, which `lockout_testkit::conformance_suite!` checks:
///
/// - it decides as [`engine`](crate::engine) does, and time is only ever the argument;
/// - of concurrent calls for one subject each sees the effect of those before it;
/// - a refused attempt changes no record, and an attempt is charged to all of its subjects or none;
/// - it may give up a charge's *refund* (that errs towards refusing), never a charge or a lock;
/// - a future that is dropped leaves each record as it was or as it should be.
///
/// To write a store of your own, implement [`RecordStore`](crate::RecordStore) instead: one method.
#[async_trait]
pub trait LockoutStore: fmt::Debug + Send + Sync + 'static {
    /// Charges all subjects of one attempt or, when it is refused, none.
    ///
    /// # Errors
    /// If the store cannot. With [`Effect::Unknown`](crate::Effect::Unknown) the attempt may have
    /// been charged.
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved>;

    /// Settles the charges that [`reserve`](Self::reserve) gave for the same reservation.
    ///
    /// To be called once for each reservation, and not again after an error whose effect is
    /// unknown: a charge that is given back twice is a guess given away.
    ///
    /// # Errors
    /// If the store cannot; the charges then stay.
    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement>;

    /// The lockout of each subject that is locked at `now`, in their order.
    ///
    /// # Errors
    /// If the store cannot.
    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>>;

    /// Locks by hand until `until` (`None`: until somebody unlocks). A lock that ends later stays.
    /// Whether the subject was not locked before.
    ///
    /// # Errors
    /// If the store cannot.
    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool>;

    /// Unlocks and forgets failures, but not the history that makes lockouts longer. Whether the
    /// subject was locked.
    ///
    /// # Errors
    /// If the store cannot.
    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool>;

    /// A page of the subjects that are locked at `now`. What is locked or unlocked while somebody
    /// pages may be missed; what stays locked is seen exactly once.
    ///
    /// # Errors
    /// If the store cannot, or if the cursor is not one of its own.
    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>>;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<S: LockoutStore + ?Sized> LockoutStore for $pointer {
            async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
                (**self).reserve(reservation, now).await
            }

            async fn settle(
                &self,
                reservation: &Reservation<'_>,
                charges: &[Charge],
                outcome: Outcome,
                now: Timestamp,
            ) -> Result<Settlement> {
                (**self).settle(reservation, charges, outcome, now).await
            }

            async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
                (**self).status(subjects, now).await
            }

            async fn lock(
                &self,
                subject: &Subject,
                until: Option<Timestamp>,
                now: Timestamp,
            ) -> Result<bool> {
                (**self).lock(subject, until, now).await
            }

            async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
                (**self).clear(subject, now).await
            }

            async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
                (**self).locked(query, now).await
            }
        }
    )*};
}

forward!(Arc<S>, Box<S>, &'static S);
