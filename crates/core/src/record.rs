//! What a store keeps for one subject.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::cooloff::Cooloff;

/// Who locked a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum LockedBy {
    /// A rule, after too many failures.
    Rule,
    /// A person.
    Operator,
}

/// A lock of one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Lock {
    /// The number of the charge that set it.
    pub at: u64,
    /// When it began; while it is provisional, when it was set.
    pub since: Timestamp,
    /// When it ends; `None` if somebody has to unlock.
    pub until: Option<Timestamp>,
    /// Who set it.
    pub by: LockedBy,
    /// `Some` while the attempt that set it is not settled: until then others are told to retry,
    /// afterwards the lock counts as confirmed.
    pub provisional: Option<Timestamp>,
}

impl Lock {
    /// Whether the lock is over at `now`.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now >= until)
    }

    /// The one that ends later or, if both end together, the one that is confirmed.
    fn stricter(self, other: Self) -> Self {
        if self.until == other.until {
            return if self.provisional.is_none() { self } else { other };
        }
        if later(self.until, other.until) == self.until { self } else { other }
    }

    /// Whether the attempt that set it may still take it back at `now`.
    #[must_use]
    pub fn is_provisional(&self, now: Timestamp) -> bool {
        self.provisional.is_some_and(|lapses| now < lapses)
    }
}

/// What a store keeps for one subject.
///
/// A store keeps it as it is and never looks inside, but for [`Record::expires_at`]. The fields are
/// public so that a store can lay them out in columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Record {
    /// The number of the latest charge. Numbers only grow; each count that starts from nothing
    /// takes them up at the time in milliseconds, so that no permit of a record that has been
    /// forgotten can name a charge of its successor.
    pub charged: u64,
    /// Charges up to this number are forgotten.
    pub cleared: u64,
    /// Charges that count: failures, and attempts under way.
    pub failures: u32,
    /// When `failures` are forgotten; `None`: never.
    pub failures_expire: Option<Timestamp>,
    /// The lock, over or not.
    pub lock: Option<Lock>,
    /// What makes lockouts longer, oldest first: see [`EscalateBy`](crate::EscalateBy).
    pub marks: Vec<Timestamp>,
    /// The latest time that this record has seen: it never runs backwards.
    pub touched: Timestamp,
    /// When nothing in it matters any more, so that a store may delete it; `None`: never.
    pub expires_at: Option<Timestamp>,
}

impl Record {
    /// How much longer than its content matters a record is kept, so that a node whose clock is a
    /// little behind, or a clock that steps back, finds it.
    pub const GRACE: Duration = Duration::from_secs(10);

    /// Whether a store may delete the record at `now` without changing any decision.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires| now >= expires)
    }

    /// The lock that refuses attempts at `now`, if it is not provisional.
    #[must_use]
    pub fn lock_at(&self, now: Timestamp) -> Option<&Lock> {
        let now = now.max(self.touched);
        self.lock.as_ref().filter(|lock| !lock.is_over(now) && !lock.is_provisional(now))
    }

    /// Adds a mark, as the latest of at most `kept`.
    pub(crate) fn mark(&mut self, kept: usize, now: Timestamp) {
        if kept == 0 {
            return;
        }
        let surplus = (self.marks.len() + 1).saturating_sub(kept);
        self.marks.drain(..surplus.min(self.marks.len()));
        self.marks.push(now);
    }

    /// Takes back a mark that was added at `at`.
    pub(crate) fn unmark(&mut self, at: Timestamp) {
        if let Some(index) = self.marks.iter().rposition(|mark| *mark == at) {
            self.marks.remove(index);
        }
    }

    /// Drops the marks that are older than `memory`.
    pub(crate) fn forget_marks(&mut self, memory: Cooloff, now: Timestamp) {
        if !self.marks.is_empty() && !memory.is_never() {
            self.marks.retain(|mark| memory.after(*mark) >= Some(now));
        }
    }

    /// Takes over what `other` remembers wherever it is the stricter: more failures, kept for
    /// longer, a longer history, a longer lock.
    ///
    /// For stores of bounded size, which put many subjects' past into one record when they run out
    /// of room: what comes out counts too much for a stranger and never too little.
    pub fn absorb(&mut self, other: &Self) {
        self.charged = self.charged.max(other.charged);
        self.failures = self.failures.max(other.failures);
        self.cleared = self.charged.saturating_sub(u64::from(self.failures));
        self.failures_expire = later(self.failures_expire, other.failures_expire);
        self.lock = match (self.lock, other.lock) {
            (Some(mine), Some(theirs)) => Some(mine.stricter(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
        let missing = other.marks.len().saturating_sub(self.marks.len());
        self.marks.splice(..0, other.marks[..missing].iter().copied());
        for (mine, theirs) in self.marks.iter_mut().rev().zip(other.marks.iter().rev()) {
            *mine = (*mine).max(*theirs);
        }
        self.touched = self.touched.max(other.touched);
        self.expires_at = later(self.expires_at, other.expires_at);
    }
}

/// The later of two ends, of which `None` is never.
pub(crate) fn later(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    Some(one?.max(other?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_record() -> impl Strategy<Value = Record> {
        let time = (1_000_000..2_000_000_u64).prop_map(Timestamp::from_millis);
        let until = prop::option::of(time.clone());
        let lock = (any::<u64>(), time.clone(), until.clone()).prop_map(|(at, since, until)| {
            Lock { at, since, until, by: LockedBy::Rule, provisional: None }
        });
        (
            1_000_000..2_000_000_u64,
            0..50_u32,
            until.clone(),
            prop::option::of(lock),
            prop::collection::vec(time.clone(), 0..6),
            time,
            until,
        )
            .prop_map(
                |(charged, failures, failures_expire, lock, mut marks, touched, expires_at)| {
                    marks.sort();
                    let cleared = charged - u64::from(failures);
                    Record {
                        charged,
                        cleared,
                        failures,
                        failures_expire,
                        lock,
                        marks,
                        touched,
                        expires_at,
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn what_absorbs_is_never_the_milder(one in any_record(), other in any_record(), now in 1_000_000..2_000_000_u64) {
            let mut both = one.clone();
            both.absorb(&other);
            let now = Timestamp::from_millis(now).max(both.touched);
            for part in [one, other] {
                prop_assert!(both.failures >= part.failures);
                prop_assert_eq!(later(both.failures_expire, part.failures_expire), both.failures_expire);
                prop_assert!(both.lock_at(now).is_some() || part.lock_at(now).is_none());
                prop_assert!(!both.is_expired(now) || part.is_expired(now));
                for since in [1_200_000, 1_500_000, 1_900_000].map(Timestamp::from_millis) {
                    let within = |marks: &[Timestamp]| marks.iter().filter(|mark| **mark >= since).count();
                    prop_assert!(within(&both.marks) >= within(&part.marks));
                }
            }
            prop_assert!(both.marks.is_sorted());
        }
    }
}
