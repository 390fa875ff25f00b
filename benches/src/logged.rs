//! What a log of attempts adds to a login, beside the same login without one.

use std::hint::black_box;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use lockout_core::{
    Attempt, AttemptEntry, AttemptLog, AttemptQuery, Guard, GuardBuilder, MemoryLog, Page, Result,
    Timestamp,
};
use lockout_layers::BackgroundLog;
use tokio::runtime::Runtime;

use crate::moka::{admit, roomy_store};
use crate::scenario::{AtMost, Load, Operation, Scenario, attempts, policy, ready};

/// Where the tasks of background logs run, for as long as the process does.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a tokio runtime starts")
});

const STORE_WORKS: &str = "the store works";

/// A log that keeps nothing.
#[derive(Clone, Copy, Debug)]
struct Nowhere;

#[async_trait]
impl AttemptLog for Nowhere {
    async fn append(&self, entries: &[AttemptEntry]) -> Result<()> {
        black_box(entries);
        Ok(())
    }

    async fn recent(&self, _: &AttemptQuery) -> Result<Page<AttemptEntry>> {
        Ok(Page { items: Vec::new(), next: None })
    }

    async fn prune(&self, _: Timestamp, _: usize) -> Result<usize> {
        Ok(0)
    }
}

/// How a login ends.
type Ending = (&'static str, fn(&Guard, &Attempt));

const ENDINGS: [Ending; 2] = [
    ("begin + fail", |guard, attempt| {
        black_box(ready(admit(guard, attempt).fail()).expect(STORE_WORKS));
    }),
    ("begin + succeed", |guard, attempt| {
        black_box(ready(admit(guard, attempt).succeed()).expect(STORE_WORKS));
    }),
];

/// Every scenario of logs over the in-process store.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let attempts = Arc::new(attempts());
    let mut scenarios = Vec::new();
    for each in [1, 3] {
        let without = guard(each, &attempts, |builder| builder);
        for (log, with) in [
            ("to memory", guard(each, &attempts, |builder| builder.log(started(MemoryLog::new())))),
            ("to nowhere", guard(each, &attempts, |builder| builder.log(started(Nowhere)))),
        ] {
            for (what, ending) in ENDINGS {
                for load in [Load::Uniform, Load::Hot] {
                    let subjects = if each == 1 { "1 subject" } else { "3 subjects" };
                    let name = load.name();
                    scenarios.push(Scenario {
                        what: format!("log {log}: {what}, {subjects}, {name}"),
                        floor_name: "the same without a log",
                        floor: run(&without, &attempts, ending),
                        ours: run(&with, &attempts, ending),
                        load,
                        threads: 1,
                        at_most: AtMost::Times(1.05),
                    });
                }
            }
        }
    }
    scenarios
}

fn started<L: AttemptLog>(log: L) -> BackgroundLog<L> {
    let _runtime = RUNTIME.enter();
    // Room for what is logged while a busy machine does not let the task run.
    BackgroundLog::builder(log).capacity(1 << 16).start().expect("there is a runtime")
}

/// A guard that knows every subject.
fn guard(
    each: usize,
    attempts: &[Attempt],
    logged: impl FnOnce(GuardBuilder) -> GuardBuilder,
) -> Guard {
    let guard = logged(Guard::builder(roomy_store(), policy(each, u32::MAX))).build();
    for attempt in attempts {
        ready(admit(&guard, attempt).cancel()).expect(STORE_WORKS);
    }
    guard
}

fn run(guard: &Guard, attempts: &Arc<Vec<Attempt>>, ending: fn(&Guard, &Attempt)) -> Operation {
    let (guard, attempts) = (guard.clone(), Arc::clone(attempts));
    Box::new(move |number| ending(&guard, &attempts[usize::try_from(number).unwrap_or(0)]))
}
