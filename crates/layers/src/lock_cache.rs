//! [`LockCache`]: known locks are answered in process.

mod memory;

use std::fmt;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lockout_core::{
    Charge, LockedQuery, Lockout, LockoutStore, Outcome, Page, Place, Refusal, Reservation,
    Reserved, Result, Settlement, Subject, Timestamp, UnlockNotice,
};

use self::memory::Memory;

/// A store whose locks are remembered in process, so that a locked guesser who goes on costs it
/// nothing (feature `lock-cache`).
///
/// It is wrong only towards refusing: a subject that was unlocked elsewhere is refused for at most
/// [`max_stale`](Self::max_stale) (5 s) longer, or not at all where a [`LockCacheHandle`] is told.
/// What is unlocked through this store is forgotten at once. An attempt is never admitted from
/// memory, and only a lockout is remembered as a reason to refuse.
///
/// An attempt is refused from memory if how **all** of its subjects stand is known, from the
/// refusal of an attempt a moment ago. So the refusal names the lockouts that the store would name,
/// but for those that began elsewhere within `max_stale`, or in a call whose future was dropped.
/// What is known of a subject that is free serves for that alone.
///
/// Memory is bounded by the capacity (10,000 subjects); what is evicted costs a call and frees
/// nobody. The time is the argument of each call: what was noted at a time that is yet to come,
/// because the clock stepped back, is not used.
pub struct LockCache<S> {
    inner: S,
    memory: Arc<Memory>,
    max_stale: Duration,
}

impl<S> LockCache<S> {
    const CAPACITY: u64 = 10_000;

    /// Remembers how up to 10,000 subjects of `inner` stand.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self::with_capacity(inner, Self::CAPACITY)
    }

    /// Remembers how up to `capacity` subjects of `inner` stand.
    #[must_use]
    pub fn with_capacity(inner: S, capacity: u64) -> Self {
        let memory = Arc::new(Memory::new(capacity));
        Self { inner, memory, max_stale: Duration::from_secs(5) }
    }

    /// Sets for how long what is known is used. Zero: not at all.
    #[must_use]
    pub fn max_stale(mut self, period: Duration) -> Self {
        self.max_stale = period;
        self
    }

    /// What to tell of unlocks elsewhere.
    #[must_use]
    pub fn handle(&self) -> LockCacheHandle {
        LockCacheHandle(Arc::clone(&self.memory))
    }

    /// The store within.
    #[must_use]
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// The store within, without the memory.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }

    fn known_refusal(&self, reservation: &Reservation<'_>, now: Timestamp) -> Option<Refusal> {
        let known = |(subject, _)| self.memory.standing(subject, now, self.max_stale);
        let standings = reservation.claims().map(known).collect::<Option<Vec<_>>>()?;
        lockout_core::engine::refusal(reservation, &standings, now)
    }

    fn known_status(&self, subjects: &[Subject], now: Timestamp) -> Option<Vec<Option<Lockout>>> {
        let known = |subject| self.memory.lockout(subject, now, self.max_stale).map(Some);
        subjects.iter().map(known).collect()
    }
}

impl<S: fmt::Debug> fmt::Debug for LockCache<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockCache")
            .field("inner", &self.inner)
            .field("max_stale", &self.max_stale)
            .finish_non_exhaustive()
    }
}

/// Takes news of unlocks elsewhere to a [`LockCache`]. Clones share it.
///
/// To be fed by whatever tells of them, such as a server's publish-subscribe. Subjects are those
/// that the store within the cache is given: inside of `Hashed`, hashed ones.
#[derive(Clone)]
pub struct LockCacheHandle(Arc<Memory>);

impl LockCacheHandle {
    /// Forgets whoever was unlocked, or everybody if news may have been missed.
    pub fn notice(&self, notice: &UnlockNotice) {
        match notice {
            UnlockNotice::Unlocked(subject) => self.0.forget([subject]),
            UnlockNotice::Missed => self.0.forget_all(),
        }
    }
}

impl fmt::Debug for LockCacheHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockCacheHandle").finish_non_exhaustive()
    }
}

fn subjects<'a>(reservation: &Reservation<'a>) -> impl Iterator<Item = &'a Subject> + Clone {
    reservation.claims().map(|(subject, _)| subject)
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: LockoutStore> LockoutStore for LockCache<S> {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        if let Some(refusal) = self.known_refusal(reservation, now) {
            return Ok(Reserved::Refused(refusal));
        }
        let asked = self.memory.epoch();
        let reserved = self.inner.reserve(reservation, now).await?;
        match &reserved {
            Reserved::Refused(Refusal::Locked { lockouts, .. }) => {
                self.memory.note_refusal(asked, subjects(reservation), lockouts, now);
            }
            Reserved::Refused(_) => {}
            Reserved::Charged(charges) => {
                let lease = reservation.policy().lease();
                self.memory.note_charges(subjects(reservation).zip(charges), lease);
            }
        }
        Ok(reserved)
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        let tolerated = charges.iter().all(|charge| charge.place == Place::Tolerated);
        if outcome == Outcome::Failure && tolerated {
            return self.inner.settle(reservation, charges, outcome, now).await;
        }
        // Before, in case that nobody waits for the answer; and after, for what was noted meanwhile.
        self.memory.forget(subjects(reservation));
        let asked = self.memory.epoch();
        let settled = self.inner.settle(reservation, charges, outcome, now).await;
        let locked = settled.as_ref().map_or(&[][..], |settlement| &settlement.locked);
        self.memory.note_settled(asked, subjects(reservation), locked, now);
        settled
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        if !subjects.is_empty()
            && let Some(status) = self.known_status(subjects, now)
        {
            return Ok(status);
        }
        let asked = self.memory.epoch();
        let status = self.inner.status(subjects, now).await?;
        self.memory.note_locked(asked, status.iter().flatten(), now);
        Ok(status)
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        self.memory.forget(slice::from_ref(subject));
        let locked = self.inner.lock(subject, until, now).await;
        self.memory.forget(slice::from_ref(subject));
        locked
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        self.memory.forget(slice::from_ref(subject));
        let cleared = self.inner.clear(subject, now).await;
        self.memory.forget(slice::from_ref(subject));
        cleared
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        self.inner.locked(query, now).await
    }
}
