//! What came of an attempt, as the log names it.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::decision::{Outcome, Refusal};

/// What came of an attempt that is logged: admitted and settled, or refused and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum LoggedOutcome {
    /// The credentials were right.
    Succeeded,
    /// The credentials were wrong.
    Failed,
    /// Nobody looked at them: the verifier itself broke. Nothing was counted.
    Cancelled,
    /// It was admitted and nobody said what came of it: it is charged like a failure. Or whoever
    /// asked went away before the store had answered: it may be charged.
    Abandoned,
    /// Refused: too many failures, or an operator's lock.
    Locked,
    /// Refused: as many attempts were under way as failures are tolerated.
    Busy,
    /// Refused: the store was out of order and the application refuses meanwhile.
    Unavailable,
    /// The store failed, and whoever asked got the error: what he did then is not known.
    StoreFailed,
    /// Refused: a deny list says so.
    Denied,
}

impl LoggedOutcome {
    /// Every outcome. More may come at the end; the order of those that are there stays.
    pub const ALL: [Self; 9] = [
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Abandoned,
        Self::Locked,
        Self::Busy,
        Self::Unavailable,
        Self::StoreFailed,
        Self::Denied,
    ];

    /// Its name for stores, at most 16 of the characters `a-z _`. It never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Abandoned => "abandoned",
            Self::Locked => "locked",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::StoreFailed => "store_failed",
            Self::Denied => "denied",
        }
    }

    /// Whether no password was looked at because the attempt was refused.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::Locked | Self::Busy | Self::Unavailable | Self::Denied)
    }
}

impl fmt::Display for LoggedOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for LoggedOutcome {
    type Err = UnknownOutcome;

    fn from_str(name: &str) -> Result<Self, UnknownOutcome> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name).ok_or(UnknownOutcome)
    }
}

impl From<Outcome> for LoggedOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => Self::Succeeded,
            Outcome::Failure => Self::Failed,
            Outcome::Cancelled => Self::Cancelled,
        }
    }
}

impl From<&Refusal> for LoggedOutcome {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Locked { .. } => Self::Locked,
            Refusal::Busy { .. } => Self::Busy,
            Refusal::Unavailable { .. } => Self::Unavailable,
            Refusal::Denied => Self::Denied,
        }
    }
}

/// A text is no outcome's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "this is no outcome of an attempt: expected succeeded, failed, cancelled, abandoned, locked, \
     busy, unavailable, store_failed or denied"
)]
#[non_exhaustive]
pub struct UnknownOutcome;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_outcome_are_one_to_one() {
        for outcome in LoggedOutcome::ALL {
            let name = outcome.as_str();
            assert_eq!(name.parse(), Ok(outcome));
            assert!(name.len() <= 16 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
            assert!(UnknownOutcome.to_string().contains(name), "{name}");
        }
        assert_eq!("Failed".parse::<LoggedOutcome>(), Err(UnknownOutcome));
    }
}
