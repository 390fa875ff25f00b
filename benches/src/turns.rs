//! Floor and ours in turn, and the medians of what is seen.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::call::{Call, Figure, Scenario, Target};
use crate::row::{Row, median};
use crate::scenario::{Load, SUBJECTS};

/// Rounds of turns; the median of each figure is taken.
const ROUNDS: u32 = 15;
/// How long one turn lasts.
const TURN: Duration = Duration::from_millis(100);

/// What knows for how long a server has worked.
pub trait Meter {
    /// Begins anew.
    ///
    /// # Errors
    /// If the server does not answer.
    fn reset(&self) -> Result<(), Box<dyn Error>>;

    /// The nanoseconds since then.
    ///
    /// # Errors
    /// If the server does not answer.
    fn nanos(&self) -> Result<f64, Box<dyn Error>>;
}

/// For servers that do not say.
impl Meter for () {
    fn reset(&self) -> Result<(), Box<dyn Error>> {
        Ok(())
    }

    fn nanos(&self) -> Result<f64, Box<dyn Error>> {
        Ok(f64::NAN)
    }
}

/// Measures scenarios.
#[derive(Debug)]
pub struct Bench<M> {
    name: &'static str,
    tasks: u32,
    order: Arc<[u32]>,
    runtime: Runtime,
    meter: M,
}

/// The figures of one call in one round.
#[derive(Clone, Copy, Default)]
struct Figures {
    latency: f64,
    throughput: f64,
    server_cpu: f64,
}

impl<M: Meter> Bench<M> {
    /// For scenarios of the store `name`, with so many tasks where there are many.
    #[must_use]
    pub fn new(name: &'static str, tasks: u32, runtime: Runtime, meter: M) -> Self {
        Self { name, tasks, order: Load::Uniform.order(SUBJECTS).into(), runtime, meter }
    }

    /// Where the calls run.
    #[must_use]
    pub const fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The row of each figure.
    ///
    /// # Errors
    /// If the server does not answer, or a call fails.
    pub fn measure(&self, scenario: &Scenario) -> Result<Vec<Row>, Box<dyn Error>> {
        let rounds = (0..ROUNDS)
            .map(|round| self.round(scenario, round))
            .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
        let row = |&(figure, target): &(Figure, Target)| {
            let of = |figures: &Figures| match figure {
                Figure::Latency => figures.latency,
                Figure::Throughput => figures.throughput,
                Figure::ServerCpu => figures.server_cpu,
            };
            let medians =
                [0, 1].map(|which| median(rounds.iter().map(|round| of(&round[which])).collect()));
            let (at_most, at_least) = match target {
                Target::AtMost(ratio) => (Some(ratio), None),
                Target::AtLeast(ratio) => (None, Some(ratio)),
                Target::Open => (None, None),
            };
            let what = format!("{}: {}, {}", self.name, scenario.what, figure.name(self.tasks));
            let row = Row::new(what, scenario.floor_name, medians, figure.unit());
            Row { at_most, at_least, ..row }
        };
        Ok(scenario.figures.iter().map(row).collect())
    }

    /// The figures of floor and ours.
    fn round(&self, scenario: &Scenario, round: u32) -> Result<[Figures; 2], Box<dyn Error>> {
        let calls = [&scenario.floor, &scenario.ours];
        let latencies = latencies(calls.map(Arc::clone), order_of(&self.order, round));
        let mut figures = self
            .runtime
            .block_on(self.runtime.spawn(latencies))?
            .map(|latencies| Figures { latency: median(latencies), ..Figures::default() });
        if scenario.figures.iter().any(|(figure, _)| *figure != Figure::Latency) {
            // Who goes first alternates, so that what changes with time changes both.
            for which in if round.is_multiple_of(2) { [0, 1] } else { [1, 0] } {
                self.load(calls[which], round, &mut figures[which])?;
            }
        }
        Ok(figures)
    }

    /// Adds what is seen when many tasks call at once.
    fn load(&self, call: &Call, round: u32, figures: &mut Figures) -> Result<(), Box<dyn Error>> {
        self.meter.reset()?;
        let start = Instant::now();
        let work = |task| {
            let calls = calls_until(
                start + TURN,
                Arc::clone(call),
                order_of(&self.order, round * self.tasks + task),
            );
            self.runtime.spawn(calls)
        };
        let mut calls = 0;
        for task in (0..self.tasks).map(work).collect::<Vec<_>>() {
            calls += self.runtime.block_on(task)?;
        }
        figures.throughput = f64::from(calls) / start.elapsed().as_secs_f64();
        figures.server_cpu = self.meter.nanos()? / f64::from(calls);
        Ok(())
    }
}

/// Another order for each turn and task, the same in every run.
fn order_of(order: &Arc<[u32]>, turn: u32) -> impl Iterator<Item = u32> + use<> {
    let order = Arc::clone(order);
    let from = usize::try_from(turn).unwrap_or(0) * 6_007;
    (from..).map(move |at| order[at % order.len()])
}

/// The nanoseconds that each call took, one after the other for a turn.
///
/// They alternate call by call: how fast threads are woken changes from turn to turn, by more than
/// what is compared.
async fn latencies(calls: [Call; 2], order: impl Iterator<Item = u32>) -> [Vec<f64>; 2] {
    let end = Instant::now() + TURN;
    let mut latencies = [Vec::new(), Vec::new()];
    for (at, number) in order.enumerate() {
        for which in if at.is_multiple_of(2) { [0, 1] } else { [1, 0] } {
            let start = Instant::now();
            calls[which](number).await;
            latencies[which].push(start.elapsed().as_secs_f64() * 1e9);
        }
        if Instant::now() >= end {
            break;
        }
    }
    latencies
}

/// How many calls one after the other begin before `end`.
async fn calls_until(end: Instant, call: Call, order: impl Iterator<Item = u32>) -> u32 {
    let mut calls = 0;
    for number in order.take_while(|_| Instant::now() < end) {
        call(number).await;
        calls += 1;
    }
    calls
}
