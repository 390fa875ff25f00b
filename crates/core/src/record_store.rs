//! The easy way to a store of one's own: [`RecordStore`] has one method to write.

use std::fmt;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::decision::{Lockout, Outcome};
use crate::engine::{self, Standing};
use crate::error::{Effect, Result, StoreError, StoreErrorKind};
use crate::record::Record;
use crate::store::{
    Charge, Cursor, LockedQuery, LockoutStore, Page, Reservation, Reserved, Settlement,
};
use crate::subject::Subject;

/// What an update wants done with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Leave it as it is.
    Keep,
    /// Put this in its place, at least until [`Record::expires_at`].
    Put(Record),
}

/// One step of an update: given the record, or `None` if there is none, it says what to do.
///
/// It is pure but for its answer, so a store may run it again when somebody else was faster.
pub type Step<'a> = dyn FnMut(Option<&Record>) -> Change + Send + 'a;

/// A place that can change one record atomically. [`Engined`] makes a [`LockoutStore`] of it.
#[async_trait]
pub trait RecordStore: fmt::Debug + Send + Sync + 'static {
    /// Reads the record of `subject`, asks `step` what to do, and does it, with nobody else's
    /// change in between.
    ///
    /// # Errors
    /// If the store cannot, or if others were faster too often.
    async fn update(&self, subject: &Subject, step: &mut Step<'_>) -> Result<()>;

    /// Up to `limit` subjects that have a record, in whatever order but always the same, after
    /// `after`.
    ///
    /// Only listings need it. A store that cannot enumerate leaves it out.
    ///
    /// # Errors
    /// If the store cannot.
    async fn subjects(&self, after: Option<&Subject>, limit: usize) -> Result<Vec<Subject>> {
        let _ = (after, limit);
        Err(StoreError::new(
            StoreErrorKind::Config,
            Effect::None,
            "record store",
            "this store cannot list its subjects: implement RecordStore::subjects",
        ))
    }
}

/// A [`LockoutStore`] over a [`RecordStore`]: the engine decides, the record store keeps.
///
/// Each subject is changed by itself. An attempt with several subjects is charged one after the
/// other and, when a later one refuses, what was charged is given back; in between, others may
/// find the earlier ones busy.
#[derive(Clone, Debug, Default)]
pub struct Engined<R>(pub R);

impl<R: RecordStore> Engined<R> {
    async fn read<T: Send>(
        &self,
        subject: &Subject,
        mut view: impl FnMut(Option<&Record>) -> T + Send,
    ) -> Result<Option<T>> {
        let mut seen = None;
        let mut step = |record: Option<&Record>| {
            seen = Some(view(record));
            Change::Keep
        };
        self.0.update(subject, &mut step).await?;
        Ok(seen)
    }

    async fn change<T: Send>(
        &self,
        subject: &Subject,
        mut change: impl FnMut(&mut Record) -> T + Send,
    ) -> Result<Option<T>> {
        let mut answer = None;
        let mut step = |record: Option<&Record>| {
            let mut changed = record.cloned().unwrap_or_default();
            answer = Some(change(&mut changed));
            if record == Some(&changed) { Change::Keep } else { Change::Put(changed) }
        };
        self.0.update(subject, &mut step).await?;
        Ok(answer)
    }

    async fn standing(&self, subject: &Subject, now: Timestamp) -> Result<Standing> {
        let standing = self.read(subject, |record| {
            record.map_or(Standing::Free, |record| engine::standing(record, now))
        });
        Ok(standing.await?.unwrap_or(Standing::Free))
    }

    /// Charges one subject if it may be charged whatever the others say; how it stood before.
    async fn charge(
        &self,
        reservation: &Reservation<'_>,
        index: usize,
        now: Timestamp,
    ) -> Result<(Standing, Option<Charge>)> {
        let Some((subject, rule)) = reservation.claims().nth(index) else {
            return Ok((Standing::Free, None));
        };
        let others_decide = reservation.locks_to_refuse() > 1;
        let answer = self.change(subject, |record| {
            let standing = engine::standing(record, now);
            let admits = standing == Standing::Free || others_decide;
            (standing, admits.then(|| engine::charge(reservation, rule, record, now)))
        });
        Ok(answer.await?.unwrap_or((Standing::Free, None)))
    }
}

#[async_trait]
impl<R: RecordStore> LockoutStore for Engined<R> {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        let several = reservation.claims().len() > 1;
        if several {
            // The cheapest refusal first: it changes nothing.
            let mut standings = Vec::with_capacity(reservation.claims().len());
            for (subject, _) in reservation.claims() {
                standings.push(self.standing(subject, now).await?);
            }
            if let Some(refusal) = engine::refusal(reservation, &standings, now) {
                return Ok(Reserved::Refused(refusal));
            }
        }
        let mut standings = Vec::with_capacity(reservation.claims().len());
        let mut charges = Vec::with_capacity(reservation.claims().len());
        for index in 0..reservation.claims().len() {
            let (standing, charge) = self.charge(reservation, index, now).await?;
            standings.push(standing);
            charges.extend(charge);
            if charge.is_none() {
                break;
            }
        }
        match engine::refusal(reservation, &standings, now) {
            None => Ok(Reserved::Charged(charges)),
            Some(refusal) => {
                self.settle(reservation, &charges, Outcome::Cancelled, now).await?;
                Ok(Reserved::Refused(refusal))
            }
        }
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
            let settled = self.change(subject, |record| {
                engine::settle(reservation, rule, record, charge, outcome, now)
            });
            settlement.add(subject, settled.await?.unwrap_or_default());
        }
        Ok(settlement)
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        let mut lockouts = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let lock = self.read(subject, |record| record.and_then(|r| r.lock_at(now).copied()));
            let lock = lock.await?.flatten();
            lockouts.push(lock.map(|lock| Lockout::new(subject.clone(), &lock)));
        }
        Ok(lockouts)
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let locked = self.change(subject, |record| engine::lock(record, until, now));
        Ok(locked.await?.unwrap_or(false))
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        let cleared = self.change(subject, |record| engine::clear(record, now));
        Ok(cleared.await?.unwrap_or(false))
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        let mut after = query.after.as_ref().map(Cursor::subject).transpose()?;
        let mut items = Vec::new();
        loop {
            let batch = self.0.subjects(after.as_ref(), query.limit.max(1)).await?;
            let Some(last) = batch.last().cloned() else { break };
            for subject in batch {
                if !query.wants(&subject) {
                    continue;
                }
                items.extend(
                    self.status(std::slice::from_ref(&subject), now).await?.pop().flatten(),
                );
                if items.len() >= query.limit.max(1) {
                    return Ok(Page { items, next: Some(Cursor::of(&subject)) });
                }
            }
            after = Some(last);
        }
        Ok(Page { items, next: None })
    }
}
