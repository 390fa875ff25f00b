//! What a login handler is told.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::permit::Permit;
use crate::record::{Lock, LockedBy};
use crate::subject::Subject;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Outcome {
    /// The credentials were right.
    Success,
    /// The credentials were wrong.
    Failure,
    /// Nobody looked at them: the verifier itself broke. Nothing is counted.
    Cancelled,
}

/// The answer to an attempt.
#[derive(Debug)]
#[must_use = "an attempt that is refused must not have its password looked at"]
pub enum Decision {
    /// Look at the password, then settle the permit.
    Admitted(Permit),
    /// Do not look at the password.
    Refused(Refusal),
}

impl Decision {
    /// The permit, or the refusal as an error, for use with `?`.
    ///
    /// # Errors
    /// If the attempt was refused.
    pub fn admitted(self) -> Result<Permit, Refusal> {
        match self {
            Self::Admitted(permit) => Ok(permit),
            Self::Refused(refusal) => Err(refusal),
        }
    }
}

/// A subject that is refused until a time, or until somebody unlocks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// Who is locked.
    pub subject: Subject,
    /// When it began.
    pub since: Timestamp,
    /// When it ends; `None` if somebody has to unlock.
    pub until: Option<Timestamp>,
    /// Who locked.
    pub by: LockedBy,
}

impl Lockout {
    /// The lockout of `subject` that `lock` stands for.
    #[must_use]
    pub const fn new(subject: Subject, lock: &Lock) -> Self {
        Self { subject, since: lock.since, until: lock.until, by: lock.by }
    }

    /// How long it lasts from `now` on; `None` if without end.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> Option<Duration> {
        self.until.map(|until| until.saturating_since(now))
    }

    /// Whether somebody has to unlock.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.until.is_none()
    }
}

/// Why an attempt is refused, with what a login page needs to say so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Too many failures, or an operator's lock.
    #[error("locked")]
    Locked {
        /// The attempt's subjects that are locked. A page that strangers see should not name them.
        lockouts: Vec<Lockout>,
        /// When an attempt can pass again; `None` if somebody has to unlock.
        until: Option<Timestamp>,
        /// How long that is from now.
        retry_after: Option<Duration>,
        /// How many failures the rule that decides tolerates.
        failure_limit: u32,
    },
    /// As many attempts are under way as failures are tolerated: not a lockout.
    #[error("busy")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store is out of order and the application chose to refuse meanwhile: not a lockout. A
    /// login page answers 503 (RFC 9110, section 15.6.4).
    #[error("the store of lockouts is out of order")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// A deny list says so, whatever is counted. Trying again does not help.
    #[error("denied")]
    Denied,
}

impl Refusal {
    /// The longest that a busy client is told to wait: settling a login rarely takes longer.
    pub const BUSY_RETRY: Duration = Duration::from_secs(1);

    pub(crate) fn busy(at_most: Duration) -> Self {
        Self::Busy { retry_after: at_most.min(Self::BUSY_RETRY) }
    }

    /// How long to wait before trying again; `None` if waiting does not help.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Locked { retry_after, .. } => *retry_after,
            Self::Busy { retry_after } | Self::Unavailable { retry_after } => Some(*retry_after),
            Self::Denied => None,
        }
    }

    /// [`Refusal::retry_after`] in whole seconds, rounded up and at least one: the value of a
    /// `Retry-After` header (RFC 9110, section 10.2.3).
    #[must_use]
    pub fn retry_after_secs(&self) -> Option<u64> {
        let wait = self.retry_after()?;
        Some(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// Whether this lasts until somebody unlocks, or changes the deny list.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.retry_after().is_none()
    }
}
