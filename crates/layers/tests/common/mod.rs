//! Stores for the tests of layers.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use lockout_core::{
    Attempt, Charge, Claim, Effect, Event, LockedQuery, Lockout, LockoutStore, MapStore, Observer,
    Outcome, Page, Policy, Reservation, Reserved, Result, Rule, Scope, Settlement, Spread,
    StoreError, StoreErrorKind, Subject, Timestamp,
};
use lockout_layers::{Fallback, OnOutage};
use tokio::sync::Notify;

pub const NOON: Timestamp = Timestamp::from_millis(1_000_000_000_000);

pub fn after(seconds: u64) -> Timestamp {
    NOON.saturating_add(Duration::from_secs(seconds))
}

pub fn subject(text: &str) -> Subject {
    text.parse().unwrap()
}

/// Usernames and addresses, of which one failure is tolerated.
pub fn policy() -> Policy {
    Policy::builder()
        .rule(Rule::builder(Scope::Username).failure_limit(1))
        .rule(Rule::builder(Scope::Ip).failure_limit(1))
        .build()
        .unwrap()
}

/// One attempt, to call a store with and without a guard.
#[derive(Debug)]
pub struct Login {
    pub policy: Policy,
    pub claims: Vec<Claim>,
}

impl Login {
    pub fn of(policy: Policy, name: &str, host: u8) -> Self {
        let claims = policy.claims(&Attempt::new().username(name).ip([192, 0, 2, host]));
        Self { policy, claims }
    }

    pub fn new(name: &str, host: u8) -> Self {
        Self::of(policy(), name, host)
    }

    /// An attempt without an address.
    pub fn named(name: &str) -> Self {
        let policy = policy();
        let claims = policy.claims(&Attempt::new().username(name));
        Self { policy, claims }
    }

    pub fn reservation(&self) -> Reservation<'_> {
        Reservation::new(&self.policy, &self.claims, Spread::default())
    }

    pub async fn begin(&self, store: &impl LockoutStore, now: Timestamp) -> Result<Reserved> {
        store.reserve(&self.reservation(), now).await
    }

    /// Charges that the store gave.
    pub async fn charged(&self, store: &impl LockoutStore, now: Timestamp) -> Vec<Charge> {
        match self.begin(store, now).await.unwrap() {
            Reserved::Charged(charges) => charges,
            Reserved::Refused(refusal) => panic!("{:?} was refused: {refusal:?}", self.claims),
        }
    }

    pub async fn refused(
        &self,
        store: &impl LockoutStore,
        now: Timestamp,
    ) -> lockout_core::Refusal {
        match self.begin(store, now).await.unwrap() {
            Reserved::Refused(refusal) => refusal,
            charged => panic!("{:?} was admitted: {charged:?}", self.claims),
        }
    }

    pub async fn end(
        &self,
        store: &impl LockoutStore,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        store.settle(&self.reservation(), charges, outcome, now).await
    }

    pub async fn fail(&self, store: &impl LockoutStore, now: Timestamp) -> Settlement {
        let charges = self.charged(store, now).await;
        self.end(store, &charges, Outcome::Failure, now).await.unwrap()
    }

    pub async fn fail_times(&self, store: &impl LockoutStore, times: usize, now: Timestamp) {
        for _ in 0..times {
            self.fail(store, now).await;
        }
    }
}

/// What a [`Scripted`] store does when it is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Works,
    Fails(StoreErrorKind),
    /// Does not answer until it is woken, then does what its mood is by then.
    Hangs,
}

/// A store that counts the calls it gets and fails, or hangs, when it is told to.
#[derive(Clone, Debug, Default)]
pub struct Scripted(Arc<Script>);

#[derive(Debug, Default)]
struct Script {
    map: MapStore,
    mood: Mutex<Mood>,
    calls: AtomicUsize,
    woken: Notify,
    /// Puts this into the tags of its charges and wants it back.
    notes: AtomicBool,
}

pub const NOTE: u64 = 0x00c0_ffee;

impl Scripted {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn noting() -> Self {
        let store = Self::new();
        store.0.notes.store(true, Ordering::Relaxed);
        store
    }

    pub fn map(&self) -> &MapStore {
        &self.0.map
    }

    pub fn set(&self, mood: Mood) {
        *self.0.mood.lock().unwrap() = mood;
    }

    pub fn fail(&self) {
        self.set(Mood::Fails(StoreErrorKind::Unavailable));
    }

    pub fn work(&self) {
        self.set(Mood::Works);
    }

    /// Sets the mood and lets those go on who wait.
    pub fn wake(&self, mood: Mood) {
        self.set(mood);
        self.0.woken.notify_waiters();
    }

    /// The calls since this was last asked.
    pub fn calls(&self) -> usize {
        self.0.calls.swap(0, Ordering::Relaxed)
    }

    async fn called(&self) -> Result<()> {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        loop {
            let woken = self.0.woken.notified();
            let mood = *self.0.mood.lock().unwrap();
            match mood {
                Mood::Works => return Ok(()),
                Mood::Fails(kind) => return Err(failure(kind)),
                Mood::Hangs => woken.await,
            }
        }
    }
}

pub fn failure(kind: StoreErrorKind) -> StoreError {
    StoreError::new(kind, Effect::None, "scripted", "it was told to")
}

#[async_trait]
impl LockoutStore for Scripted {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        self.called().await?;
        let mut reserved = self.0.map.reserve(reservation, now).await?;
        if let Reserved::Charged(charges) = &mut reserved
            && self.0.notes.load(Ordering::Relaxed)
        {
            charges.iter_mut().for_each(|charge| charge.tag = NOTE);
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
        self.called().await?;
        let note = if self.0.notes.load(Ordering::Relaxed) { NOTE } else { 0 };
        assert!(charges.iter().all(|charge| charge.tag == note), "a note was lost: {charges:?}");
        assert_eq!(charges.len(), reservation.claims().len());
        self.0.map.settle(reservation, charges, outcome, now).await
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        self.called().await?;
        self.0.map.status(subjects, now).await
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        self.called().await?;
        self.0.map.lock(subject, until, now).await
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        self.called().await?;
        self.0.map.clear(subject, now).await
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        self.called().await?;
        self.0.map.locked(query, now).await
    }
}

/// A store that serves operators and meets an outage whenever an attempt comes.
#[derive(Debug)]
pub struct AttemptsFail(Arc<MapStore>);

impl AttemptsFail {
    /// With a fallback that has the same records, so that both together are one store.
    pub fn falling_back() -> OnOutage<Self, Fallback<Arc<MapStore>>> {
        let map = Arc::new(MapStore::new());
        OnOutage::fall_back_to(Self(Arc::clone(&map)), map)
    }
}

#[async_trait]
impl LockoutStore for AttemptsFail {
    async fn reserve(&self, _: &Reservation<'_>, _: Timestamp) -> Result<Reserved> {
        Err(failure(StoreErrorKind::Unavailable))
    }

    async fn settle(
        &self,
        _: &Reservation<'_>,
        charges: &[Charge],
        _: Outcome,
        _: Timestamp,
    ) -> Result<Settlement> {
        assert!(charges.is_empty(), "a charge of the fallback came here: {charges:?}");
        Err(failure(StoreErrorKind::Timeout))
    }

    async fn status(&self, _: &[Subject], _: Timestamp) -> Result<Vec<Option<Lockout>>> {
        Err(failure(StoreErrorKind::CircuitOpen))
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        self.0.lock(subject, until, now).await
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        self.0.clear(subject, now).await
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        self.0.locked(query, now).await
    }
}

/// Names again in lists whom it has seen before.
#[derive(Debug)]
pub struct Revealing<S> {
    inner: S,
    naming: lockout_layers::Hashed<MapStore>,
    seen: Mutex<HashMap<Subject, Subject>>,
}

impl<S> Revealing<S> {
    pub fn new(inner: S, naming: lockout_layers::Hashed<MapStore>) -> Self {
        Self { inner, naming, seen: Mutex::default() }
    }

    fn see(&self, subject: &Subject) {
        let stored = self.naming.stored(subject);
        self.seen.lock().unwrap().insert(stored, subject.clone());
    }
}

#[async_trait]
impl<S: LockoutStore> LockoutStore for Revealing<S> {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        reservation.claims().for_each(|(subject, _)| self.see(subject));
        self.inner.reserve(reservation, now).await
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        self.inner.settle(reservation, charges, outcome, now).await
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        self.inner.status(subjects, now).await
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        self.see(subject);
        self.inner.lock(subject, until, now).await
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        self.inner.clear(subject, now).await
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        let mut page = self.inner.locked(query, now).await?;
        let seen = self.seen.lock().unwrap();
        for lockout in &mut page.items {
            assert!(lockout.subject.is_opaque(), "a name is stored: {lockout:?}");
            lockout.subject = seen[&lockout.subject].clone();
        }
        Ok(page)
    }
}

/// An observer that remembers.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<Vec<Event>>>);

impl Seen {
    /// The events since this was last asked.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Observer for Seen {
    fn observe(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}
