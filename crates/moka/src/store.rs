//! [`MokaStore`]: the engine under each record's lock.

use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use foldhash::quality::RandomState;
use lockout_core::engine::{self, Standing};
use lockout_core::{
    Charge, Cursor, ListEntry, ListName, ListStore, LockedQuery, Lockout, LockoutStore,
    MemoryLists, Outcome, Page, Place, Record, Refusal, Reservation, Reserved, Result, Rule,
    Settlement, Subject, Timestamp,
};
use smallvec::SmallVec;

use crate::builder::MokaStoreBuilder;
use crate::locked::LockedIndex;
use crate::overflow::Overflow;
use crate::shard::Shard;

/// Records in this process's memory: exact, bounded, and gone when the process ends.
///
/// A subject's record lives in one of many shards and is changed in place under the shard's lock;
/// an attempt's shards are locked together, in their order. See the [crate] for what happens when
/// there is no room, and for lists.
pub struct MokaStore {
    shards: Box<[Mutex<Shard>]>,
    /// Seeded anew for each process. Should somebody find names that collide all the same, they
    /// slow one shard, whose size is bounded.
    hasher: RandomState,
    pub(crate) overflow: Overflow,
    pub(crate) locked: LockedIndex,
    lists: MemoryLists,
}

/// How full a [`MokaStore`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Records in place.
    pub records: usize,
    /// Records in place that hold a lock; some may be over.
    pub locked: usize,
    /// Records of newcomers for whom there was no place. If there are any, the capacity is too
    /// small for what is going on.
    pub overflow: u64,
}

/// Where a subject is.
#[derive(Clone, Copy)]
struct Spot {
    hash: u64,
    shard: usize,
    /// Which of the shards that are held.
    held: usize,
    /// The index of its record in the shard, if it has a place.
    index: Option<usize>,
}

type Spots = SmallVec<[Spot; 4]>;
type Held<'a> = SmallVec<[MutexGuard<'a, Shard>; 4]>;

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
        let hasher = RandomState::default();
        let shard = || Mutex::new(Shard::new(capacity.div_ceil(shards), hasher.clone()));
        Self {
            shards: std::iter::repeat_with(shard).take(shards).collect(),
            overflow: Overflow::new(capacity),
            locked: LockedIndex::default(),
            lists: MemoryLists::new(),
            hasher,
        }
    }

    /// How full the store is. Looks at every shard: for a metric, not for a login.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            records: (0..self.shards.len()).map(|shard| self.hold(shard).len()).sum(),
            locked: self.locked.len(),
            overflow: self.overflow.len(),
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

    /// The short way for a single subject, if it has a place and is free.
    fn charge_known(
        &self,
        reservation: &Reservation<'_>,
        subject: &Subject,
        rule: &Rule,
        now: Timestamp,
    ) -> Option<Charge> {
        let (hash, mut shard) = self.hold_one(subject);
        let index = shard.find(hash, subject)?;
        let record = shard.at_mut(index);
        if !engine::is_free(record, now) {
            return None;
        }
        let charge = engine::charge(reservation, rule, record, now);
        if matches!(charge.place, Place::Last { .. }) {
            self.locked.insert(subject);
        }
        Some(charge)
    }

    /// Locks the shards of all subjects, each once and in their order, so that two attempts cannot
    /// wait for each other; and finds the records.
    fn hold_all(&self, reservation: &Reservation<'_>, spots: &mut Spots) -> Held<'_> {
        for (subject, _) in reservation.claims() {
            let hash = self.hasher.hash_one(subject);
            spots.push(Spot { hash, shard: self.shard_of(hash), held: 0, index: None });
        }
        let mut order: SmallVec<[usize; 4]> = (0..spots.len()).collect();
        order.sort_unstable_by_key(|claim| spots[*claim].shard);
        let mut held = Held::new();
        let mut latest = None;
        for claim in order {
            let spot = &mut spots[claim];
            if latest != Some(spot.shard) {
                latest = Some(spot.shard);
                held.push(self.hold(spot.shard));
            }
            spot.held = held.len() - 1;
        }
        for (spot, (subject, _)) in spots.iter_mut().zip(reservation.claims()) {
            spot.index = held[spot.held].find(spot.hash, subject);
        }
        held
    }

    /// Looks closer at subjects of which one is new, or not free.
    fn refusal(
        &self,
        reservation: &Reservation<'_>,
        held: &Held<'_>,
        spots: &Spots,
        now: Timestamp,
    ) -> Option<Refusal> {
        let standing = |(spot, (subject, _)): (&Spot, (&Subject, _))| {
            let shard = &held[spot.held];
            match spot.index {
                Some(index) => engine::standing(shard.at(index), now),
                None => self
                    .without_place(shard, spot.hash, subject, now)
                    .map_or(Standing::Free, |record| engine::standing(&record, now)),
            }
        };
        let standings: SmallVec<[Standing; 4]> =
            spots.iter().zip(reservation.claims()).map(standing).collect();
        engine::refusal(reservation, &standings, now)
    }

    fn lock_of(&self, subject: &Subject, now: Timestamp) -> Option<Lockout> {
        let (hash, shard) = self.hold_one(subject);
        let lock = match shard.find(hash, subject) {
            Some(index) => shard.at(index).lock_at(now).copied(),
            None => self.without_place(&shard, hash, subject, now)?.lock_at(now).copied(),
        };
        Some(Lockout::new(subject.clone(), &lock?))
    }
}

#[async_trait]
impl LockoutStore for MokaStore {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        let mut claims = reservation.claims();
        if let (1, Some((subject, rule))) = (claims.len(), claims.next())
            && let Some(charge) = self.charge_known(reservation, subject, rule, now)
        {
            return Ok(Reserved::Charged(vec![charge]));
        }
        let mut spots = Spots::new();
        let mut held = self.hold_all(reservation, &mut spots);
        let all_free = spots.iter().all(|spot| {
            spot.index.is_some_and(|index| engine::is_free(held[spot.held].at(index), now))
        });
        if !all_free && let Some(refusal) = self.refusal(reservation, &held, &spots, now) {
            return Ok(Reserved::Refused(refusal));
        }
        let mut charges = Vec::with_capacity(spots.len());
        let mut newcomers = false;
        for (spot, (subject, rule)) in spots.iter().zip(reservation.claims()) {
            let shard = &mut held[spot.held];
            let charge = |record: &mut Record| engine::charge(reservation, rule, record, now);
            // Making room for a newcomer moves records.
            let index = if newcomers { shard.find(spot.hash, subject) } else { spot.index };
            let charge = match index {
                Some(index) => charge(shard.at_mut(index)),
                None => {
                    newcomers = true;
                    self.charge_newcomer(shard, spot.hash, subject, now, charge)
                }
            };
            if matches!(charge.place, Place::Last { .. }) && index.is_some() {
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
            if !engine::settling_writes(rule, charge, outcome) {
                continue;
            }
            let settle = |record: &mut Record| {
                engine::settle(reservation, rule, record, charge, outcome, now)
            };
            let (hash, mut shard) = self.hold_one(subject);
            let settled = match shard.find(hash, subject) {
                Some(index) => {
                    let record = shard.at_mut(index);
                    let had_lock = record.lock.is_some();
                    let settled = settle(record);
                    if had_lock && record.lock.is_none() {
                        self.locked.remove(subject);
                    }
                    settled
                }
                None => self.settle_without_place(&mut shard, hash, subject, now, settle),
            };
            settlement.add(subject, settled);
        }
        Ok(settlement)
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        Ok(subjects.iter().map(|subject| self.lock_of(subject, now)).collect())
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let (hash, mut shard) = self.hold_one(subject);
        let record = self.place_for_operator(&mut shard, hash, subject, now);
        let begins = engine::lock(record, until, now);
        if record.lock.is_some() {
            self.locked.insert(subject);
        }
        Ok(begins)
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        let (hash, mut shard) = self.hold_one(subject);
        let known = shard.find(hash, subject).is_some()
            || self.without_place(&shard, hash, subject, now).is_some();
        if !known {
            return Ok(false);
        }
        let record = self.place_for_operator(&mut shard, hash, subject, now);
        self.locked.remove(subject);
        Ok(engine::clear(record, now))
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        let mut after = query.after.as_ref().map(Cursor::subject).transpose()?;
        let mut items = Vec::new();
        loop {
            let batch = self.locked.after(after.as_ref(), query.limit.max(1));
            let Some(last) = batch.last().cloned() else { break };
            for subject in batch.iter().filter(|subject| query.wants(subject)) {
                items.extend(self.lock_of(subject, now));
                if items.len() > query.limit.max(1) {
                    return Ok(Page::take(&mut items.into_iter(), query.limit));
                }
            }
            after = Some(last);
        }
        Ok(Page::take(&mut items.into_iter(), query.limit))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ListStore for MokaStore {
    async fn put(&self, list: &ListName, entry: &ListEntry) -> Result<()> {
        self.lists.put(list, entry).await
    }

    async fn remove(&self, list: &ListName, key: &str) -> Result<bool> {
        self.lists.remove(list, key).await
    }

    async fn get(&self, list: &ListName, key: &str, now: Timestamp) -> Result<Option<ListEntry>> {
        self.lists.get(list, key, now).await
    }

    async fn entries(
        &self,
        list: &ListName,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<ListEntry>> {
        self.lists.entries(list, after, limit, now).await
    }

    async fn version(&self, list: &ListName) -> Result<u64> {
        self.lists.version(list).await
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
