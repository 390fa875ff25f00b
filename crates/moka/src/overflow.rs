//! Where newcomers are counted when every place is taken by somebody who matters.

use std::sync::atomic::{AtomicU64, Ordering};

use lockout_core::{Record, Subject, Timestamp};
use moka::sync::Cache;

/// The records of newcomers without a place, bounded: those that come often stay the longest.
///
/// Moka may give up what it likes: whatever is put here, the [`Residue`] has absorbed too.
#[derive(Debug)]
pub(crate) struct Overflow {
    records: Cache<Subject, Record>,
    capacity: u64,
    /// How often something was put here: an upper bound of what moka was ever asked to keep.
    puts: AtomicU64,
}

impl Overflow {
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = u64::try_from(capacity).unwrap_or(u64::MAX);
        Self { records: Cache::new(capacity), capacity, puts: AtomicU64::new(0) }
    }

    /// Called under the lock of the subject's shard, as everything here is.
    pub(crate) fn put(&self, subject: &Subject, record: Record) {
        self.puts.fetch_add(1, Ordering::Relaxed);
        self.records.insert(subject.clone(), record);
    }

    pub(crate) fn get(&self, subject: &Subject, now: Timestamp) -> Option<Record> {
        // Without a flood, a newcomer costs no look at the cache.
        if self.puts.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.records.get(subject).filter(|record| !record.is_expired(now))
    }

    /// Whether moka may have given something up, so that a subject that is not here is not
    /// necessarily new.
    pub(crate) fn may_have_lost(&self) -> bool {
        self.puts.load(Ordering::Relaxed) >= self.capacity
    }

    pub(crate) fn remove(&self, subject: &Subject) {
        if self.puts.load(Ordering::Relaxed) > 0 {
            self.records.invalidate(subject);
        }
    }

    pub(crate) fn len(&self) -> u64 {
        // Moka counts late.
        self.records.run_pending_tasks();
        self.records.entry_count()
    }
}

/// One record for many newcomers without a place: the strictest of each part. It stands in for
/// those that moka gave up, so they may be counted too much and never too little.
#[derive(Debug)]
pub(crate) struct Residue {
    /// Empty until there is an overflow.
    records: Vec<Record>,
    size: usize,
}

impl Residue {
    /// A residue of `size` records (a power of two).
    pub(crate) const fn new(size: usize) -> Self {
        Self { records: Vec::new(), size }
    }

    pub(crate) fn absorb(&mut self, hash: u64, record: &Record, now: Timestamp) {
        if self.records.is_empty() {
            self.records.resize_with(self.size, Record::default);
        }
        let index = self.index(hash);
        let shared = &mut self.records[index];
        if *shared == Record::default() || shared.is_expired(now) {
            *shared = record.clone();
        } else {
            shared.absorb(record);
        }
    }

    pub(crate) fn get(&self, hash: u64, now: Timestamp) -> Option<&Record> {
        self.records.get(self.index(hash)).filter(|record| !record.is_expired(now))
    }

    fn index(&self, hash: u64) -> usize {
        // Other bits than those that chose the shard.
        usize::try_from(hash & u64::from(u32::MAX)).unwrap_or(0) & (self.size - 1)
    }
}
