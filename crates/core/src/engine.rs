//! The decision, as pure functions of *(rule, record, event, now)*.
//!
//! An attempt is charged **before** its password is looked at ([`charge`]) and settled afterwards
//! ([`settle`]). Failing costs nothing more, success takes the charge back, and an attempt that is
//! never settled stays charged. The attempt that takes the last place sets a *provisional* lock at
//! once: others are told to retry until its outcome is known.
//!
//! A store's only job is to apply these functions atomically per subject.

mod settling;

pub use self::settling::{Settled, settle, settling_writes};
use crate::clock::Timestamp;
use crate::cooloff::EscalateBy;
use crate::decision::{Lockout, Refusal};
use crate::policy::Combine;
use crate::record::{Lock, LockedBy, Record, later};
use crate::rule::{AfterLockout, Rule};
use crate::store::{Charge, Place, Reservation};

/// How a subject stands towards a new attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is a place.
    Free,
    /// The last place is taken by an attempt that is not settled, at the latest until then.
    Busy(Timestamp),
    /// It is locked.
    Locked(Lock),
}

impl From<&Option<Lockout>> for Standing {
    fn from(lockout: &Option<Lockout>) -> Self {
        lockout.as_ref().map_or(Self::Free, |lockout| {
            let Lockout { since, until, by, .. } = *lockout;
            Self::Locked(Lock { at: 0, since, until, by, provisional: None })
        })
    }
}

/// How the subject of `record` stands at `now`.
#[must_use]
pub fn standing(record: &Record, now: Timestamp) -> Standing {
    let now = now.max(record.touched);
    match record.lock {
        None => Standing::Free,
        Some(lock) if lock.is_over(now) => Standing::Free,
        Some(lock) => match lock.provisional.filter(|_| lock.is_provisional(now)) {
            Some(lapses) => Standing::Busy(place_freed_at(lapses, lock.until)),
            None => Standing::Locked(lock),
        },
    }
}

/// Whether the subject of `record` has a place at `now`: its [`standing`] is [`Standing::Free`].
#[must_use]
pub fn is_free(record: &Record, now: Timestamp) -> bool {
    record.lock.is_none_or(|lock| lock.is_over(now.max(record.touched)))
}

/// A provisional lock frees its place when it lapses into a lock or, if sooner, when it ends.
fn place_freed_at(lapses: Timestamp, until: Option<Timestamp>) -> Timestamp {
    until.map_or(lapses, |until| until.min(lapses))
}

/// Whether the attempt is refused, given how each of its subjects stands, in their order.
#[must_use]
pub fn refusal(
    reservation: &Reservation<'_>,
    standings: &[Standing],
    now: Timestamp,
) -> Option<Refusal> {
    let refusing = standings.iter().filter(|standing| **standing != Standing::Free).count();
    (refusing >= reservation.locks_to_refuse()).then(|| describe(reservation, standings, now))
}

#[cold]
fn describe(reservation: &Reservation<'_>, standings: &[Standing], now: Timestamp) -> Refusal {
    let mut lockouts = Vec::new();
    let mut failure_limit = 0;
    let mut ends: Option<Option<Timestamp>> = None;
    let mut busy: Option<Timestamp> = None;
    for ((subject, rule), standing) in reservation.claims().zip(standings) {
        match standing {
            Standing::Free => {}
            Standing::Busy(lapses) => busy = busy.max(Some(*lapses)),
            Standing::Locked(lock) => {
                lockouts.push(Lockout::new(subject.clone(), lock));
                // Under `any` the last lock to end frees the attempt, under `all` the first.
                let decides = ends.is_none_or(|end| {
                    let takes_over = later(end, lock.until) == lock.until;
                    takes_over == (reservation.combine() == Combine::Any)
                });
                if decides {
                    ends = Some(lock.until);
                    failure_limit = rule.failure_limit();
                }
            }
        }
    }
    // Under `all` an attempt whose other subject is merely busy can pass in a moment.
    let waits = reservation.combine() == Combine::All && busy.is_some();
    match ends {
        Some(until) if !waits => Refusal::Locked {
            lockouts,
            until,
            retry_after: until.map(|until| until.saturating_since(now)),
            failure_limit,
        },
        _ => Refusal::busy(busy.unwrap_or(now).saturating_since(now)),
    }
}

/// Charges one attempt to `record`: from here on it counts as a failure until it is settled.
///
/// The caller has made sure by [`refusal`] that the attempt is not refused.
pub fn charge(
    reservation: &Reservation<'_>,
    rule: &Rule,
    record: &mut Record,
    now: Timestamp,
) -> Charge {
    forget_if_expired(record, now);
    let now = now.max(record.touched);
    record.touched = now;
    forget_what_is_over(rule, record, now);
    if record.failures == 0 {
        record.charged = record.charged.max(now.as_millis());
        record.cleared = record.charged;
    }
    let renewed_from = record.failures_expire;
    record.charged = record.charged.saturating_add(1);
    record.failures = record.failures.saturating_add(1);
    record.failures_expire = rule.attempt_cooloff.after(now);
    if rule.escalate_by != EscalateBy::Lockouts {
        record.mark(rule.marks_kept, now);
    }
    let place = if record.failures <= rule.failure_limit {
        Place::Tolerated
    } else if record.lock.is_some() {
        Place::Beyond
    } else {
        let level = rule.escalate_by.level(record.marks.len(), rule.failure_limit);
        let until = lockout_end(reservation, rule, level, now);
        record.lock = Some(Lock {
            at: record.charged,
            since: now,
            until,
            by: LockedBy::Rule,
            provisional: reservation.policy().lease_cooloff().after(now),
        });
        if rule.escalate_by == EscalateBy::Lockouts {
            record.mark(rule.marks_kept, now);
        }
        Place::Last { until }
    };
    // Whatever the cooloffs, the record outlives the attempt that is under way.
    let lapses = now.saturating_add(reservation.policy().lease());
    set_expiry(rule, record, lapses);
    Charge {
        number: record.charged,
        at: now,
        place,
        failures: record.failures,
        renewed_from,
        tag: 0,
    }
}

/// Locks by hand until `until` (`None`: until somebody unlocks). A lock that ends later stays.
/// Whether the subject was not locked before.
pub fn lock(record: &mut Record, until: Option<Timestamp>, now: Timestamp) -> bool {
    forget_if_expired(record, now);
    let now = now.max(record.touched);
    let standing = standing(record, now);
    let (until, since) = match standing {
        Standing::Locked(lock) => (later(lock.until, until), lock.since),
        Standing::Free | Standing::Busy(_) => (until, now),
    };
    let lock = Lock { at: record.charged, since, until, by: LockedBy::Operator, provisional: None };
    if lock.is_over(now) {
        return false;
    }
    let kept_until = until.map(|until| until.saturating_add(Record::GRACE));
    let untouched = *record == Record::default();
    record.expires_at = if untouched { kept_until } else { later(record.expires_at, kept_until) };
    record.touched = now;
    record.lock = Some(lock);
    !matches!(standing, Standing::Locked(_))
}

/// Unlocks by hand: failures and lock are forgotten, the history that makes lockouts longer is
/// not. Whether the subject was locked.
pub fn clear(record: &mut Record, now: Timestamp) -> bool {
    if is_as_good_as_none(record, now) {
        return false;
    }
    let was_locked = matches!(standing(record, now), Standing::Locked(_));
    record.touched = now.max(record.touched);
    record.failures = 0;
    record.cleared = record.charged;
    record.lock = None;
    let nothing_left = Some(record.touched.saturating_add(Record::GRACE));
    record.expires_at =
        if record.marks.is_empty() { nothing_left } else { later(record.expires_at, nothing_left) };
    was_locked
}

/// A store may have deleted an expired record or not: nothing may depend on which.
fn is_as_good_as_none(record: &Record, now: Timestamp) -> bool {
    record.is_expired(now) || *record == Record::default()
}

fn forget_if_expired(record: &mut Record, now: Timestamp) {
    if record.is_expired(now) {
        *record = Record::default();
    }
}

fn forget_what_is_over(rule: &Rule, record: &mut Record, now: Timestamp) {
    if let Some(lock) = record.lock.filter(|lock| lock.is_over(now)) {
        record.lock = None;
        // An operator's lock may have replaced the one that these failures led to.
        let led_to_it = lock.by == LockedBy::Rule || record.failures > rule.failure_limit;
        if rule.after_lockout == AfterLockout::Forget && led_to_it {
            record.failures = 0;
        }
    }
    if record.failures_expire.is_some_and(|expire| now >= expire) {
        record.failures = 0;
    }
    record.forget_marks(rule.lockout_memory, now);
}

fn lockout_end(
    reservation: &Reservation<'_>,
    rule: &Rule,
    level: usize,
    start: Timestamp,
) -> Option<Timestamp> {
    let end = rule.lockout_cooloff.at(level).after(start)?;
    let jitter = reservation.spread().of(rule.lockout_jitter);
    Some(Timestamp::from_millis(end.as_millis().saturating_add(jitter)))
}

/// The record matters at least up to `at_least`: when it was last touched matters too, since a
/// record never runs backwards.
fn set_expiry(rule: &Rule, record: &mut Record, at_least: Timestamp) {
    let mut over = Some(at_least);
    if record.failures > 0 {
        over = later(over, record.failures_expire);
    }
    if let Some(lock) = record.lock {
        over = later(over, lock.until);
    }
    if let Some(mark) = record.marks.last() {
        over = later(over, rule.lockout_memory.after(*mark));
    }
    record.expires_at = over.map(|over| over.saturating_add(Record::GRACE));
}
