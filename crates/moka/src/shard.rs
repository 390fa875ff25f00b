//! The records of a part of all subjects, each changed in place under the shard's lock.

use foldhash::quality::RandomState;
use indexmap::IndexMap;
use indexmap::map::raw_entry_v1::{RawEntryApiV1, RawEntryMut};
use lockout_core::{Record, Subject, Timestamp};

use crate::locked::LockedIndex;
use crate::overflow::Residue;

#[derive(Debug)]
pub(crate) struct Shard {
    records: IndexMap<Subject, Record, RandomState>,
    pub(crate) residue: Residue,
    capacity: usize,
    hand: usize,
}

impl Shard {
    /// How many records the hand looks at before a newcomer is told that there is no room: bounds
    /// what he costs.
    const HAND_STEPS: usize = 8;

    pub(crate) fn new(capacity: usize, hasher: RandomState) -> Self {
        let residue = Residue::new((capacity / 2).next_power_of_two());
        Self { records: IndexMap::with_hasher(hasher), residue, capacity, hand: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn find(&self, hash: u64, subject: &Subject) -> Option<usize> {
        self.records.raw_entry_v1().index_from_hash(hash, |key| key == subject)
    }

    /// The record at an index that [`find`](Self::find) gave since the last insertion.
    pub(crate) fn at(&self, index: usize) -> &Record {
        &self.records[index]
    }

    /// The same, to be changed.
    pub(crate) fn at_mut(&mut self, index: usize) -> &mut Record {
        &mut self.records[index]
    }

    /// Whether there is room for a newcomer. Drops a few records that no decision depends on any
    /// more; indices found before are void.
    pub(crate) fn make_room(&mut self, locked: &LockedIndex, now: Timestamp) -> bool {
        for _ in 0..Self::HAND_STEPS {
            self.hand = if self.hand + 1 < self.records.len() { self.hand + 1 } else { 0 };
            let Some((_, record)) = self.records.get_index(self.hand) else { break };
            let has_lock = record.lock.is_some();
            if !record.is_expired(now) {
                continue;
            }
            let dropped = self.records.swap_remove_index(self.hand);
            if let Some((subject, _)) = dropped.filter(|_| has_lock) {
                locked.remove(&subject);
            }
        }
        self.records.len() < self.capacity
    }

    /// Gives a newcomer's record a place, beyond the capacity if need be.
    pub(crate) fn insert(&mut self, hash: u64, subject: &Subject, record: Record) -> &mut Record {
        let entry = self.records.raw_entry_mut_v1().from_hash(hash, |key| key == subject);
        match entry {
            RawEntryMut::Occupied(known) => known.into_mut(),
            RawEntryMut::Vacant(place) => {
                place.insert_hashed_nocheck(hash, subject.clone(), record).1
            }
        }
    }
}
