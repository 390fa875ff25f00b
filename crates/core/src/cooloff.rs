//! The escalating list: how long a lockout lasts, the first time and each time after.

use std::time::Duration;

use crate::clock::{Timestamp, millis};

/// The quiet time after which something is forgotten, in milliseconds. Zero means never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Cooloff(u64);

impl Cooloff {
    /// Never forgotten; for a lockout, until somebody unlocks it.
    pub const NEVER: Self = Self(0);

    /// A cooloff of `seconds`; zero is [`Cooloff::NEVER`].
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// A cooloff of `millis` milliseconds; zero is [`Cooloff::NEVER`].
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds; zero is [`Cooloff::NEVER`].
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whether this never ends.
    #[must_use]
    pub const fn is_never(self) -> bool {
        self.0 == 0
    }

    /// When a cooloff that begins at `start` is over; `None` if never.
    #[must_use]
    pub const fn after(self, start: Timestamp) -> Option<Timestamp> {
        if self.is_never() {
            return None;
        }
        Some(Timestamp::from_millis(start.as_millis().saturating_add(self.0)))
    }
}

impl From<Duration> for Cooloff {
    /// Zero is [`Cooloff::NEVER`]; anything shorter than a millisecond is one millisecond, so that
    /// rounding cannot turn a short cooloff into an endless one.
    fn from(period: Duration) -> Self {
        if period.is_zero() { Self::NEVER } else { Self(millis(period).max(1)) }
    }
}

/// The lockout cooloffs of a rule, first lockout first.
///
/// The entry for a lockout is chosen by how many came before it; past the end the last entry
/// repeats. An entry of zero, and an empty list, lock until somebody unlocks.
///
/// ```
/// use lockout_core::{Cooloff, CooloffList};
///
/// let list = CooloffList::from_secs([60, 300, 0]);
/// assert_eq!(list.at(0), Cooloff::from_secs(60));
/// assert_eq!(list.at(1), Cooloff::from_secs(300));
/// assert!(list.at(7).is_never());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CooloffList(Vec<Cooloff>);

impl CooloffList {
    /// The list of these entries.
    pub fn new(entries: impl IntoIterator<Item = Cooloff>) -> Self {
        Self(entries.into_iter().collect())
    }

    /// The list of these entries, in seconds; zero is for good.
    pub fn from_secs(entries: impl IntoIterator<Item = u64>) -> Self {
        Self::new(entries.into_iter().map(Cooloff::from_secs))
    }

    /// The entries, first lockout first.
    #[must_use]
    pub fn entries(&self) -> &[Cooloff] {
        &self.0
    }

    /// The entry of `level`, the last one if the list is shorter.
    #[must_use]
    pub fn at(&self, level: usize) -> Cooloff {
        self.0.get(level).or(self.0.last()).copied().unwrap_or(Cooloff::NEVER)
    }
}

impl<C: Into<Cooloff>> From<C> for CooloffList {
    fn from(entry: C) -> Self {
        Self(vec![entry.into()])
    }
}

/// What a subject's history counts, and so how fast its lockouts get longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum EscalateBy {
    /// Past lockouts that began within the lockout memory: exact.
    #[default]
    Lockouts,
    /// Failures within the memory, divided by the failure limit, minus one: django-defender's
    /// documented rule. It overestimates, since the time between failures is not looked at.
    Failures,
    /// As [`EscalateBy::Failures`], but successes count too: what django-defender 0.9.8 does.
    Attempts,
}

impl EscalateBy {
    /// The level of a lockout, given the number of marks in the subject's history.
    ///
    /// For [`EscalateBy::Lockouts`] the marks are those of *earlier* lockouts; for the others they
    /// include the attempt that locks. A longer history never gives a lower level.
    #[must_use]
    pub fn level(self, marks: usize, failure_limit: u32) -> usize {
        match self {
            Self::Lockouts => marks,
            Self::Failures | Self::Attempts => {
                let limit = usize::try_from(failure_limit.max(1)).unwrap_or(usize::MAX);
                (marks / limit).saturating_sub(1)
            }
        }
    }

    /// How many marks decide every level of a list of `entries` entries; older ones are of no use.
    pub(crate) fn marks_needed(self, entries: usize, failure_limit: u32) -> usize {
        if entries < 2 {
            return 0;
        }
        let limit = usize::try_from(failure_limit.max(1)).unwrap_or(usize::MAX);
        match self {
            Self::Lockouts => entries,
            // A success takes its mark away again, and up to limit + 1 attempts are under way.
            Self::Failures | Self::Attempts => {
                limit.saturating_mul(entries.saturating_add(1)).saturating_add(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_list() -> impl Strategy<Value = CooloffList> {
        prop::collection::vec(prop_oneof![Just(0), 1..600_000_u64, Just(u64::MAX)], 0..12)
            .prop_map(|entries| CooloffList::new(entries.into_iter().map(Cooloff::from_millis)))
    }

    fn any_escalation() -> impl Strategy<Value = EscalateBy> {
        prop::sample::select(vec![EscalateBy::Lockouts, EscalateBy::Failures, EscalateBy::Attempts])
    }

    proptest! {
        #[test]
        fn the_index_never_passes_the_end(list in any_list(), level in any::<usize>()) {
            let entry = list.at(level);
            match list.entries().last() {
                None => prop_assert!(entry.is_never()),
                Some(last) if level >= list.entries().len() => prop_assert_eq!(entry, *last),
                Some(_) => prop_assert_eq!(entry, list.entries()[level]),
            }
        }

        #[test]
        fn zero_is_for_good_and_nothing_overflows(entry in any::<u64>(), start in any::<u64>()) {
            let end = Cooloff::from_millis(entry).after(Timestamp::from_millis(start));
            prop_assert_eq!(end.is_none(), entry == 0);
            let expected = start.saturating_add(entry).min(u64::MAX - 1);
            prop_assert!(end.is_none_or(|end| end.as_millis() == expected));
        }

        #[test]
        fn a_longer_history_never_gives_an_earlier_entry(
            by in any_escalation(), limit in any::<u32>(), fewer in 0..10_000_usize, more in 0..10_000_usize,
        ) {
            prop_assert!(by.level(fewer, limit) <= by.level(fewer + more, limit));
        }

        #[test]
        fn the_marks_that_are_kept_decide_as_all_would(
            by in any_escalation(), limit in 0..20_u32, entries in 0..8_usize, marks in 0..1_000_usize,
        ) {
            let list = CooloffList::from_secs(1..=u64::try_from(entries).unwrap());
            let kept = marks.min(by.marks_needed(entries, limit));
            prop_assert_eq!(list.at(by.level(kept, limit)), list.at(by.level(marks, limit)));
        }

        #[test]
        fn a_duration_is_endless_only_if_it_is_zero(nanos in any::<u64>()) {
            prop_assert_eq!(Cooloff::from(Duration::from_nanos(nanos)).is_never(), nanos == 0);
        }
    }
}
