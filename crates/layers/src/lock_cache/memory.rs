//! What is known of subjects, and since when.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lockout_core::engine::Standing;
use lockout_core::{Charge, Lockout, Place, Subject, Timestamp};
use moka::sync::Cache;

/// How a subject stood when an attempt of it was refused, or whom a settlement locked.
#[derive(Clone, Debug)]
struct Known {
    lockout: Option<Lockout>,
    noted: Timestamp,
    /// When an attempt on the last place lapses into a lock, of which nobody is told.
    lapses: Option<Timestamp>,
}

impl Known {
    fn serves(&self, now: Timestamp, max_stale: Duration) -> bool {
        self.noted <= now
            && now.saturating_since(self.noted) < max_stale
            && self.lapses.is_none_or(|lapses| now < lapses)
    }

    fn lockout_at(self, now: Timestamp) -> Option<Lockout> {
        self.lockout.filter(|lockout| lockout.until.is_none_or(|until| now < until))
    }
}

#[derive(Debug)]
pub(super) struct Memory {
    known: Cache<Subject, Known>,
    /// When the latest attempt on a subject's last place lapses into a lock.
    under_way: Cache<Subject, Timestamp>,
    /// Grows whenever something is forgotten. It is locked while anything is noted or forgotten, so
    /// that no answer that was on its way meanwhile is noted afterwards.
    epoch: Mutex<u64>,
}

impl Memory {
    pub(super) fn new(capacity: u64) -> Self {
        let (known, under_way) = (Cache::new(capacity), Cache::new(capacity));
        Self { known, under_way, epoch: Mutex::new(0) }
    }

    /// To be read before the store is asked what is to be noted.
    pub(super) fn epoch(&self) -> u64 {
        *self.changes()
    }

    /// How `subject` stands, if that is known.
    pub(super) fn standing(
        &self,
        subject: &Subject,
        now: Timestamp,
        max_stale: Duration,
    ) -> Option<Standing> {
        let known = self.known.get(subject).filter(|known| known.serves(now, max_stale))?;
        Some(Standing::from(&known.lockout_at(now)))
    }

    /// The lockout of `subject`, if one is known.
    pub(super) fn lockout(
        &self,
        subject: &Subject,
        now: Timestamp,
        max_stale: Duration,
    ) -> Option<Lockout> {
        let known = self.known.get(subject).filter(|known| known.serves(now, max_stale))?;
        known.lockout_at(now)
    }

    /// Notes how the subjects of a refused attempt stood. Those without a lockout were free or the
    /// last place of theirs was taken, which is the same as long as that does not lapse.
    pub(super) fn note_refusal<'a>(
        &self,
        asked: u64,
        subjects: impl Iterator<Item = &'a Subject>,
        lockouts: &[Lockout],
        now: Timestamp,
    ) {
        let epoch = self.changes();
        if *epoch != asked {
            return;
        }
        for subject in subjects {
            let lockout = lockouts.iter().find(|lockout| lockout.subject == *subject).cloned();
            let lapses = match &lockout {
                Some(_) => None,
                None => self.under_way.get(subject).filter(|lapses| now < *lapses),
            };
            self.known.insert(subject.clone(), Known { lockout, noted: now, lapses });
        }
    }

    /// Notes lockouts.
    pub(super) fn note_locked<'a>(
        &self,
        asked: u64,
        lockouts: impl Iterator<Item = &'a Lockout>,
        now: Timestamp,
    ) {
        let epoch = self.changes();
        if *epoch == asked {
            self.insert(lockouts, now);
        }
    }

    /// Notes that an attempt was admitted: what was known of its subjects is out of date, and its
    /// last places may lapse.
    pub(super) fn note_charges<'a>(
        &self,
        charged: impl Iterator<Item = (&'a Subject, &'a Charge)> + Clone,
        lease: Duration,
    ) {
        let tolerated = |(subject, charge): (&Subject, &Charge)| {
            charge.place == Place::Tolerated && !self.known.contains_key(subject)
        };
        if charged.clone().all(tolerated) {
            return;
        }
        let mut epoch = self.changes();
        *epoch += 1;
        for (subject, charge) in charged {
            if matches!(charge.place, Place::Last { .. }) {
                self.under_way.insert(subject.clone(), charge.at.saturating_add(lease));
            }
            self.known.invalidate(subject);
        }
    }

    /// Forgets the subjects of a settled attempt and notes whom its failure locked.
    pub(super) fn note_settled<'a>(
        &self,
        asked: u64,
        subjects: impl Iterator<Item = &'a Subject>,
        locked: &[Lockout],
        now: Timestamp,
    ) {
        let mut epoch = self.changes();
        let up_to_date = *epoch == asked;
        *epoch += 1;
        subjects.for_each(|subject| self.known.invalidate(subject));
        if up_to_date {
            self.insert(locked.iter(), now);
        }
    }

    pub(super) fn forget<'a>(&self, subjects: impl IntoIterator<Item = &'a Subject>) {
        let mut epoch = self.changes();
        *epoch += 1;
        subjects.into_iter().for_each(|subject| self.known.invalidate(subject));
    }

    pub(super) fn forget_all(&self) {
        let mut epoch = self.changes();
        *epoch += 1;
        self.known.invalidate_all();
    }

    fn insert<'a>(&self, lockouts: impl Iterator<Item = &'a Lockout>, now: Timestamp) {
        for lockout in lockouts {
            let known = Known { lockout: Some(lockout.clone()), noted: now, lapses: None };
            self.known.insert(lockout.subject.clone(), known);
        }
    }

    fn changes(&self) -> MutexGuard<'_, u64> {
        self.epoch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
