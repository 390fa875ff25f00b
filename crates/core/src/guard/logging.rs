//! What a guard writes into its log, once the store is done.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Guard;
use crate::attempt::Attempt;
use crate::clock::Timestamp;
use crate::event::Event;
use crate::log::{AttemptEntry, LoggedOutcome};
use crate::names::Username;

impl Guard {
    /// An attempt that begins: abandoned, unless more becomes of it.
    pub(super) fn begun(
        &self,
        attempt: &Attempt,
        username: Option<&Username>,
        now: Timestamp,
    ) -> Begun<'_> {
        let abandoned = LoggedOutcome::Abandoned;
        let entry = || Box::new(AttemptEntry::of(now, attempt, username.cloned(), abandoned));
        Begun { guard: self, entry: self.0.log.as_ref().map(|_| entry()) }
    }

    /// Gives `entry` to the log, or back if the log has to wait for it.
    #[inline]
    pub(crate) fn hand_over(&self, entry: AttemptEntry) -> Result<(), AttemptEntry> {
        self.0.log.as_ref().map_or(Ok(()), |log| log.try_append(entry))
    }

    /// Writes `entry` down. A log that fails is an event and nothing else.
    pub(crate) async fn append(&self, entry: AttemptEntry) {
        let Some(log) = &self.0.log else { return };
        let unwritten = Unwritten(self);
        // In a box, so that a login that does not need it carries no room for it.
        let written = Box::pin(async move { log.append(&[entry]).await }).await;
        std::mem::forget(unwritten);
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

/// An attempt of which the store has not answered yet: whoever hangs up meanwhile is logged too, since
/// he may have been charged.
pub(super) struct Begun<'a> {
    guard: &'a Guard,
    entry: Option<Box<AttemptEntry>>,
}

impl Begun<'_> {
    /// It was admitted at `now`: its entry, if there is a log.
    pub(super) fn admitted(mut self, now: Timestamp) -> Option<Box<AttemptEntry>> {
        let mut entry = self.entry.take()?;
        entry.at = now;
        Some(entry)
    }

    /// It ended at `now` with `outcome`.
    pub(super) async fn ended(mut self, outcome: LoggedOutcome, now: Timestamp) {
        if let Some(mut entry) = self.entry.take() {
            (entry.outcome, entry.at) = (outcome, now);
            if let Err(entry) = self.guard.hand_over(*entry) {
                self.guard.append(entry).await;
            }
        }
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.guard.leave(*entry);
        }
    }
}

/// An entry that the log was asked to write, and of which nobody waits for the answer any more.
struct Unwritten<'a>(&'a Guard);

impl Drop for Unwritten<'_> {
    fn drop(&mut self) {
        self.0.tell(|| Event::AttemptsDropped(1));
    }
}
