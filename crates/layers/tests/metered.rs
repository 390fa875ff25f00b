//! What is counted and traced, and that nobody is named there.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use common::{Login, Mood, NOON, Scripted, after, subject};
use lockout_core::{LockedQuery, LockoutStore, Outcome, StoreErrorKind};
use lockout_layers::{Metered, OnOutage};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};

/// Keeps each metric's calls by name and labels.
#[derive(Debug, Default)]
struct Metrics(Mutex<BTreeMap<String, Arc<Cell>>>);

#[derive(Debug, Default)]
struct Cell(AtomicU64);

impl CounterFn for Cell {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

impl HistogramFn for Cell {
    fn record(&self, seconds: f64) {
        assert!((0.0..60.0).contains(&seconds), "{seconds}");
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Metrics {
    fn cell(&self, key: &Key) -> Arc<Cell> {
        let labels: Vec<_> = key.labels().map(|l| format!("{}={}", l.key(), l.value())).collect();
        let text = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::clone(self.0.lock().unwrap().entry(text).or_default())
    }

    /// Every metric and its value, one a line.
    fn text(&self) -> String {
        let cells = self.0.lock().unwrap();
        cells.iter().fold(String::new(), |mut text, (name, cell)| {
            writeln!(text, "{name} {}", cell.0.load(Ordering::Relaxed)).unwrap();
            text
        })
    }
}

impl Recorder for Metrics {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell(key))
    }
}

/// Keeps all that is traced, as text.
#[derive(Clone, Debug, Default)]
struct Trace(Arc<Mutex<String>>);

impl Visit for Trace {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0.lock().unwrap(), " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Trace {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        write!(self.0.lock().unwrap(), "{}", span.metadata().name()).unwrap();
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
        self.0.lock().unwrap().push('\n');
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
        self.0.lock().unwrap().push('\n');
    }

    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Runs `test` and gives what was counted and what was traced.
fn observed(test: impl Future<Output = ()>) -> (String, String) {
    let (metrics, trace) = (Metrics::default(), Trace::default());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    metrics::with_local_recorder(&metrics, || {
        tracing::subscriber::with_default(trace.clone(), || runtime.block_on(test));
    });
    let trace = trace.0.lock().unwrap().clone();
    (metrics.text(), trace)
}

#[test]
fn every_call_is_counted_timed_and_traced() {
    let (metrics, trace) = observed(async {
        let store = Metered::new(Scripted::new(), "map");
        let (login, name) = (Login::new("alice", 1), subject("username:alice"));
        login.fail(&store, NOON).await;
        let last = login.charged(&store, NOON).await;
        login.refused(&store, NOON).await;
        login.end(&store, &last, Outcome::Failure, NOON).await.unwrap();
        login.refused(&store, NOON).await;
        Login::named("alice").refused(&store, NOON).await;
        store.status(&[name.clone(), subject("username:bob")], NOON).await.unwrap();
        store.locked(&LockedQuery::default(), NOON).await.unwrap();
        store.clear(&name, NOON).await.unwrap();
        store.clear(&name, NOON).await.unwrap();
        store.lock(&name, None, NOON).await.unwrap();
        store.lock(&name, None, NOON).await.unwrap();
    });
    assert_eq!(
        metrics,
        "lockout_lockouts_total{store=map,scope=ip} 1\n\
         lockout_lockouts_total{store=map,scope=username} 2\n\
         lockout_refusals_total{store=map,reason=busy,scope=none} 1\n\
         lockout_refusals_total{store=map,reason=locked,scope=several} 1\n\
         lockout_refusals_total{store=map,reason=locked,scope=username} 1\n\
         lockout_store_call_seconds{store=map,operation=clear} 2\n\
         lockout_store_call_seconds{store=map,operation=locked} 1\n\
         lockout_store_call_seconds{store=map,operation=lock} 2\n\
         lockout_store_call_seconds{store=map,operation=reserve} 5\n\
         lockout_store_call_seconds{store=map,operation=settle} 2\n\
         lockout_store_call_seconds{store=map,operation=status} 1\n\
         lockout_store_calls_total{store=map,operation=clear,outcome=ok} 2\n\
         lockout_store_calls_total{store=map,operation=lock,outcome=ok} 2\n\
         lockout_store_calls_total{store=map,operation=locked,outcome=ok} 1\n\
         lockout_store_calls_total{store=map,operation=reserve,outcome=charged} 2\n\
         lockout_store_calls_total{store=map,operation=reserve,outcome=refused} 3\n\
         lockout_store_calls_total{store=map,operation=settle,outcome=ok} 2\n\
         lockout_store_calls_total{store=map,operation=status,outcome=ok} 1\n\
         lockout_unlocks_total{store=map,scope=username} 1\n"
    );
    let lines: Vec<_> = trace.lines().collect();
    assert_eq!(lines.len(), 13, "{trace}");
    assert_eq!(lines[0], "lockout.reserve store=\"map\" subjects=2 outcome=\"charged\"");
    assert_eq!(lines[1], "lockout.settle store=\"map\" subjects=2 outcome=\"ok\"");
    assert!(lines.contains(&"lockout.status store=\"map\" subjects=2 outcome=\"ok\""), "{trace}");
}

#[test]
fn errors_are_counted_by_their_kind_and_calls_that_nobody_waits_for_too() {
    let (metrics, trace) = observed(async {
        let store = Metered::new(Scripted::new(), "map");
        for kind in [
            StoreErrorKind::Unavailable,
            StoreErrorKind::Timeout,
            StoreErrorKind::CircuitOpen,
            StoreErrorKind::Contended,
            StoreErrorKind::Corrupt,
            StoreErrorKind::Config,
        ] {
            store.inner().set(Mood::Fails(kind));
            Login::named("alice").begin(&store, NOON).await.unwrap_err();
        }
        store.inner().set(Mood::Hangs);
        let login = Login::named("alice");
        let call = pin!(login.begin(&store, NOON));
        assert!(call.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    });
    for outcome in
        ["unavailable", "timeout", "circuit_open", "contended", "corrupt", "config", "dropped"]
    {
        let line = format!(
            "lockout_store_calls_total{{store=map,operation=reserve,outcome={outcome}}} 1\n"
        );
        assert!(metrics.contains(&line), "{outcome} is not in\n{metrics}");
        assert!(trace.contains(&format!("outcome=\"{outcome}\"\n")), "{trace}");
    }
}

#[test]
fn an_outage_that_refuses_is_a_reason() {
    let (metrics, _) = observed(async {
        let inner = Scripted::new();
        inner.fail();
        let store = Metered::new(OnOutage::fail_closed(inner), "login");
        Login::new("alice", 1).refused(&store, NOON).await;
    });
    let line = "lockout_refusals_total{store=login,reason=unavailable,scope=none} 1\n";
    assert!(metrics.contains(line), "{metrics}");
}

#[test]
fn a_hostile_name_appears_nowhere() {
    let marks = ["h0st1le", "192.0.2.77", "192, 0, 2, 77"];
    let (metrics, trace) = observed(async {
        let store = Metered::new(Scripted::new(), "map");
        for name in [
            "h0st1le",
            "h0st1le\r\nlockout_lockouts_total 1",
            "h0st1le\"} 1\n",
            "h0st1le\u{1b}[2J",
            &format!("h0st1le{}", "x".repeat(5_000)),
        ] {
            let login = Login::new(name, 77);
            for seconds in [0, 1000] {
                let now = after(seconds);
                drop(login.begin(&store, now).await.unwrap());
                drop(login.begin(&store, now).await.unwrap());
                let names: Vec<_> = login.claims.iter().map(|c| c.subject().clone()).collect();
                store.status(&names, now).await.unwrap();
                for name in &names {
                    store.lock(name, None, now).await.unwrap();
                    login.refused(&store, now).await;
                    store.clear(name, now).await.unwrap();
                }
                store.locked(&LockedQuery::default(), now).await.unwrap();
                store.inner().fail();
                login.begin(&store, now).await.unwrap_err();
                store.inner().work();
            }
        }
    });
    for text in [metrics, trace] {
        assert!(text.contains("reserve"), "{text}");
        for mark in marks {
            assert!(!text.to_lowercase().contains(mark), "{mark} is in\n{text}");
        }
    }
}

#[test]
fn nothing_is_lost_where_nobody_observes() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        Login::new("alice", 1).charged(&Metered::new(Scripted::new(), "map"), NOON).await;
    });
}
