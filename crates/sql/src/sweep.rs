//! Rows that nothing depends on any more.

use std::time::Duration;

use lockout_core::{Result, Subject, Timestamp};

use crate::dialect::Dialect;
use crate::error::{Call, unreadable};
use crate::exchange::Value;
use crate::keys::{subject_of, text_of};
use crate::row::millis;
use crate::store::SqlStore;

/// What one batch of a sweep did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a sweep goes on from where its last batch ended"]
pub struct Swept {
    /// How many rows were deleted.
    pub deleted: u64,
    /// How many entries of lists were deleted: as many as the batch has rows, if more are over.
    pub entries: u64,
    /// Where the next batch begins; `None` when all rows have been looked at.
    pub next: Option<Subject>,
}

/// How much longer than it matters a row stays. Whoever writes a row that is gone makes a new one,
/// and no version tells him: so it must not go while somebody may remember how it was before it was
/// unlocked.
pub(crate) const LINGERS: Duration = Duration::from_secs(600);

impl<D: Dialect> SqlStore<D> {
    /// The most rows that one batch looks at.
    pub const MAX_SWEEP: u32 = 5_000;

    /// Deletes those among the next `rows` rows (1 to [`MAX_SWEEP`](Self::MAX_SWEEP)) after `after`,
    /// in the order of the table's key, that expired ten minutes ago or earlier; and as many entries
    /// of lists, wherever they are, that were over then.
    ///
    /// No decision depends on it: an expired row counts as none. It only gives the space back, so
    /// it can be run at any time, by any number of processes, as slowly as one likes:
    ///
    /// ```no_run
    /// # #[cfg(feature = "sqlite")]
    /// # async fn sweep(store: &lockout_sql::SqliteStore, now: lockout_core::Timestamp) -> lockout_core::Result<()> {
    /// let mut after = None;
    /// loop {
    ///     let swept = store.sweep(after.as_ref(), 1_000, now).await?;
    ///     after = swept.next;
    ///     if after.is_none() {
    ///         break;
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// If the database cannot.
    pub async fn sweep(&self, after: Option<&Subject>, rows: u32, now: Timestamp) -> Result<Swept> {
        let after = after.map(text_of).unwrap_or_default();
        let rows = rows.clamp(1, Self::MAX_SWEEP);
        let end = millis(now.saturating_sub(LINGERS));
        let parts = self.parts();
        let page = self.again(Call::Reads, || {
            let values =
                vec![Value::Text(after.clone()), Value::Number(rows.into()), Value::Number(end)];
            D::subjects(&parts.pool, parts.statements.expired.clone(), values)
        });
        let (mut expired, mut last) = (Vec::new(), None);
        for (subject, is_expired) in page.await? {
            match (subject, is_expired) {
                (Some(subject), 1) => expired.push(subject),
                (subject, _) => last = subject,
            }
        }
        let next = last.map(|last| subject_of(&last).ok_or_else(unreadable::<D>)).transpose()?;
        let entries = self.sweep_lists(rows, now).await?;
        if expired.is_empty() {
            return Ok(Swept { deleted: 0, entries, next });
        }
        // In the order in which attempts take rows.
        expired.sort_unstable();
        let expired = serde_json::to_string(&expired).map_err(|_| unreadable::<D>())?;
        let deleted = self.again(Call::Writes, || {
            let values = vec![Value::Text(expired.clone()), Value::Number(end)];
            D::execute(&parts.pool, parts.statements.forget.clone(), values)
        });
        Ok(Swept { deleted: deleted.await?, entries, next })
    }

    /// Deletes at most `rows` entries of lists (1 to [`MAX_SWEEP`](Self::MAX_SWEEP)) that were over
    /// ten minutes ago, which a [sweep](Self::sweep) does too; how many. Fewer than `rows` means that
    /// no more are over. No list changes by it: what is over counts as none.
    ///
    /// # Errors
    /// If the database cannot.
    pub async fn sweep_lists(&self, rows: u32, now: Timestamp) -> Result<u64> {
        let rows = rows.clamp(1, Self::MAX_SWEEP);
        let end = millis(now.saturating_sub(LINGERS));
        let parts = self.parts();
        self.again(Call::Writes, || {
            let values = vec![Value::Number(end), Value::Number(rows.into())];
            D::execute(&parts.pool, parts.statements.lists.sweep.clone(), values)
        })
        .await
    }
}
