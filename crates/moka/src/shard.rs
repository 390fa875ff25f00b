//! Live records of a part of all subjects, each changed in place under the shard's lock.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use indexmap::IndexMap;
use indexmap::map::raw_entry_v1::{RawEntryApiV1, RawEntryMut};
use lockout_core::{Record, Subject, Timestamp};

use crate::attic::{Attic, Residue};
use crate::locked::LockedIndex;

/// A record in its place.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) record: Record,
    /// Attempts that are charged and neither settled nor abandoned.
    pub(crate) under_way: u32,
    /// Whether anybody came since the hand passed.
    visited: bool,
}

#[derive(Debug)]
pub(crate) struct Shard {
    slots: IndexMap<Subject, Slot, RandomState>,
    residue: Residue,
    capacity: usize,
    hand: usize,
}

/// What making room needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room<'a> {
    pub(crate) attic: &'a Attic,
    pub(crate) locked: &'a LockedIndex,
    /// The subjects for which room is made: none of them has to go for another.
    pub(crate) keep: &'a [&'a Subject],
    pub(crate) now: Timestamp,
    /// An unsettled attempt that was charged up to this time is no longer under way.
    pub(crate) lease_began: Timestamp,
}

impl Room<'_> {
    /// Whether a slot may go: it is not locked, and no attempt that the lease covers is under way.
    fn may_take(&self, subject: &Subject, slot: &Slot) -> bool {
        let locked = slot.record.lock.is_some_and(|lock| !lock.is_over(self.now));
        let under_way = slot.under_way > 0 && slot.record.touched > self.lease_began;
        !locked && !under_way && !self.keep.contains(&subject)
    }
}

impl Shard {
    /// How many slots the hand looks at before it gives up: bounds the cost of a newcomer.
    const HAND_STEPS: usize = 32;
    /// How many slots it looks at for expired ones even if there is room.
    const TIDY_STEPS: usize = 2;

    pub(crate) fn new(capacity: usize, hasher: RandomState) -> Self {
        let residue = Residue::new((capacity / 4).next_power_of_two().max(16));
        Self { slots: IndexMap::with_hasher(hasher), residue, capacity, hand: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn find(&self, hash: u64, subject: &Subject) -> Option<usize> {
        self.slots.raw_entry_v1().index_from_hash(hash, |key| key == subject)
    }

    /// The slot at an index that [`find`](Self::find) gave since the last insertion.
    pub(crate) fn at(&mut self, index: usize) -> &mut Slot {
        let slot = &mut self.slots[index];
        slot.visited = true;
        slot
    }

    pub(crate) fn get(&mut self, hash: u64, subject: &Subject) -> Option<&mut Slot> {
        self.find(hash, subject).map(|index| self.at(index))
    }

    pub(crate) fn peek(&self, index: usize) -> &Record {
        &self.slots[index].record
    }

    /// Gives a newcomer a slot. `false` if every slot that was looked at has to stay; with
    /// `at_any_cost` the shard then grows beyond its capacity. Indices found before are void.
    pub(crate) fn place(
        &mut self,
        hash: u64,
        subject: &Subject,
        room: &Room<'_>,
        at_any_cost: bool,
    ) -> bool {
        self.tidy(room);
        if self.slots.len() >= self.capacity && !self.make_room(room) && !at_any_cost {
            return false;
        }
        let parked = room.attic.fetch(subject).filter(|record| !record.is_expired(room.now));
        let record = parked.unwrap_or_else(|| self.residue.inherit(hash, room.now));
        let entry = self.slots.raw_entry_mut_v1().from_hash(hash, |key| key == subject);
        if let RawEntryMut::Vacant(place) = entry {
            let slot = Slot { record, under_way: 0, visited: true };
            place.insert_hashed_nocheck(hash, subject.clone(), slot);
        }
        true
    }

    fn tidy(&mut self, room: &Room<'_>) {
        for _ in 0..Self::TIDY_STEPS {
            let Some((index, subject, slot)) = self.advance() else { return };
            if slot.record.is_expired(room.now) && room.may_take(subject, slot) {
                self.give_up(index, room);
            }
        }
    }

    /// Gives up one slot by the rule of the crate's documentation: an expired one or the first
    /// quiet one that nobody visited, else the first quiet one.
    fn make_room(&mut self, room: &Room<'_>) -> bool {
        let mut quiet = None;
        for _ in 0..Self::HAND_STEPS {
            let Some((index, subject, slot)) = self.advance() else { break };
            if !room.may_take(subject, slot) {
                continue;
            }
            let visited = std::mem::take(&mut slot.visited);
            if !visited || slot.record.is_expired(room.now) {
                quiet = Some(index);
                break;
            }
            quiet = quiet.or(Some(index));
        }
        quiet.is_some_and(|index| {
            self.give_up(index, room);
            true
        })
    }

    fn give_up(&mut self, index: usize, room: &Room<'_>) {
        let Some((subject, Slot { record, .. })) = self.slots.swap_remove_index(index) else {
            return;
        };
        if record.lock.is_some() {
            room.locked.remove(&subject);
        }
        if !record.is_expired(room.now) {
            let hash = self.slots.hasher().hash_one(&subject);
            self.residue.absorb(hash, &record, room.now);
            room.attic.park(subject, record, room.now);
        }
    }

    /// Moves the hand to the next slot.
    fn advance(&mut self) -> Option<(usize, &Subject, &mut Slot)> {
        self.hand = self.hand.checked_add(1).filter(|next| *next < self.slots.len()).unwrap_or(0);
        let (subject, slot) = self.slots.get_index_mut(self.hand)?;
        Some((self.hand, subject, slot))
    }
}
