//! The in-process store, beside as many bare moka `get`s, and beside governor.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use governor::{Quota, RateLimiter};
use lockout_core::{Attempt, Decision, Guard, Permit, Policy, Subject};
use lockout_moka::MokaStore;
use lockout_moka::moka::sync::Cache;

use crate::scenario::{
    AtMost, Load, Operation, SUBJECTS, Scenario, attempts, policy, ready, subjects,
};

/// What a counter of one's own in moka is: insert once, update in place.
#[derive(Debug, Default)]
pub struct Counter {
    failures: u64,
    expires: u64,
}

/// Bare moka with the same keys.
pub type Bare = Cache<Subject, Arc<Mutex<Counter>>>;

const STORE_WORKS: &str = "the store works";

/// Every scenario of the in-process store.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for subjects in [1, 3] {
        let site = Site::new(subjects);
        for load in [Load::Uniform, Load::Hot] {
            for threads in [1, 2] {
                scenarios.extend(site.scenarios(load, threads));
            }
        }
    }
    scenarios
}

struct Site {
    attempts: Arc<Vec<Attempt>>,
    subjects: Arc<Vec<Vec<Subject>>>,
    each: usize,
    open: Guard,
    locked: Guard,
    bare: Bare,
}

impl Site {
    fn new(each: usize) -> Self {
        let policy = policy(each, u32::MAX);
        let attempts = attempts();
        let subjects = subjects(&policy, &attempts);
        let open = guard(policy);
        let locked = guard(crate::scenario::policy(each, 0));
        let bare = bare(&subjects);
        for attempt in &attempts {
            ready(admit(&open, attempt).cancel()).expect(STORE_WORKS);
            ready(admit(&locked, attempt).fail()).expect(STORE_WORKS);
        }
        Self {
            attempts: Arc::new(attempts),
            subjects: Arc::new(subjects),
            each,
            open,
            locked,
            bare,
        }
    }

    fn scenarios(&self, load: Load, threads: u32) -> Vec<Scenario> {
        let scenario = |what: &str, floor_name, floor, ours, at_most| {
            let (each, load_name) = (self.each, load.name());
            let what = format!("moka: {what}, {each} subjects, {load_name}, {threads} threads")
                .replace("1 subjects", "1 subject")
                .replace("1 threads", "1 thread");
            Scenario { what, floor_name, floor, ours, load, threads, at_most }
        };
        // The targets are for one thread: two contend for the same lock in both.
        let target = |at_most| if threads == 1 { at_most } else { AtMost::Open };
        let updates = "as many moka gets, each updated in place";
        let gets = "as many bare moka gets";
        let mut scenarios = vec![
            scenario(
                "begin",
                updates,
                self.update(1),
                self.run(&self.open, |guard, attempt| drop(black_box(admit(guard, attempt)))),
                target(AtMost::Times(1.25)),
            ),
            scenario(
                "begin + fail",
                updates,
                self.update(1),
                self.run(&self.open, |guard, attempt| {
                    black_box(ready(admit(guard, attempt).fail()).expect(STORE_WORKS));
                }),
                AtMost::Open,
            ),
            scenario(
                "begin + succeed",
                "twice as many moka gets, each updated in place",
                self.update(2),
                self.run(&self.open, |guard, attempt| {
                    black_box(ready(admit(guard, attempt).succeed()).expect(STORE_WORKS));
                }),
                AtMost::Open,
            ),
            scenario(
                "begin refused",
                gets,
                self.get(),
                self.run(&self.locked, |guard, attempt| {
                    let _ = black_box(ready(guard.begin(attempt)).expect(STORE_WORKS));
                }),
                target(AtMost::TimesPlus(1.15, 100.0)),
            ),
            scenario(
                "check",
                gets,
                self.get(),
                self.run(&self.open, |guard, attempt| {
                    black_box(ready(guard.check(attempt)).expect(STORE_WORKS));
                }),
                target(AtMost::TimesPlus(1.15, 100.0)),
            ),
        ];
        if self.each == 3 {
            scenarios.push(scenario(
                "begin beside governor",
                "three of governor's check_key",
                self.governor(),
                self.run(&self.open, |guard, attempt| drop(black_box(admit(guard, attempt)))),
                target(AtMost::Times(2.3)),
            ));
        }
        scenarios
    }

    fn run(&self, guard: &Guard, operation: fn(&Guard, &Attempt)) -> Operation {
        let (guard, attempts) = (guard.clone(), Arc::clone(&self.attempts));
        Box::new(move |number| operation(&guard, &attempts[index(number)]))
    }

    fn update(&self, times: usize) -> Operation {
        let (bare, subjects) = (self.bare.clone(), Arc::clone(&self.subjects));
        Box::new(move |number| {
            for _ in 0..times {
                for subject in &subjects[index(number)] {
                    if let Some(counter) = bare.get(subject) {
                        let mut counter = counter.lock().expect("a mutex that nobody poisons");
                        counter.failures += 1;
                        counter.expires = counter.failures + 300_000;
                    }
                }
            }
        })
    }

    fn get(&self) -> Operation {
        let (bare, subjects) = (self.bare.clone(), Arc::clone(&self.subjects));
        Box::new(move |number| {
            for subject in &subjects[index(number)] {
                black_box(bare.get(subject));
            }
        })
    }

    fn governor(&self) -> Operation {
        let limiter = RateLimiter::keyed(Quota::per_second(NonZeroU32::MAX));
        let subjects = Arc::clone(&self.subjects);
        for subject in subjects.iter().flatten() {
            let _ = limiter.check_key(subject);
        }
        Box::new(move |number| {
            for subject in &subjects[index(number)] {
                let _ = black_box(limiter.check_key(subject));
            }
        })
    }
}

/// A guard over a store with room for all subjects.
fn guard(policy: Policy) -> Guard {
    Guard::new(roomy_store(), policy)
}

/// A store with room for every subject of every scenario.
///
/// # Panics
/// Never: the capacity is possible.
#[must_use]
pub fn roomy_store() -> MokaStore {
    MokaStore::builder().capacity(4 * index(SUBJECTS)).build().expect("a possible capacity")
}

/// Bare moka with a counter for every subject.
#[must_use]
pub fn bare(subjects: &[Vec<Subject>]) -> Bare {
    let bare = Cache::new(4 * u64::from(SUBJECTS));
    for subject in subjects.iter().flatten() {
        bare.insert(subject.clone(), Arc::default());
    }
    bare.run_pending_tasks();
    bare
}

/// An attempt for which there is a place.
///
/// # Panics
/// If there is none.
pub fn admit(guard: &Guard, attempt: &Attempt) -> Permit {
    match ready(guard.begin(attempt)).expect(STORE_WORKS) {
        Decision::Admitted(permit) => permit,
        Decision::Refused(refusal) => panic!("{attempt:?} was refused: {refusal:?}"),
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(0)
}
