//! Where quiet records go when there is no room for them in place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lockout_core::{Record, Subject, Timestamp};
use moka::Expiry;
use moka::sync::Cache;

/// Quiet records, bounded: the ones whose subjects come often stay the longest.
///
/// Nothing depends on what moka keeps: before a record is parked, its [`Residue`] has absorbed it.
/// So moka may evict and expire as it likes, by its own clock.
#[derive(Debug)]
pub(crate) struct Attic {
    parked: Cache<Subject, Parked>,
    /// Whether anything ever was: without a flood, a newcomer costs no look at the cache.
    in_use: AtomicBool,
}

#[derive(Clone, Debug)]
struct Parked {
    record: Record,
    keep: Option<Duration>,
}

struct WhileItMatters;

impl Expiry<Subject, Parked> for WhileItMatters {
    fn expire_after_create(&self, _: &Subject, parked: &Parked, _: Instant) -> Option<Duration> {
        parked.keep
    }
}

impl Attic {
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = u64::try_from(capacity).unwrap_or(u64::MAX);
        let parked = Cache::builder().max_capacity(capacity).expire_after(WhileItMatters).build();
        Self { parked, in_use: AtomicBool::new(false) }
    }

    pub(crate) fn park(&self, subject: Subject, record: Record, now: Timestamp) {
        let keep = record.expires_at.map(|expires| expires.saturating_since(now));
        self.in_use.store(true, Ordering::Relaxed);
        self.parked.insert(subject, Parked { record, keep });
    }

    pub(crate) fn fetch(&self, subject: &Subject) -> Option<Record> {
        // What this subject parked, it parked under its shard's lock, which the caller holds.
        if !self.in_use.load(Ordering::Relaxed) {
            return None;
        }
        // The lookup makes moka count the visit, which `remove` alone does not.
        self.parked.get(subject)?;
        self.parked.remove(subject).map(|parked| parked.record)
    }

    pub(crate) fn len(&self) -> u64 {
        self.parked.entry_count()
    }
}

/// What records that were given up leave behind: one record for many subjects, the strictest of
/// each part. A newcomer inherits it, so he may be counted too much and never too little.
#[derive(Debug)]
pub(crate) struct Residue {
    /// Empty until something is given up.
    places: Vec<Record>,
    size: usize,
}

impl Residue {
    /// A residue of `size` places (a power of two).
    pub(crate) const fn new(size: usize) -> Self {
        Self { places: Vec::new(), size }
    }

    pub(crate) fn absorb(&mut self, hash: u64, record: &Record, now: Timestamp) {
        if self.places.is_empty() {
            self.places.resize_with(self.size, Record::default);
        }
        let place = self.place(hash);
        let place = &mut self.places[place];
        if *place == Record::default() || place.is_expired(now) {
            *place = record.clone();
        } else {
            place.absorb(record);
        }
    }

    pub(crate) fn inherit(&self, hash: u64, now: Timestamp) -> Record {
        let place = self.places.get(self.place(hash));
        place.filter(|record| !record.is_expired(now)).cloned().unwrap_or_default()
    }

    fn place(&self, hash: u64) -> usize {
        // The low half of the hash: the high bits have chosen the shard.
        usize::try_from(hash & u64::from(u32::MAX)).unwrap_or(0) & (self.size - 1)
    }
}
