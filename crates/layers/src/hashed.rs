//! [`Hashed`]: subjects under a keyed hash.

mod key;
mod names;

use async_trait::async_trait;
use lockout_core::engine::{self, Standing};
use lockout_core::{
    Charge, LockedQuery, Lockout, LockoutStore, Outcome, Page, Refusal, Reservation, Reserved,
    Result, Settlement, Subject, Timestamp,
};

pub use self::key::{HashKey, HashKeyError};
use self::names::{Names, stricter};

/// A store that is given keyed hashes instead of usernames and addresses (feature `hashed`), so that
/// who steals it learns no name.
///
/// A subject is kept as an [opaque](Subject::opaque) one: its token is the HMAC-SHA-256 (RFC 2104)
/// of its scope and value. Whoever has the key can try names and every IPv4 address, so the key
/// must not lie beside the store; without it, the store says only which tokens are locked, and when.
///
/// Answers about an attempt, and about a subject that one asks for, name the real subject. A
/// **list** of locked subjects can only name opaque ones; [`stored`](Self::stored) tells under which
/// one a subject is kept. An opaque subject is passed on as it is, so one from the list can be
/// unlocked, or its status asked. Cursors are the store's.
///
/// # Changing the key
///
/// With [`old_key`](Self::old_key), whatever is locked under that key is refused, found and unlocked
/// as well. An attempt then costs one call more, which a `LockCache` within cannot spare. To change
/// the key where there are several nodes:
///
/// 1. give every node the new key as an old key, beside the one in use: they look under it;
/// 2. then make it the key in use on every node, and the former one its old key;
/// 3. remove the old key when the longest lockout under it is over.
///
/// No lockout gets lost on the way. Failures that have not led to one, and the history that makes
/// lockouts longer, are counted under each key by itself, so a change grants each subject at most
/// `limit + 1` guesses more. A success does not lift a lock that is kept under an old key.
#[derive(Debug)]
pub struct Hashed<S> {
    inner: S,
    key: HashKey,
    old_keys: Vec<HashKey>,
}

impl<S> Hashed<S> {
    /// Keeps the subjects of `inner` under `key`.
    #[must_use]
    pub const fn new(inner: S, key: HashKey) -> Self {
        Self { inner, key, old_keys: Vec::new() }
    }

    /// Looks for lockouts under `key` too. Nothing is charged there.
    #[must_use]
    pub fn old_key(mut self, key: HashKey) -> Self {
        self.old_keys.push(key);
        self
    }

    /// The opaque subject under which `subject` is kept.
    #[must_use]
    pub fn stored(&self, subject: &Subject) -> Subject {
        self.key.hide(subject)
    }

    /// The store within.
    #[must_use]
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// The store within, without the hash.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// What `subject` may be kept under, the key in use first.
    fn all_stored(&self, subject: &Subject) -> Vec<Subject> {
        if subject.is_opaque() {
            return vec![subject.clone()];
        }
        let keys = std::iter::once(&self.key).chain(&self.old_keys);
        keys.map(|key| key.hide(subject)).collect()
    }
}

impl<S: LockoutStore> Hashed<S> {
    /// The strictest lockout of each subject under any key: one call.
    async fn strictest(
        &self,
        subjects: &[&Subject],
        now: Timestamp,
    ) -> Result<Vec<Option<Lockout>>> {
        let stored: Vec<_> = subjects.iter().map(|subject| self.all_stored(subject)).collect();
        let mut found = self.inner.status(&stored.concat(), now).await?.into_iter();
        let strictest = stored.iter().zip(subjects).map(|(stored, subject)| {
            let lockout = found.by_ref().take(stored.len()).reduce(stricter)??;
            Some(Lockout { subject: (*subject).clone(), ..lockout })
        });
        Ok(strictest.collect())
    }

    /// Why the attempt is refused by lockouts under any key.
    async fn refusal(
        &self,
        reservation: &Reservation<'_>,
        now: Timestamp,
    ) -> Result<Option<Refusal>> {
        let subjects: Vec<_> = reservation.claims().map(|(subject, _)| subject).collect();
        let lockouts = self.strictest(&subjects, now).await?;
        let standings: Vec<_> = lockouts.iter().map(Standing::from).collect();
        Ok(engine::refusal(reservation, &standings, now))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: LockoutStore> LockoutStore for Hashed<S> {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        if !self.old_keys.is_empty()
            && let Some(refusal) = self.refusal(reservation, now).await?
        {
            return Ok(Reserved::Refused(refusal));
        }
        let names = Names::new(reservation, &self.key);
        let mut reserved = self.inner.reserve(&names.stored(), now).await?;
        if let Reserved::Refused(Refusal::Locked { lockouts, .. }) = &mut reserved {
            names.reveal(lockouts.iter_mut().map(|lockout| &mut lockout.subject));
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
        let names = Names::new(reservation, &self.key);
        let mut settlement = self.inner.settle(&names.stored(), charges, outcome, now).await?;
        let locked = settlement.locked.iter_mut().map(|lockout| &mut lockout.subject);
        names.reveal(locked.chain(&mut settlement.unlocked));
        Ok(settlement)
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        let subjects: Vec<_> = subjects.iter().collect();
        self.strictest(&subjects, now).await
    }

    /// Locks under the key in use.
    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let locked_before = !self.old_keys.is_empty()
            && self.strictest(&[subject], now).await?.iter().any(Option::is_some);
        let begins = self.inner.lock(&self.key.hide(subject), until, now).await?;
        Ok(begins && !locked_before)
    }

    /// Unlocks under every key.
    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        let mut was_locked = false;
        // The key in use last: what is charged meanwhile is charged there.
        for stored in self.all_stored(subject).iter().rev() {
            was_locked |= self.inner.clear(stored, now).await?;
        }
        Ok(was_locked)
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        self.inner.locked(query, now).await
    }
}
