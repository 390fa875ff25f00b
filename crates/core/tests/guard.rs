//! What the guard adds to a store: waiting, telling, and what it passes on.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use lockout_core::{
    Attempt, Broadcast, Charge, Clock, Combine, Decision, Effect, Event, FakeClock, Guard,
    LockedQuery, Lockout, LockoutStore, MapStore, Observer, Outcome, Page, Policy, Preset, Refusal,
    Reservation, Reserved, Result, Rule, Scope, ServerClock, ServerTime, Settlement, StoreError,
    StoreErrorKind, Subject, SystemClock, Timestamp,
};

fn noon() -> FakeClock {
    FakeClock::at(Timestamp::from_millis(1_000_000_000_000))
}

fn alice() -> Attempt {
    Attempt::new().username("alice").ip([192, 0, 2, 1])
}

/// A limit of zero: the first attempt takes the last place.
fn strict() -> Policy {
    Policy::builder().rule(Rule::builder(Scope::Username).failure_limit(0)).build().unwrap()
}

#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Vec<Event>>>);

impl Observer for Seen {
    fn observe(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

#[tokio::test]
async fn a_patient_guard_waits_for_a_place() {
    let clock = noon();
    let patience = Duration::from_millis(500);
    let store = MapStore::new();
    let guard = Guard::builder(store, strict()).clock(clock.clone()).patience(patience).build();
    let first = guard.begin(&alice()).await.unwrap().admitted().unwrap();
    let second = tokio::spawn({
        let guard = guard.clone();
        async move { guard.begin(&alice()).await.unwrap() }
    });
    tokio::task::yield_now().await;
    first.succeed().await.unwrap();
    while !second.is_finished() {
        clock.advance(Duration::from_millis(10));
        tokio::task::yield_now().await;
    }
    let permit = second.await.unwrap().admitted();
    drop(permit.expect("the place is free again"));
}

#[tokio::test]
async fn patience_ends() {
    let clock = noon();
    let patience = Duration::from_millis(500);
    let guard =
        Guard::builder(MapStore::new(), strict()).clock(clock.clone()).patience(patience).build();
    let _first = guard.begin(&alice()).await.unwrap();
    let second = tokio::spawn({
        let guard = guard.clone();
        async move { guard.begin(&alice()).await.unwrap() }
    });
    let start = clock.now();
    while !second.is_finished() {
        clock.advance(Duration::from_millis(1));
        tokio::task::yield_now().await;
    }
    let refused = second.await.unwrap();
    assert!(matches!(refused, Decision::Refused(Refusal::Busy { .. })), "{refused:?}");
    let waited = clock.now().saturating_since(start);
    // The clock here runs on while the waiter is being woken.
    assert!((patience..patience * 2).contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn a_patient_guard_does_not_wait_for_a_lock() {
    let patience = Duration::from_secs(3600);
    let guard = Guard::builder(MapStore::new(), strict()).clock(noon()).patience(patience).build();
    guard.begin(&alice()).await.unwrap().admitted().unwrap().fail().await.unwrap();
    let refused = guard.begin(&alice()).await.unwrap();
    assert!(matches!(refused, Decision::Refused(Refusal::Locked { .. })), "{refused:?}");
}

#[tokio::test]
async fn every_observer_is_told_and_a_panic_of_one_changes_nothing() {
    #[derive(Debug)]
    struct Panics;

    impl Observer for Panics {
        fn observe(&self, _: &Event) {
            panic!("an observer's own mistake");
        }
    }

    let (seen, events) = (Seen::default(), Broadcast::new(16));
    let mut receiver = events.subscribe();
    let guard = Guard::builder(MapStore::new(), strict())
        .clock(noon())
        .observer(Panics)
        .observer(seen.clone())
        .observer(events)
        .build();
    let settlement = guard.begin(&alice()).await.unwrap().admitted().unwrap().fail().await.unwrap();
    let locked = Event::Locked(settlement.locked[0].clone());
    let _ = guard.begin(&alice()).await.unwrap();
    let seen = seen.0.lock().unwrap().clone();
    assert_eq!(seen[0], locked);
    assert!(matches!(&seen[1], Event::Refused { subjects, .. } if subjects.len() == 1));
    assert_eq!(receiver.recv().await.unwrap(), locked);
    assert_eq!(receiver.recv().await.unwrap(), seen[1]);
}

#[tokio::test]
async fn a_receiver_that_is_too_slow_loses_the_oldest_and_is_told() {
    let events = Broadcast::new(2);
    let mut receiver = events.subscribe();
    let guard =
        Guard::builder(MapStore::new(), strict()).clock(noon()).observer(events.clone()).build();
    for name in ["a", "b", "c", "d", "e"] {
        let attempt = Attempt::new().username(name);
        guard.begin(&attempt).await.unwrap().admitted().unwrap().fail().await.unwrap();
    }
    assert!(receiver.recv().await.is_err(), "the oldest are gone");
    assert!(matches!(receiver.recv().await, Ok(Event::Locked(_))));
}

/// A store that is down.
#[derive(Debug, Default)]
struct Down(AtomicUsize);

impl Down {
    fn fail<T>(&self) -> Result<T> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let message = "connection refused: start the server";
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = StoreError::new(StoreErrorKind::Unavailable, Effect::None, "down", message);
        Err(error.with_source(refused))
    }
}

#[async_trait]
impl LockoutStore for Down {
    async fn reserve(&self, _: &Reservation<'_>, _: Timestamp) -> Result<Reserved> {
        self.fail()
    }

    async fn settle(
        &self,
        _: &Reservation<'_>,
        _: &[Charge],
        _: Outcome,
        _: Timestamp,
    ) -> Result<Settlement> {
        self.fail()
    }

    async fn status(&self, _: &[Subject], _: Timestamp) -> Result<Vec<Option<Lockout>>> {
        self.fail()
    }

    async fn lock(&self, _: &Subject, _: Option<Timestamp>, _: Timestamp) -> Result<bool> {
        self.fail()
    }

    async fn clear(&self, _: &Subject, _: Timestamp) -> Result<bool> {
        self.fail()
    }

    async fn locked(&self, _: &LockedQuery, _: Timestamp) -> Result<Page<Lockout>> {
        self.fail()
    }
}

#[tokio::test]
async fn a_store_that_fails_is_an_error_once_and_an_event() {
    let (store, seen) = (Arc::new(Down::default()), Seen::default());
    let guard = Guard::builder(store.clone() as Arc<dyn LockoutStore>, Policy::default())
        .observer(seen.clone())
        .build();
    let name = Subject::username("alice").unwrap();
    let errors = [
        guard.begin(&alice()).await.map(drop).unwrap_err(),
        guard.check(&alice()).await.map(drop).unwrap_err(),
        guard.record(&alice(), Outcome::Failure).await.map(drop).unwrap_err(),
        guard.status(std::slice::from_ref(&name)).await.map(drop).unwrap_err(),
        guard.lock(&name, None).await.map(drop).unwrap_err(),
        guard.unlock(&name).await.map(drop).unwrap_err(),
        guard.locked(&LockedQuery::default()).await.map(drop).unwrap_err(),
    ];
    for error in &errors {
        assert_eq!(
            error.to_string(),
            "down: the store cannot be reached: connection refused: start the server"
        );
        assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Unavailable, Effect::None));
        assert_eq!(error.store(), "down");
        assert!(std::error::Error::source(error).is_some(), "the cause is kept");
    }
    assert_eq!(store.0.load(Ordering::Relaxed), errors.len(), "nothing is tried twice");
    let told = Event::StoreFailed(StoreErrorKind::Unavailable);
    assert_eq!(*seen.0.lock().unwrap(), vec![told; errors.len()]);
}

#[tokio::test]
async fn nist_allows_a_hundred_consecutive_failures_and_then_only_an_operator() {
    let clock = noon();
    let guard = Guard::builder(MapStore::new(), Policy::nist()).clock(clock.clone()).build();
    let mut failures = 0;
    loop {
        // From many addresses, over years.
        let ip = std::net::Ipv4Addr::from_bits(0x0a00_0000 + failures);
        let attempt = Attempt::new().username("alice").ip(ip);
        match guard.begin(&attempt).await.unwrap() {
            Decision::Admitted(permit) => drop(permit.fail().await.unwrap()),
            Decision::Refused(refusal) => {
                assert!(refusal.is_permanent());
                break;
            }
        }
        failures += 1;
        clock.advance(Duration::from_secs(30 * 86_400));
    }
    assert_eq!(failures, 100);
    assert!(guard.unlock(&Subject::username("alice").unwrap()).await.unwrap());
    drop(guard.begin(&alice()).await.unwrap().admitted().unwrap());
}

#[tokio::test]
async fn an_attempt_of_which_nothing_is_known_is_charged_to_nobody() {
    for combine in [Combine::Any, Combine::All] {
        let policy = Preset::Default.builder(combine).build().unwrap();
        let guard = Guard::new(MapStore::new(), policy);
        for _ in 0..100 {
            let permit = guard.begin(&Attempt::new()).await.unwrap().admitted().unwrap();
            assert_eq!((permit.subjects().len(), permit.failures_left()), (0, Some(u32::MAX)));
            permit.fail().await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_system_clock_tells_the_time_and_sleeps() {
    let before = SystemClock.now();
    assert!(before > Timestamp::from_millis(1_700_000_000_000), "{before:?}");
    SystemClock.sleep(Duration::from_millis(1)).await;
    assert!(SystemClock.now() >= before);
}

/// A server whose clock is an hour ahead, or does not answer at once.
struct Server {
    clock: FakeClock,
    answers_after: Duration,
}

#[async_trait]
impl ServerTime for Server {
    async fn server_time(&self) -> Result<Timestamp> {
        self.clock.advance(self.answers_after);
        Ok(self.clock.now().saturating_add(Duration::from_secs(3600)))
    }
}

#[tokio::test]
async fn a_server_clock_shows_the_servers_time() {
    let own = FakeClock::at(Timestamp::from_millis(1_000_000));
    let clock = ServerClock::new(own.clone());
    assert_eq!(clock.now(), own.now());
    let mut server = Server { clock: own.clone(), answers_after: Duration::from_millis(40) };
    // The answer is taken to be of the middle of the round trip.
    assert_eq!(clock.correct(&server).await.unwrap(), 3_600_020);
    assert_eq!(clock.clone().now().as_millis(), own.now().as_millis() + 3_600_020);
    server.answers_after = Duration::from_millis(1_001);
    let error = clock.correct(&server).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    assert_eq!(clock.now().as_millis(), own.now().as_millis() + 3_600_020);
}
