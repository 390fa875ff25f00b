//! Stores with one realistic mistake each. The suite must reject every one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use lockout_core::engine::{self, Standing};
use lockout_core::{
    Change, Charge, Clock as _, Engined, LockedQuery, Lockout, LockoutStore, MapStore, Outcome,
    Page, Record, RecordStore, Reservation, Reserved, Result, Settlement, Step, Subject,
    SystemClock, Timestamp,
};

/// A mistake that somebody has made in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mistake {
    /// Looks whether there is a place, then takes one: what everybody writes first.
    ChecksThenActs,
    /// Gives a charge back twice, as after a time-out that was retried.
    RefundsTwice,
    /// Ignores the time it is given and reads the machine's clock.
    ReadsItsOwnClock,
    /// Forgets the history whenever it writes, so that lockouts never get longer.
    ForgetsTheLevel,
    /// Loses one update in a thousand.
    LosesOneUpdateInAThousand,
    /// Writes a lock over one that ends later, as a replica does that is behind.
    LetsAStaleWriteShortenALock,
}

impl Mistake {
    /// Every mistake.
    pub const ALL: [Self; 6] = [
        Self::ChecksThenActs,
        Self::RefundsTwice,
        Self::ReadsItsOwnClock,
        Self::ForgetsTheLevel,
        Self::LosesOneUpdateInAThousand,
        Self::LetsAStaleWriteShortenALock,
    ];

    /// An empty store that makes this mistake and no other.
    #[must_use]
    pub fn store(self) -> Arc<dyn LockoutStore> {
        match self {
            Self::ChecksThenActs | Self::RefundsTwice | Self::ReadsItsOwnClock => {
                Arc::new(WrongStore { store: MapStore::new(), mistake: self })
            }
            Self::ForgetsTheLevel
            | Self::LosesOneUpdateInAThousand
            | Self::LetsAStaleWriteShortenALock => Arc::new(Engined(WrongRecords {
                records: MapStore::new(),
                mistake: self,
                updates: AtomicU64::new(0),
            })),
        }
    }
}

#[derive(Debug)]
struct WrongRecords {
    records: MapStore,
    mistake: Mistake,
    updates: AtomicU64,
}

impl WrongRecords {
    fn spoil(&self, before: Option<&Record>, mut after: Record) -> Change {
        match self.mistake {
            Mistake::ForgetsTheLevel => after.marks.clear(),
            Mistake::LosesOneUpdateInAThousand => {
                if self.updates.fetch_add(1, Ordering::Relaxed) % 1000 == 999 {
                    return Change::Keep;
                }
            }
            Mistake::LetsAStaleWriteShortenALock => {
                let earlier = before.and_then(|record| record.lock);
                if let (Some(earlier), Some(later)) = (earlier, &mut after.lock)
                    && earlier.provisional.is_none()
                {
                    later.until = earlier.until.min(later.until);
                }
            }
            Mistake::ChecksThenActs | Mistake::RefundsTwice | Mistake::ReadsItsOwnClock => {}
        }
        Change::Put(after)
    }
}

#[async_trait]
impl RecordStore for WrongRecords {
    async fn update(&self, subject: &Subject, step: &mut Step<'_>) -> Result<()> {
        let mut wrong = |before: Option<&Record>| match step(before) {
            Change::Put(after) => self.spoil(before, after),
            Change::Keep => Change::Keep,
        };
        self.records.update(subject, &mut wrong).await
    }

    async fn subjects(&self, after: Option<&Subject>, limit: usize) -> Result<Vec<Subject>> {
        self.records.subjects(after, limit).await
    }
}

#[derive(Debug)]
struct WrongStore {
    store: MapStore,
    mistake: Mistake,
}

impl WrongStore {
    fn time(&self, now: Timestamp) -> Timestamp {
        if self.mistake == Mistake::ReadsItsOwnClock { SystemClock.now() } else { now }
    }

    /// Reads, lets others run, and writes what it made of what it read.
    async fn check_then_act(
        &self,
        reservation: &Reservation<'_>,
        now: Timestamp,
    ) -> Result<Reserved> {
        let read = |subject| self.store.record(subject).unwrap_or_default();
        let mut records: Vec<_> = reservation.claims().map(|(subject, _)| read(subject)).collect();
        let standings: Vec<Standing> =
            records.iter().map(|record| engine::standing(record, now)).collect();
        tokio::task::yield_now().await;
        if let Some(refusal) = engine::refusal(reservation, &standings, now) {
            return Ok(Reserved::Refused(refusal));
        }
        let mut charges = Vec::new();
        for ((subject, rule), record) in reservation.claims().zip(&mut records) {
            charges.push(engine::charge(reservation, rule, record, now));
            let mut write = |_: Option<&Record>| Change::Put(record.clone());
            self.store.update(subject, &mut write).await?;
        }
        Ok(Reserved::Charged(charges))
    }
}

#[async_trait]
impl LockoutStore for WrongStore {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        if self.mistake == Mistake::ChecksThenActs {
            return self.check_then_act(reservation, now).await;
        }
        self.store.reserve(reservation, self.time(now)).await
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        let now = self.time(now);
        if self.mistake == Mistake::RefundsTwice && outcome == Outcome::Success {
            self.store.settle(reservation, charges, outcome, now).await?;
        }
        self.store.settle(reservation, charges, outcome, now).await
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        self.store.status(subjects, self.time(now)).await
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        self.store.lock(subject, until, self.time(now)).await
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        self.store.clear(subject, self.time(now)).await
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        self.store.locked(query, self.time(now)).await
    }
}
