//! Measures a scenario in process, in turn with its floor.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::row::{Row, median};
use crate::scenario::{Operation, SUBJECTS, Scenario};

/// Turns of floor and ours; the median of each is taken.
const ROUNDS: usize = 9;
/// How long one turn of one of them lasts, about.
const TURN: Duration = Duration::from_millis(25);

/// The row of a scenario.
#[must_use]
pub fn measure(scenario: &Scenario) -> Row {
    let order = scenario.load.order(SUBJECTS);
    let floor_batch = batch(&scenario.floor, &order, scenario.threads);
    let ours_batch = batch(&scenario.ours, &order, scenario.threads);
    let mut floors = Vec::new();
    let mut ours = Vec::new();
    for round in 0..ROUNDS {
        // Who goes first alternates, so that neither always finds the other's cache lines.
        if round % 2 == 0 {
            floors.push(turn(&scenario.floor, &order, scenario.threads, floor_batch));
        }
        ours.push(turn(&scenario.ours, &order, scenario.threads, ours_batch));
        if round % 2 == 1 {
            floors.push(turn(&scenario.floor, &order, scenario.threads, floor_batch));
        }
    }
    let (floor_ns, ours_ns) = (median(floors), median(ours));
    let what = scenario.what.clone();
    let at_most = scenario.at_most.ratio(floor_ns);
    Row { at_most, ..Row::new(what, scenario.floor_name, [floor_ns, ours_ns], "ns") }
}

/// How many operations take about one turn.
fn batch(operation: &Operation, order: &[u32], threads: u32) -> u32 {
    let mut operations = 1_000;
    loop {
        let nanos = turn(operation, order, threads, operations) * f64::from(operations);
        if nanos >= TURN.as_secs_f64() * 1e9 || operations > 1 << 28 {
            return operations;
        }
        operations *= 2;
    }
}

/// Nanoseconds for each operation of one thread, all threads working at once.
fn turn(operation: &Operation, order: &[u32], threads: u32, operations: u32) -> f64 {
    let work = |thread: u32| {
        let mut subjects = order.iter().cycle().skip(usize::try_from(thread).unwrap_or(0) * 1_009);
        for _ in 0..operations {
            operation(black_box(subjects.next().copied().unwrap_or(0)));
        }
    };
    let start = Instant::now();
    if threads == 1 {
        work(0);
    } else {
        std::thread::scope(|scope| {
            for thread in 0..threads {
                scope.spawn(move || work(thread));
            }
        });
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(operations)
}
