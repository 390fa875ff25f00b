//! Settling: what becomes of a charge when its attempt's outcome is known.

use super::{is_as_good_as_none, lockout_end, set_expiry};
use crate::clock::Timestamp;
use crate::cooloff::EscalateBy;
use crate::decision::Outcome;
use crate::record::{Lock, LockedBy, Record, later};
use crate::rule::{OnSuccess, Rule};
use crate::store::{Charge, Place, Reservation};

/// What settling an attempt did to one subject's lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Settled {
    /// Nothing that anybody has to be told.
    #[default]
    Quiet,
    /// This failure locked the subject: one lockout began.
    Locked(Lock),
    /// This success lifted a lockout.
    Unlocked,
}

/// Whether settling with `outcome` can change the record at all.
///
/// A failure changes it only if it took the last place or went beyond it, so a store needs no
/// round trip for the others.
#[must_use]
pub fn settling_writes(rule: &Rule, charge: &Charge, outcome: Outcome) -> bool {
    !stays(rule, outcome) || charge.place != Place::Tolerated
}

/// Whether a charge that is settled with `outcome` goes on counting.
fn stays(rule: &Rule, outcome: Outcome) -> bool {
    match outcome {
        Outcome::Failure => true,
        Outcome::Success => rule.on_success == OnSuccess::Keep,
        Outcome::Cancelled => false,
    }
}

/// Settles a charge: a failure stays and confirms the lock it set, a success takes it back as the
/// rule's [`OnSuccess`] says, a cancelled attempt leaves nothing behind.
pub fn settle(
    reservation: &Reservation<'_>,
    rule: &Rule,
    record: &mut Record,
    charge: &Charge,
    outcome: Outcome,
    now: Timestamp,
) -> Settled {
    if !settling_writes(rule, charge, outcome) || is_as_good_as_none(record, now) {
        return Settled::Quiet;
    }
    let now = now.max(record.touched);
    record.touched = now;
    let settled = if stays(rule, outcome) {
        confirm(reservation, rule, record, charge, now)
    } else if outcome == Outcome::Success && rule.on_success == OnSuccess::Clear {
        clear_through(rule, record, charge, now)
    } else {
        refund(rule, record, charge, now)
    };
    let leaves_no_mark = match rule.escalate_by {
        EscalateBy::Lockouts => false,
        EscalateBy::Failures => !stays(rule, outcome),
        EscalateBy::Attempts => outcome == Outcome::Cancelled,
    };
    if leaves_no_mark {
        record.unmark(charge.at);
    }
    set_expiry(rule, record, now);
    settled
}

fn confirm(
    reservation: &Reservation<'_>,
    rule: &Rule,
    record: &mut Record,
    charge: &Charge,
    now: Timestamp,
) -> Settled {
    // A lock that nobody confirmed in time has been in force, and is over for good.
    let in_force = |lock: &Lock| lock.by == LockedBy::Rule && !lock.is_over(now);
    let Some(mut lock) = record.lock.filter(in_force) else {
        return Settled::Quiet;
    };
    let decides = match charge.place {
        Place::Tolerated => false,
        Place::Last { .. } => lock.at == charge.number && lock.provisional.is_some(),
        Place::Beyond => true,
    };
    if !decides {
        return Settled::Quiet;
    }
    record.forget_marks(rule.lockout_memory, now);
    // The lockout's own mark is already there.
    let marks = match rule.escalate_by {
        EscalateBy::Lockouts => record.marks.len().saturating_sub(1),
        EscalateBy::Failures | EscalateBy::Attempts => record.marks.len(),
    };
    let level = rule.escalate_by.level(marks, rule.failure_limit);
    let end = lockout_end(reservation, rule, level, now);
    let begins = lock.provisional.take().is_some();
    if begins {
        lock.since = now;
        lock.until = end;
    } else {
        // django-defender sets the end anew each time, even to an earlier one.
        let anew = rule.escalate_by == EscalateBy::Attempts;
        lock.until = if anew { end } else { later(lock.until, end) };
    }
    record.lock = Some(lock);
    if begins { Settled::Locked(lock) } else { Settled::Quiet }
}

fn clear_through(rule: &Rule, record: &mut Record, charge: &Charge, now: Timestamp) -> Settled {
    if charge.number > record.cleared {
        let newer = record.charged.saturating_sub(charge.number);
        record.failures = record.failures.min(u32::try_from(newer).unwrap_or(u32::MAX));
        record.cleared = charge.number;
    }
    match record.lock {
        Some(lock) if lock.by == LockedBy::Rule && lock.at <= charge.number => {
            lift(rule, record, &lock, now)
        }
        _ => lift_if_needless(rule, record, now),
    }
}

fn refund(rule: &Rule, record: &mut Record, charge: &Charge, now: Timestamp) -> Settled {
    if charge.number > record.cleared {
        record.failures = record.failures.saturating_sub(1);
        if record.charged == charge.number {
            record.failures_expire = charge.renewed_from;
        }
    }
    match record.lock {
        Some(lock) if lock.provisional.is_some() && lock.at == charge.number => {
            lift(rule, record, &lock, now)
        }
        _ => lift_if_needless(rule, record, now),
    }
}

/// A provisional lock goes when failures no longer pass the limit.
fn lift_if_needless(rule: &Rule, record: &mut Record, now: Timestamp) -> Settled {
    match record.lock {
        Some(lock) if lock.is_provisional(now) && record.failures <= rule.failure_limit => {
            lift(rule, record, &lock, now)
        }
        _ => Settled::Quiet,
    }
}

fn lift(rule: &Rule, record: &mut Record, lock: &Lock, now: Timestamp) -> Settled {
    record.lock = None;
    if lock.provisional.is_some() {
        if rule.escalate_by == EscalateBy::Lockouts {
            record.unmark(lock.since);
        }
        return Settled::Quiet;
    }
    if lock.is_over(now) { Settled::Quiet } else { Settled::Unlocked }
}
