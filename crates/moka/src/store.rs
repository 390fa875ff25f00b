//! [`MokaStore`]: the engine under each record's lock.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lockout_core::engine::{self, Standing};
use lockout_core::{
    Charge, Cursor, LockedQuery, Lockout, LockoutStore, Outcome, Page, Place, Policy, Refusal,
    Reservation, Reserved, Result, Settlement, Subject, Timestamp,
};
use smallvec::SmallVec;

use crate::attic::Attic;
use crate::builder::MokaStoreBuilder;
use crate::locked::LockedIndex;
use crate::shard::{Room, Shard};

/// Records in this process's memory: exact, bounded, and gone when the process ends.
///
/// A subject's record lives in one of many shards and is changed in place under the shard's lock;
/// an attempt's shards are locked together, in their order. See the [crate] for what happens when
/// there is no room.
pub struct MokaStore {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    attic: Attic,
    locked: LockedIndex,
    turned_away: AtomicU64,
}

/// How full a [`MokaStore`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Records in place.
    pub records: usize,
    /// Records with a lock; some may be over.
    pub locked: usize,
    /// Quiet records that are parked, about: moka counts late.
    pub parked: u64,
    /// Attempts that were told to retry because no record could be given up. If this grows, the
    /// capacity is too small.
    pub turned_away: u64,
}

/// Where a subject is.
#[derive(Clone, Copy)]
struct Spot {
    hash: u64,
    /// Which of the held shards.
    held: usize,
    /// The index of its slot in the shard, if it has one.
    index: Option<usize>,
}

type Spots = SmallVec<[Spot; 4]>;
type Held<'a> = SmallVec<[(usize, MutexGuard<'a, Shard>); 4]>;

impl MokaStore {
    const MOST_SHARDS: usize = 64;

    /// A store of the [default capacity](MokaStoreBuilder::DEFAULT_CAPACITY).
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(MokaStoreBuilder::DEFAULT_CAPACITY)
    }

    /// A builder of a store.
    pub const fn builder() -> MokaStoreBuilder {
        MokaStoreBuilder::new()
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let shards = (capacity / 64).next_power_of_two().clamp(1, Self::MOST_SHARDS);
        let hasher = RandomState::new();
        let shard = || Mutex::new(Shard::new(capacity.div_ceil(shards), hasher.clone()));
        Self {
            shards: std::iter::repeat_with(shard).take(shards).collect(),
            attic: Attic::new(capacity),
            locked: LockedIndex::default(),
            turned_away: AtomicU64::new(0),
            hasher,
        }
    }

    /// How full the store is. Looks at every shard: for a metric, not for a login.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            records: (0..self.shards.len()).map(|shard| self.hold(shard).len()).sum(),
            locked: self.locked.len(),
            parked: self.attic.len(),
            turned_away: self.turned_away.load(Ordering::Relaxed),
        }
    }

    fn shard_of(&self, hash: u64) -> usize {
        // Neither the low bits, by which a shard's map finds its buckets, nor the highest, by
        // which it tells the entries of a bucket apart.
        usize::try_from(hash >> 40).unwrap_or(0) & (self.shards.len() - 1)
    }

    /// A panic cannot leave a record half changed: the engine does not panic, and what it changes
    /// is put right by the next attempt. So a poisoned shard is used on.
    fn hold(&self, shard: usize) -> MutexGuard<'_, Shard> {
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold_one(&self, subject: &Subject) -> (u64, MutexGuard<'_, Shard>) {
        let hash = self.hasher.hash_one(subject);
        (hash, self.hold(self.shard_of(hash)))
    }

    /// Locks the shards of all subjects, each once and in their order, so that two attempts cannot
    /// wait for each other; and finds the slots.
    fn hold_all(&self, reservation: &Reservation<'_>) -> (Held<'_>, Spots) {
        let mut spots: Spots = reservation
            .claims()
            .map(|(subject, _)| {
                let hash = self.hasher.hash_one(subject);
                Spot { hash, held: self.shard_of(hash), index: None }
            })
            .collect();
        let mut shards: SmallVec<[usize; 4]> = spots.iter().map(|spot| spot.held).collect();
        shards.sort_unstable();
        shards.dedup();
        let held: Held<'_> = shards.into_iter().map(|shard| (shard, self.hold(shard))).collect();
        for spot in &mut spots {
            spot.held = held.iter().position(|(shard, _)| *shard == spot.held).unwrap_or(0);
        }
        find_all(reservation, &held, &mut spots);
        (held, spots)
    }

    /// Gives every newcomer among the subjects a slot. Whether there was room for all.
    #[cold]
    fn place_newcomers(
        &self,
        reservation: &Reservation<'_>,
        held: &mut Held<'_>,
        spots: &mut Spots,
        now: Timestamp,
    ) -> bool {
        let keep: SmallVec<[&Subject; 4]> = reservation.claims().map(|claim| claim.0).collect();
        let room = self.room(&keep, now, reservation.policy().lease());
        let placed = spots.iter().zip(&keep).all(|(spot, subject)| {
            spot.index.is_some() || held[spot.held].1.place(spot.hash, subject, &room, false)
        });
        find_all(reservation, held, spots);
        placed
    }

    fn room<'a>(&'a self, keep: &'a [&'a Subject], now: Timestamp, lease: Duration) -> Room<'a> {
        let lease = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        let lease_began = Timestamp::from_millis(now.as_millis().saturating_sub(lease));
        Room { attic: &self.attic, locked: &self.locked, keep, now, lease_began }
    }
}

fn find_all(reservation: &Reservation<'_>, held: &Held<'_>, spots: &mut Spots) {
    for (spot, (subject, _)) in spots.iter_mut().zip(reservation.claims()) {
        spot.index = held[spot.held].1.find(spot.hash, subject);
    }
}

#[async_trait]
impl LockoutStore for MokaStore {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        let (mut held, mut spots) = self.hold_all(reservation);
        let standings: SmallVec<[Standing; 4]> = spots
            .iter()
            .map(|spot| {
                let record = spot.index.map(|index| held[spot.held].1.peek(index));
                record.map_or(Standing::Free, |record| engine::standing(record, now))
            })
            .collect();
        if let Some(refusal) = engine::refusal(reservation, &standings, now) {
            return Ok(Reserved::Refused(refusal));
        }
        let all_known = spots.iter().all(|spot| spot.index.is_some());
        if !all_known && !self.place_newcomers(reservation, &mut held, &mut spots, now) {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            return Ok(Reserved::Refused(Refusal::Busy { retry_after: Refusal::BUSY_RETRY }));
        }
        let mut charges = Vec::with_capacity(spots.len());
        for (spot, (subject, rule)) in spots.iter().zip(reservation.claims()) {
            let Some(index) = spot.index else { continue };
            let slot = held[spot.held].1.at(index);
            let charge = engine::charge(reservation, rule, &mut slot.record, now);
            slot.under_way = slot.under_way.saturating_add(1);
            if matches!(charge.place, Place::Last { .. }) {
                self.locked.insert(subject);
            }
            charges.push(charge);
        }
        Ok(Reserved::Charged(charges))
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        let mut settlement = Settlement::default();
        for ((subject, rule), charge) in reservation.claims().zip(charges) {
            let (hash, mut shard) = self.hold_one(subject);
            // A record that was given up after its lease keeps the charge: that errs towards
            // counting too much.
            let Some(slot) = shard.get(hash, subject) else { continue };
            slot.under_way = slot.under_way.saturating_sub(1);
            let had_lock = slot.record.lock.is_some();
            let record = &mut slot.record;
            settlement
                .add(subject, engine::settle(reservation, rule, record, charge, outcome, now));
            if had_lock && slot.record.lock.is_none() {
                self.locked.remove(subject);
            }
        }
        Ok(settlement)
    }

    fn abandon(&self, reservation: &Reservation<'_>, charges: &[Charge]) {
        for ((subject, _), _) in reservation.claims().zip(charges) {
            let (hash, mut shard) = self.hold_one(subject);
            if let Some(slot) = shard.get(hash, subject) {
                slot.under_way = slot.under_way.saturating_sub(1);
            }
        }
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        let lockout = |subject: &Subject| {
            let (hash, shard) = self.hold_one(subject);
            let lock = shard.peek(shard.find(hash, subject)?).lock_at(now)?;
            Some(Lockout::new(subject.clone(), lock))
        };
        Ok(subjects.iter().map(lockout).collect())
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let (hash, mut shard) = self.hold_one(subject);
        if shard.find(hash, subject).is_none() {
            // An operator's lock finds room whatever the flood.
            let keep = [subject];
            shard.place(hash, subject, &self.room(&keep, now, Policy::DEFAULT_LEASE), true);
        }
        let Some(slot) = shard.get(hash, subject) else { return Ok(false) };
        let begins = engine::lock(&mut slot.record, until, now);
        if slot.record.lock.is_some() {
            self.locked.insert(subject);
        }
        Ok(begins)
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        let (hash, mut shard) = self.hold_one(subject);
        if let Some(slot) = shard.get(hash, subject) {
            let was_locked = engine::clear(&mut slot.record, now);
            self.locked.remove(subject);
            return Ok(was_locked);
        }
        if let Some(mut record) = self.attic.fetch(subject) {
            engine::clear(&mut record, now);
            if !record.is_expired(now) {
                self.attic.park(subject.clone(), record, now);
            }
        }
        Ok(false)
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        let mut after = query.after.as_ref().map(Cursor::subject).transpose()?;
        let mut items = Vec::new();
        loop {
            let batch = self.locked.after(after.as_ref(), query.limit.max(1));
            let Some(last) = batch.last().cloned() else { break };
            for subject in batch.iter().filter(|subject| query.wants(subject.scope())) {
                items.extend(self.lockout_or_forget(subject, now));
                if items.len() > query.limit.max(1) {
                    return Ok(Page::take(&mut items.into_iter(), query.limit));
                }
            }
            after = Some(last);
        }
        Ok(Page::take(&mut items.into_iter(), query.limit))
    }
}

impl MokaStore {
    /// The lockout of a subject of the index; one whose lock is gone leaves the index.
    fn lockout_or_forget(&self, subject: &Subject, now: Timestamp) -> Option<Lockout> {
        let (hash, shard) = self.hold_one(subject);
        let record = shard.find(hash, subject).map(|index| shard.peek(index));
        if record.is_none_or(|record| record.lock.is_none()) {
            self.locked.remove(subject);
        }
        Some(Lockout::new(subject.clone(), record?.lock_at(now)?))
    }
}

impl Default for MokaStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MokaStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MokaStore").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
