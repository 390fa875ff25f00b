//! The log in the background: nothing waits for it, and nothing is lost unseen.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use common::{NOON, Seen, failure};
use lockout_core::{
    Attempt, AttemptEntry, AttemptLog, AttemptQuery, Event, Guard, LoggedOutcome, MapStore,
    MemoryLog, Page, Policy, Result, StoreErrorKind, Timestamp,
};
use lockout_layers::{BackgroundLog, BackgroundLogBuilder, NoRuntime};
use lockout_redis::{RedisLog, RedisStore};
use lockout_testkit::log_suite;
use lockout_testkit::servers::TestRedis;
use tokio::time::{Instant, sleep};

/// A log in the background of which nobody sees that it is: each append waits until it is written.
#[derive(Debug)]
struct Flushed<L>(BackgroundLog<L>);

impl<L: AttemptLog> Flushed<L> {
    fn over(log: L) -> Self {
        Self(BackgroundLog::builder(log).batch(7).start().unwrap())
    }
}

#[async_trait]
impl<L: AttemptLog> AttemptLog for Flushed<L> {
    async fn append(&self, entries: &[AttemptEntry]) -> Result<()> {
        self.0.append(entries).await?;
        self.0.flush().await;
        Ok(())
    }

    async fn recent(&self, query: &AttemptQuery) -> Result<Page<AttemptEntry>> {
        self.0.recent(query).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize> {
        self.0.prune(before, limit).await
    }
}

fn on_redis() -> RedisLog {
    let TestRedis { url, prefix } = TestRedis::shared().expect("a server starts");
    RedisStore::builder().prefix(prefix).open(&url).expect("a store").log()
}

log_suite!(flushed, Flushed::over(MemoryLog::new()));
log_suite!(flushed_on_redis, Flushed::over(on_redis()));

/// What a [`Scripted`] log does.
const WORKS: usize = 0;
const IS_DOWN: usize = 1;
const REFUSES: usize = 2;
const HANGS: usize = 3;
const PANICS: usize = 4;

/// A log that counts what it is asked and does as it is told.
#[derive(Clone, Debug, Default)]
struct Scripted(Arc<Script>);

#[derive(Debug, Default)]
struct Script {
    log: MemoryLog,
    mood: AtomicUsize,
    appends: AtomicUsize,
    longest: AtomicUsize,
    written: AtomicUsize,
}

impl Scripted {
    fn set(&self, mood: usize) {
        self.0.mood.store(mood, Ordering::SeqCst);
    }

    fn written(&self) -> usize {
        self.0.written.load(Ordering::SeqCst)
    }

    fn appends(&self) -> usize {
        self.0.appends.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl AttemptLog for Scripted {
    async fn append(&self, entries: &[AttemptEntry]) -> Result<()> {
        self.0.appends.fetch_add(1, Ordering::SeqCst);
        self.0.longest.fetch_max(entries.len(), Ordering::SeqCst);
        match self.0.mood.load(Ordering::SeqCst) {
            WORKS => {
                self.0.written.fetch_add(entries.len(), Ordering::SeqCst);
                self.0.log.append(entries).await
            }
            IS_DOWN => Err(failure(StoreErrorKind::Unavailable)),
            REFUSES => Err(failure(StoreErrorKind::Config)),
            PANICS => panic!("as told"),
            _ => std::future::pending().await,
        }
    }

    async fn recent(&self, query: &AttemptQuery) -> Result<Page<AttemptEntry>> {
        self.0.log.recent(query).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize> {
        self.0.log.prune(before, limit).await
    }
}

fn entry(millis: u64) -> AttemptEntry {
    let at = NOON.saturating_add(Duration::from_millis(millis));
    AttemptEntry::new(at, &Attempt::new().username("alice"), LoggedOutcome::Failed)
}

fn queue(log: &BackgroundLog<Scripted>, entries: u64) {
    for number in 0..entries {
        log.try_append(entry(number)).unwrap();
    }
}

fn builder(inner: &Scripted, seen: &Seen) -> BackgroundLogBuilder<Scripted> {
    BackgroundLog::builder(inner.clone()).observer(seen.clone())
}

#[test]
fn without_a_runtime_it_is_an_error() {
    let error: NoRuntime = BackgroundLog::start(MemoryLog::new()).unwrap_err();
    assert!(error.to_string().contains("start it inside one"));
}

#[tokio::test(start_paused = true)]
async fn entries_are_written_many_at_a_time_within_the_period() {
    let (inner, seen) = (Scripted::default(), Seen::default());
    let log = builder(&inner, &seen)
        .capacity(100)
        .batch(40)
        .period(Duration::from_millis(50))
        .start()
        .unwrap();
    queue(&log, 30);
    assert_eq!((inner.appends(), log.waiting()), (0, 30));
    sleep(Duration::from_millis(60)).await;
    assert_eq!((inner.appends(), inner.written(), log.waiting()), (1, 30, 0));
    queue(&log, 90);
    let begun = Instant::now();
    while inner.written() < 120 {
        tokio::task::yield_now().await;
    }
    assert_eq!(begun.elapsed(), Duration::ZERO, "a queue that is half full is not kept waiting");
    assert_eq!((inner.appends(), inner.0.longest.load(Ordering::SeqCst)), (4, 40));
    assert_eq!((log.close().await, seen.take()), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_loses_nothing_and_is_told_once() {
    let (inner, seen) = (Scripted::default(), Seen::default());
    let log = builder(&inner, &seen).batch(10).capacity(1000).start().unwrap();
    inner.set(IS_DOWN);
    for _ in 0..60 {
        queue(&log, 10);
        sleep(Duration::from_secs(1)).await;
    }
    assert!((10..50).contains(&inner.appends()), "{} tries in a minute", inner.appends());
    assert_eq!((log.waiting(), log.dropped()), (600, 0));
    inner.set(WORKS);
    log.flush().await;
    assert_eq!((inner.written(), log.waiting(), log.dropped()), (600, 0, 0));
    assert_eq!(seen.take(), [Event::LogFailed(StoreErrorKind::Unavailable)]);
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_is_dropped_and_counted_and_told_together() {
    let (inner, seen) = (Scripted::default(), Seen::default());
    let log = builder(&inner, &seen).batch(10).capacity(100).start().unwrap();
    queue(&log, 250);
    assert_eq!((log.waiting(), log.dropped()), (100, 150));
    assert_eq!(seen.take(), []);
    log.flush().await;
    assert_eq!(seen.take(), [Event::AttemptsDropped(150)]);
    assert_eq!(inner.written(), 100);
    queue(&log, 100);
    assert_eq!((log.close().await, inner.written()), (150, 200));
}

#[tokio::test(start_paused = true)]
async fn what_the_task_holds_in_an_outage_counts_for_the_capacity() {
    let (inner, seen) = (Scripted::default(), Seen::default());
    inner.set(IS_DOWN);
    let log = builder(&inner, &seen).batch(10).capacity(100).start().unwrap();
    for round in 1..100 {
        queue(&log, 30);
        sleep(Duration::from_secs(1)).await;
        assert!(log.waiting() <= 100, "{} wait in round {round}", log.waiting());
    }
    let lost = log.dropped();
    assert!(lost >= 99 * 30 - 100, "{lost}");
    inner.set(WORKS);
    assert_eq!(log.close().await, lost);
    assert_eq!(u64::try_from(inner.written()).unwrap() + lost, 99 * 30);
    let told = seen.take();
    let dropped =
        told.iter().map(|event| if let Event::AttemptsDropped(n) = event { *n } else { 0 });
    assert_eq!(dropped.sum::<u64>(), lost);
    assert!(told.len() < 100, "{} events", told.len());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_refused_is_given_up_and_those_after_it_are_written() {
    for mood in [REFUSES, PANICS] {
        let (inner, seen) = (Scripted::default(), Seen::default());
        let log = builder(&inner, &seen).batch(10).start().unwrap();
        inner.set(mood);
        queue(&log, 10);
        sleep(Duration::from_millis(150)).await;
        assert_eq!(log.dropped(), 0);
        sleep(Duration::from_secs(5)).await;
        assert_eq!((inner.appends(), log.dropped(), log.waiting()), (3, 10, 0));
        inner.set(WORKS);
        queue(&log, 5);
        assert_eq!((log.close().await, inner.written()), (10, 5));
        let expected = [Event::LogFailed(StoreErrorKind::Config), Event::AttemptsDropped(10)];
        assert_eq!(seen.take(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_hangs_is_tried_again() {
    let (inner, seen) = (Scripted::default(), Seen::default());
    let log = builder(&inner, &seen).timeout(Duration::from_secs(3)).start().unwrap();
    inner.set(HANGS);
    queue(&log, 10);
    sleep(Duration::from_secs(2)).await;
    inner.set(WORKS);
    log.flush().await;
    assert_eq!((inner.appends(), inner.written()), (2, 10));
    assert_eq!(seen.take(), [Event::LogFailed(StoreErrorKind::Timeout)]);
}

#[tokio::test(start_paused = true)]
async fn closing_writes_what_waits_or_tells_what_is_lost_within_seconds() {
    for (mood, seconds) in [(WORKS, 0), (IS_DOWN, 3), (REFUSES, 1), (PANICS, 1), (HANGS, 16)] {
        let (inner, seen) = (Scripted::default(), Seen::default());
        let log = builder(&inner, &seen).start().unwrap();
        inner.set(mood);
        queue(&log, 30);
        let begun = Instant::now();
        let lost = log.close().await;
        let took = begun.elapsed();
        assert!(took <= Duration::from_millis(seconds * 1000 + 200), "{mood}: {took:?}");
        let expected = if mood == WORKS { 0 } else { 30 };
        assert_eq!((lost, log.waiting()), (expected, 0), "{mood}");
        let dropped = seen.take().into_iter().filter(|e| matches!(e, Event::AttemptsDropped(30)));
        assert_eq!(dropped.count(), usize::from(mood != WORKS), "{mood}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_log_writes_at_once() {
    let (inner, seen) = (Scripted::default(), Seen::default());
    let log = builder(&inner, &seen).start().unwrap();
    queue(&log, 3);
    assert_eq!((log.close().await, inner.written()), (0, 3));
    assert_eq!(log.try_append(entry(9)), Err(entry(9)));
    log.append(&[entry(9), entry(10)]).await.unwrap();
    assert_eq!(inner.written(), 5);
    assert_eq!(log.close().await, 0, "twice does no harm");
    log.flush().await;
    let guard = Guard::builder(MapStore::new(), Policy::default()).log(log).build();
    let permit = guard.begin(&Attempt::new().username("alice")).await.unwrap().admitted().unwrap();
    permit.fail().await.unwrap();
    assert_eq!(inner.written(), 6);
}

#[tokio::test(start_paused = true)]
async fn the_last_clone_that_is_dropped_leaves_nothing_unwritten() {
    let (inner, seen) = (Scripted::default(), Seen::default());
    let log = builder(&inner, &seen).start().unwrap();
    queue(&log, 30);
    drop((log.clone(), log));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(inner.written(), 30);
}

#[test]
fn a_runtime_that_ends_loses_nothing_unseen() {
    let (inner, seen) = (Scripted::default(), Seen::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let log = runtime.block_on(async { builder(&inner, &seen).start().unwrap() });
    queue(&log, 30);
    drop(runtime);
    assert_eq!((log.dropped(), log.waiting()), (30, 0));
    assert_eq!(seen.take(), [Event::AttemptsDropped(30)]);
    assert!(log.try_append(entry(1)).is_err());
}

#[tokio::test(start_paused = true)]
async fn entries_of_all_threads_are_written_in_the_order_of_time() {
    let (inner, seen) = (Scripted::default(), Seen::default());
    let log = builder(&inner, &seen).batch(10_000).start().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = &log;
            scope.spawn(move || {
                for number in 0..100 {
                    log.try_append(entry(number * 4 + thread)).unwrap();
                }
            });
        }
    });
    log.flush().await;
    assert_eq!(inner.appends(), 1);
    let query = AttemptQuery { limit: 1000, ..AttemptQuery::default() };
    let times = log.recent(&query).await.unwrap().items.into_iter().rev().map(|entry| entry.at);
    let expected = (0..400).map(|millis| entry(millis).at);
    assert!(times.eq(expected));
}

/// A flood of attempts at a locked name, while the log goes down and comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_neither_waits_for_the_log_nor_outgrows_the_queue() {
    const FLOOD: u64 = 40_000;
    let (inner, seen) = (Scripted::default(), Seen::default());
    let log = builder(&inner, &seen)
        .capacity(1000)
        .batch(100)
        .period(Duration::from_millis(1))
        .timeout(Duration::from_millis(50))
        .start()
        .unwrap();
    let guard = Guard::builder(MapStore::new(), Policy::default())
        .log(log.clone())
        .observer(seen.clone())
        .build();
    let long = "x\0".repeat(1 << 20);
    let alice = Attempt::new().username("alice").ip([192, 0, 2, 1]).user_agent(&long).accept(&long);
    while let Ok(permit) = guard.begin(&alice).await.unwrap().admitted() {
        permit.fail().await.unwrap();
    }
    let flood: Vec<_> = (0..4)
        .map(|task| {
            let (guard, alice, log, inner) =
                (guard.clone(), alice.clone(), log.clone(), inner.clone());
            tokio::spawn(async move {
                for number in 0..FLOOD / 4 {
                    match (task, number) {
                        (0, 2_000) => inner.set(HANGS),
                        (0, 8_000) => inner.set(IS_DOWN),
                        _ => {}
                    }
                    assert!(guard.begin(&alice).await.unwrap().admitted().is_err());
                    assert!(log.waiting() <= 1000);
                }
            })
        })
        .collect();
    let honest = Attempt::new().username("bob").ip([192, 0, 2, 2]);
    for _ in 0..100 {
        guard.begin(&honest).await.unwrap().admitted().unwrap().succeed().await.unwrap();
    }
    for task in flood {
        task.await.unwrap();
    }
    inner.set(WORKS);
    let lost = log.close().await;
    let written = u64::try_from(inner.written()).unwrap();
    // The four failures that lock, and the refusal that ends the loop.
    assert_eq!(written + lost, FLOOD + 100 + 5);
    assert!(lost > 0, "an outage in mid-flood");
    let told = seen.take().into_iter();
    let told = told.map(|event| if let Event::AttemptsDropped(n) = event { n } else { 0 });
    assert_eq!(told.sum::<u64>(), lost);
}
