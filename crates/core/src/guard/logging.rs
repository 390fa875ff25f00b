//! What a guard writes into its log, once the store is done.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Guard;
use crate::attempt::Attempt;
use crate::clock::Timestamp;
use crate::event::Event;
use crate::log::{AttemptEntry, LoggedOutcome};

impl Guard {
    /// The entry of an attempt that was admitted at `now`, if there is a log: abandoned, unless
    /// somebody settles it.
    pub(super) fn entry(&self, attempt: &Attempt, now: Timestamp) -> Option<Box<AttemptEntry>> {
        let entry = || Box::new(AttemptEntry::new(now, attempt, LoggedOutcome::Abandoned));
        self.0.log.as_ref().map(|_| entry())
    }

    /// Writes down an attempt that was not admitted, if there is a log.
    pub(super) async fn log(&self, attempt: &Attempt, outcome: LoggedOutcome, now: Timestamp) {
        if self.0.log.is_some()
            && let Err(entry) = self.hand_over(AttemptEntry::new(now, attempt, outcome))
        {
            self.append(entry).await;
        }
    }

    /// Gives `entry` to the log, or back if the log has to wait for it.
    #[inline]
    pub(crate) fn hand_over(&self, entry: AttemptEntry) -> Result<(), AttemptEntry> {
        self.0.log.as_ref().map_or(Ok(()), |log| log.try_append(entry))
    }

    /// Writes `entry` down. A log that fails is an event and nothing else.
    pub(crate) async fn append(&self, entry: AttemptEntry) {
        let Some(log) = &self.0.log else { return };
        // In a box, so that a login that does not need it carries no room for it.
        let written = Box::pin(async move { log.append(&[entry]).await }).await;
        if let Err(error) = written {
            self.tell(|| Event::LogFailed(error.kind()));
        }
    }

    /// Writes `entry` down where nobody can wait: in a drop, which must not panic either.
    #[cold]
    pub(crate) fn leave(&self, mut entry: AttemptEntry) {
        entry.at = self.now();
        let taken = catch_unwind(AssertUnwindSafe(|| self.hand_over(entry).is_ok()));
        if !matches!(taken, Ok(true)) {
            self.tell(|| Event::AttemptsDropped(1));
        }
    }
}
