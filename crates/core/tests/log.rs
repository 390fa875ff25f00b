//! What a guard writes into a log, and that a log changes nothing else.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use async_trait::async_trait;
use lockout_core::LoggedOutcome::{
    Abandoned, Busy, Cancelled, Failed, Locked, StoreFailed, Succeeded,
};
use lockout_core::{
    Attempt, AttemptEntry, AttemptLog, AttemptQuery, Charge, Effect, Event, FakeClock, Guard,
    GuardBuilder, LockedQuery, Lockout, LockoutStore, LoggedOutcome, MapStore, MemoryLog, Observer,
    Outcome, Page, Policy, Reservation, Reserved, Result, Rule, Scope, Settlement, StoreError,
    StoreErrorKind, Subject, Timestamp, prune_all,
};

const NOON: Timestamp = Timestamp::from_millis(1_000_000_000_000);

fn alice() -> Attempt {
    Attempt::new().username("alice").ip([192, 0, 2, 1]).user_agent("curl/8").path("/login")
}

/// A guard that tolerates `limit` failures of a name.
fn guard(limit: u32) -> GuardBuilder {
    let rule = Rule::builder(Scope::Username).failure_limit(limit);
    let policy = Policy::builder().rule(rule).build().unwrap();
    Guard::builder(MapStore::new(), policy).clock(FakeClock::at(NOON))
}

/// What is in the log, oldest first.
async fn outcomes(log: &impl AttemptLog) -> Vec<LoggedOutcome> {
    let page = log.recent(&AttemptQuery::default()).await.unwrap();
    page.items.iter().rev().map(|entry| entry.outcome).collect()
}

#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Vec<Event>>>);

impl Observer for Seen {
    fn observe(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

/// A log that fails, panics when it is asked to be quick, or takes for ever.
#[derive(Debug)]
enum BadLog {
    Fails,
    Panics,
    Hangs,
}

#[async_trait]
impl AttemptLog for BadLog {
    async fn append(&self, _: &[AttemptEntry]) -> Result<()> {
        if matches!(self, Self::Hangs) {
            std::future::pending::<()>().await;
        }
        Err(StoreError::new(StoreErrorKind::Unavailable, Effect::None, "bad log", "as told"))
    }

    async fn recent(&self, _: &AttemptQuery) -> Result<Page<AttemptEntry>> {
        Ok(Page { items: Vec::new(), next: None })
    }

    async fn prune(&self, _: Timestamp, _: usize) -> Result<usize> {
        Ok(0)
    }

    fn try_append(&self, entry: AttemptEntry) -> Result<(), AttemptEntry> {
        assert!(!matches!(self, Self::Panics), "as told");
        Err(entry)
    }
}

#[tokio::test]
async fn each_attempt_is_logged_once_with_what_came_of_it() {
    let log = Arc::new(MemoryLog::new());
    let guard = guard(3).log(Arc::clone(&log)).build();
    let begin = async || guard.begin(&alice()).await.unwrap().admitted();
    begin().await.unwrap().succeed().await.unwrap();
    begin().await.unwrap().fail().await.unwrap();
    begin().await.unwrap().cancel().await.unwrap();
    drop(begin().await.unwrap());
    let third = begin().await.unwrap();
    let last = begin().await.unwrap();
    assert!(begin().await.is_err());
    last.fail().await.unwrap();
    third.fail().await.unwrap();
    assert!(begin().await.is_err());
    let expected = [Succeeded, Failed, Cancelled, Abandoned, Busy, Failed, Failed, Locked];
    assert_eq!(outcomes(&log).await, expected);
    let entry = log.recent(&AttemptQuery::default()).await.unwrap().items.remove(0);
    assert_eq!(entry, AttemptEntry::new(NOON, &alice(), Locked));
    assert_eq!((entry.user_agent(), entry.accept()), (Some("curl/8"), None));
}

#[tokio::test]
async fn what_is_checked_and_recorded_is_logged_once() {
    let log = Arc::new(MemoryLog::new());
    let guard = guard(0).log(Arc::clone(&log)).build();
    assert_eq!(guard.check(&alice()).await.unwrap(), None);
    guard.record(&alice(), Outcome::Failure).await.unwrap();
    assert_eq!(outcomes(&log).await, [Failed]);
    assert!(guard.check(&alice()).await.unwrap().is_some());
    assert_eq!(outcomes(&log).await, [Failed, Locked]);
    assert!(guard.record(&alice(), Outcome::Failure).await.unwrap().is_some());
    assert_eq!(outcomes(&log).await, [Failed, Locked, Locked]);
}

#[tokio::test]
async fn the_time_of_an_entry_is_when_the_outcome_was_known() {
    let (log, clock) = (Arc::new(MemoryLog::new()), FakeClock::at(NOON));
    let guard = guard(9).clock(clock.clone()).log(Arc::clone(&log)).build();
    let first = guard.begin(&alice()).await.unwrap().admitted().unwrap();
    let second = guard.begin(&alice()).await.unwrap().admitted().unwrap();
    clock.advance(Duration::from_secs(1));
    first.fail().await.unwrap();
    clock.advance(Duration::from_secs(1));
    drop(second);
    let page = log.recent(&AttemptQuery::default()).await.unwrap();
    let after = |seconds| NOON.saturating_add(Duration::from_secs(seconds));
    assert_eq!(page.items[1], AttemptEntry::new(after(1), &alice(), Failed));
    assert_eq!(page.items[0], AttemptEntry::new(after(2), &alice(), Abandoned));
}

#[tokio::test]
async fn a_log_that_fails_changes_no_login_and_is_an_event() {
    let seen = Seen::default();
    let guard = guard(0).log(BadLog::Fails).observer(seen.clone()).build();
    let permit = guard.begin(&alice()).await.unwrap().admitted().unwrap();
    assert_eq!(permit.fail().await.unwrap().locked.len(), 1);
    assert!(guard.begin(&alice()).await.unwrap().admitted().is_err());
    assert!(guard.check(&alice()).await.unwrap().is_some());
    let events = seen.0.lock().unwrap();
    let failed = Event::LogFailed(StoreErrorKind::Unavailable);
    assert_eq!(events.iter().filter(|event| **event == failed).count(), 3, "{events:?}");
}

#[tokio::test]
async fn a_dropped_permit_that_cannot_be_logged_at_once_is_told() {
    for log in [BadLog::Fails, BadLog::Panics] {
        let seen = Seen::default();
        let guard = guard(3).log(log).observer(seen.clone()).build();
        drop(guard.begin(&alice()).await.unwrap());
        assert_eq!(*seen.0.lock().unwrap(), [Event::AttemptsDropped(1)]);
    }
}

/// Polls once, then drops.
fn poll_and_drop(future: impl Future) {
    let polled = pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready();
    assert!(!polled, "it waits");
}

#[tokio::test]
async fn the_store_is_done_before_the_log_is_asked() {
    let seen = Seen::default();
    let guard = guard(0).log(BadLog::Hangs).observer(seen.clone()).build();
    let permit = guard.begin(&alice()).await.unwrap().admitted().unwrap();
    poll_and_drop(permit.fail());
    let subject = Subject::username("alice").unwrap();
    assert!(guard.status(&[subject]).await.unwrap()[0].is_some());
    let events = seen.0.lock().unwrap();
    // And nobody learns whether it was written down.
    let told = matches!(events[..], [Event::Locked(_), Event::AttemptsDropped(1)]);
    assert!(told, "told once: {events:?}");
}

/// A store that never answers what it is told, after it has done it, or fails at once.
#[derive(Debug)]
struct BadStore {
    map: MapStore,
    hangs: Hangs,
}

#[derive(Debug)]
enum Hangs {
    Reserving,
    Settling,
    Never,
}

#[async_trait]
impl LockoutStore for BadStore {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        match self.hangs {
            Hangs::Reserving => {
                let _ = self.map.reserve(reservation, now).await;
                std::future::pending().await
            }
            Hangs::Settling => self.map.reserve(reservation, now).await,
            Hangs::Never => Err(broken()),
        }
    }

    async fn settle(
        &self,
        _: &Reservation<'_>,
        _: &[Charge],
        _: Outcome,
        _: Timestamp,
    ) -> Result<Settlement> {
        std::future::pending().await
    }

    async fn status(&self, _: &[Subject], _: Timestamp) -> Result<Vec<Option<Lockout>>> {
        Err(broken())
    }

    async fn lock(&self, _: &Subject, _: Option<Timestamp>, _: Timestamp) -> Result<bool> {
        Err(broken())
    }

    async fn clear(&self, _: &Subject, _: Timestamp) -> Result<bool> {
        Err(broken())
    }

    async fn locked(&self, _: &LockedQuery, _: Timestamp) -> Result<Page<Lockout>> {
        Err(broken())
    }
}

fn broken() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, Effect::None, "bad store", "as told")
}

#[tokio::test]
async fn an_outcome_whose_settling_nobody_waits_for_is_logged() {
    let log = Arc::new(MemoryLog::new());
    let store = BadStore { map: MapStore::new(), hangs: Hangs::Settling };
    let guard = Guard::builder(store, Policy::default()).log(Arc::clone(&log)).build();
    let begin = async || guard.begin(&alice()).await.unwrap().admitted().unwrap();
    poll_and_drop(begin().await.succeed());
    // This one is never asked.
    drop(begin().await.succeed());
    assert_eq!(outcomes(&log).await, [Succeeded, Abandoned]);
}

#[tokio::test]
async fn who_hangs_up_before_the_store_answers_is_logged_since_he_may_be_charged() {
    let log = Arc::new(MemoryLog::new());
    let store = BadStore { map: MapStore::new(), hangs: Hangs::Reserving };
    let guard = Guard::builder(store, Policy::default()).log(Arc::clone(&log)).build();
    poll_and_drop(guard.begin(&alice()));
    assert_eq!(outcomes(&log).await, [Abandoned]);
}

#[tokio::test]
async fn an_attempt_at_which_the_store_fails_is_logged() {
    let log = Arc::new(MemoryLog::new());
    let store = BadStore { map: MapStore::new(), hangs: Hangs::Never };
    let guard = Guard::builder(store, Policy::default()).log(Arc::clone(&log)).build();
    assert!(guard.begin(&alice()).await.is_err());
    assert_eq!(outcomes(&log).await, [StoreFailed]);
}

#[tokio::test]
async fn texts_of_megabytes_are_cut_before_anything_keeps_them() {
    let log = Arc::new(MemoryLog::new());
    let guard = guard(3).log(Arc::clone(&log)).build();
    let long = "x\0".repeat(4 << 20);
    let attempt = Attempt::new().username(&long).user_agent(&long).accept(&long).path(&long);
    guard.begin(&attempt).await.unwrap().admitted().unwrap().fail().await.unwrap();
    let entry = log.recent(&AttemptQuery::default()).await.unwrap().items.remove(0);
    let chars = |text: Option<&str>| text.unwrap().chars().count();
    assert_eq!(chars(entry.user_agent()), Attempt::USER_AGENT_CHARS);
    assert_eq!(chars(entry.accept()), Attempt::ACCEPT_CHARS);
    assert_eq!(chars(entry.path()), Attempt::PATH_CHARS);
    assert!(entry.username().unwrap().is_invalid());
}

#[tokio::test]
async fn a_shown_entry_forges_no_line() {
    let forged = "x\r\n2001-09-09 root logged in\u{1b}[2J\u{2028}";
    let attempt = Attempt::new().username(forged).user_agent(forged).accept(forged).path(forged);
    let entry = AttemptEntry::new(NOON, &attempt, Failed);
    for text in [entry.user_agent(), entry.accept(), entry.path()] {
        assert!(!text.unwrap().contains(|c: char| c.is_control() || c == '\u{2028}'));
    }
    let shown = format!("{entry:?}");
    assert!(!shown.contains(|c: char| c.is_control() || c == '\u{2028}'), "{shown}");
}

#[cfg(feature = "serde")]
#[test]
fn an_entry_is_a_flat_map() {
    let entry = AttemptEntry::new(NOON, &alice(), StoreFailed);
    let json = serde_json::to_string(&entry).unwrap();
    let expected = r#"{"at":1000000000000,"outcome":"store_failed","username":"alice","ip":"192.0.2.1","user_agent":"curl/8","accept":null,"path":"/login"}"#;
    assert_eq!(json, expected);
}

#[tokio::test]
async fn a_full_memory_log_forgets_the_oldest() {
    let log = MemoryLog::with_capacity(3);
    for (second, outcome) in [(0, Failed), (2, Failed), (3, Busy), (4, Locked), (1, Succeeded)] {
        let at = NOON.saturating_add(Duration::from_secs(second));
        log.append(&[AttemptEntry::new(at, &alice(), outcome)]).await.unwrap();
    }
    assert_eq!(outcomes(&log).await, [Failed, Busy, Locked]);
    assert_eq!(format!("{log:?}"), "MemoryLog { capacity: 3, len: 3, .. }");
}

#[tokio::test]
async fn a_search_that_finds_little_goes_on_over_pages() {
    let log = MemoryLog::with_capacity(usize::MAX);
    let rare = Attempt::new().username("rare");
    log.append(&[AttemptEntry::new(NOON, &rare, Failed)]).await.unwrap();
    let many = vec![AttemptEntry::new(NOON, &alice(), Failed); MemoryLog::LOOKED_AT];
    log.append(&many).await.unwrap();
    let mut query =
        AttemptQuery { username: lockout_core::Username::new("rare"), ..AttemptQuery::default() };
    let first = log.recent(&query).await.unwrap();
    assert_eq!(first.items, []);
    query.after = first.next;
    assert!(query.after.is_some());
    let second = log.recent(&query).await.unwrap();
    assert_eq!((second.items.len(), second.next), (1, None));
}

#[tokio::test]
async fn pruning_all_tells_how_far_it_is() {
    let log = MemoryLog::new();
    log.append(&vec![AttemptEntry::new(NOON, &alice(), Failed); 25]).await.unwrap();
    let later = NOON.saturating_add(Duration::from_millis(1));
    let mut told = Vec::new();
    let pruned = prune_all(&log, later, 10, |deleted| told.push(deleted)).await.unwrap();
    assert_eq!((pruned, told), (25, vec![10, 20, 25]));
    assert!(log.is_empty());
}
