//! [`MapStore`]: the reference store, for tests and small tools.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::decision::{Lockout, Outcome};
use crate::engine;
use crate::error::Result;
use crate::lists::{ListEntry, ListName, ListStore, MemoryLists};
use crate::record::Record;
use crate::record_store::{Change, RecordStore, Step};
use crate::store::{
    Charge, Cursor, LockedQuery, LockoutStore, Page, Reservation, Reserved, Settlement,
};
use crate::subject::Subject;

/// Records in a map behind one mutex: the engine and nothing else, which every other store must
/// equal.
///
/// It forgets expired records only when [`MapStore::sweep`] is called and its size has no bound:
/// use `lockout-moka` in a service. Its lists are [`MemoryLists`].
#[derive(Debug, Default)]
pub struct MapStore {
    records: Mutex<BTreeMap<Subject, Record>>,
    lists: MemoryLists,
}

impl MapStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The record of `subject`, if there is one.
    #[must_use]
    pub fn record(&self, subject: &Subject) -> Option<Record> {
        self.records().get(subject).cloned()
    }

    /// Deletes the records that nothing depends on at `now`; how many there were.
    pub fn sweep(&self, now: Timestamp) -> usize {
        let mut records = self.records();
        let before = records.len();
        records.retain(|_, record| !record.is_expired(now));
        before - records.len()
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<Subject, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LockoutStore for MapStore {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        let mut records = self.records();
        let none = Record::default();
        let standings: Vec<_> = reservation
            .claims()
            .map(|(subject, _)| engine::standing(records.get(subject).unwrap_or(&none), now))
            .collect();
        if let Some(refusal) = engine::refusal(reservation, &standings, now) {
            return Ok(Reserved::Refused(refusal));
        }
        let charges = reservation.claims().map(|(subject, rule)| {
            let record = records.entry(subject.clone()).or_default();
            engine::charge(reservation, rule, record, now)
        });
        Ok(Reserved::Charged(charges.collect()))
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        let mut records = self.records();
        let mut settlement = Settlement::default();
        for ((subject, rule), charge) in reservation.claims().zip(charges) {
            if let Some(record) = records.get_mut(subject) {
                let settled = engine::settle(reservation, rule, record, charge, outcome, now);
                settlement.add(subject, settled);
            }
        }
        Ok(settlement)
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        let records = self.records();
        let lockout = |subject: &Subject| {
            let lock = records.get(subject)?.lock_at(now)?;
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
        Ok(engine::lock(self.records().entry(subject.clone()).or_default(), until, now))
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        Ok(self.records().get_mut(subject).is_some_and(|record| engine::clear(record, now)))
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        let after = query.after.as_ref().map(Cursor::subject).transpose()?;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let records = self.records();
        let mut lockouts = records
            .range((start, Bound::Unbounded))
            .filter(|(subject, _)| query.wants(subject))
            .filter_map(|(subject, record)| {
                Some(Lockout::new(subject.clone(), record.lock_at(now)?))
            });
        Ok(Page::take(&mut lockouts, query.limit))
    }
}

#[async_trait]
impl RecordStore for MapStore {
    async fn update(&self, subject: &Subject, step: &mut Step<'_>) -> Result<()> {
        let mut records = self.records();
        if let Change::Put(record) = step(records.get(subject)) {
            records.insert(subject.clone(), record);
        }
        Ok(())
    }

    async fn subjects(&self, after: Option<&Subject>, limit: usize) -> Result<Vec<Subject>> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let records = self.records();
        Ok(records.range((start, Bound::Unbounded)).take(limit).map(|(s, _)| s.clone()).collect())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ListStore for MapStore {
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
