//! Cleaning up.

use std::time::Duration;

use super::AttemptLog;
use crate::clock::Timestamp;
use crate::error::Result;

/// How long attempts are kept unless somebody says otherwise: a day.
pub const ATTEMPT_EXPIRATION: Duration = Duration::from_secs(24 * 60 * 60);

/// Deletes every entry older than `before`, `batch` (at least one) at a time, and tells `progress`
/// after each batch how many are deleted so far. How many there were.
///
/// ```
/// # async fn clean(log: &dyn lockout_core::AttemptLog, now: lockout_core::Timestamp) -> lockout_core::Result<()> {
/// use lockout_core::{ATTEMPT_EXPIRATION, prune_all};
///
/// let before = now.saturating_sub(ATTEMPT_EXPIRATION);
/// prune_all(log, before, 1000, |deleted| println!("{deleted} deleted")).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// If the log fails. What is deleted by then stays deleted; call it again.
pub async fn prune_all(
    log: &(impl AttemptLog + ?Sized),
    before: Timestamp,
    batch: usize,
    mut progress: impl FnMut(usize) + Send,
) -> Result<usize> {
    let batch = batch.max(1);
    let mut deleted = 0_usize;
    loop {
        let pruned = log.prune(before, batch).await?;
        deleted = deleted.saturating_add(pruned);
        progress(deleted);
        if pruned < batch {
            return Ok(deleted);
        }
    }
}
