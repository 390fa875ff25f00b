//! Which subjects may be locked, in order, so that listing them looks at nobody else.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lockout_core::Subject;

/// Every subject whose record holds a lock, over or not.
///
/// Written only under the lock of the subject's shard, so that it cannot disagree with the record.
#[derive(Debug, Default)]
pub(crate) struct LockedIndex(Mutex<BTreeSet<Subject>>);

impl LockedIndex {
    pub(crate) fn insert(&self, subject: &Subject) {
        self.subjects().insert(subject.clone());
    }

    pub(crate) fn remove(&self, subject: &Subject) {
        self.subjects().remove(subject);
    }

    pub(crate) fn len(&self) -> usize {
        self.subjects().len()
    }

    /// Up to `limit` subjects after `after`.
    pub(crate) fn after(&self, after: Option<&Subject>, limit: usize) -> Vec<Subject> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.subjects().range((start, Bound::Unbounded)).take(limit).cloned().collect()
    }

    fn subjects(&self) -> MutexGuard<'_, BTreeSet<Subject>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
