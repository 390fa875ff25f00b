//! Measures what the Redis store costs, in turn with its floors, on a server of its own, and prints
//! a table.
//!
//! `redis [--json FILE]`

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lockout_benches::redis::{Call, Figure, Scenario, TASKS, Target, memory, scenarios};
use lockout_benches::row::{Row, json_file, median, write_json};
use lockout_benches::scenario::{Load, SUBJECTS};
use lockout_testkit::servers::RedisServer;
use tokio::runtime::Runtime;

/// Rounds of turns; the median of each figure is taken.
const ROUNDS: u32 = 15;
/// How long one turn lasts.
const TURN: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("redis: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let json = json_file("redis")?;
    let runtime = Runtime::new()?;
    let server = RedisServer::start()?;
    let bench = Bench { order: Load::Uniform.order(SUBJECTS).into(), runtime, server };
    let mut rows = Vec::new();
    Row::print_head();
    for scenario in bench.runtime.block_on(scenarios(&bench.server.url()))? {
        rows.extend(bench.measure(&scenario)?.into_iter().map(Row::printed));
    }
    rows.extend(bench.runtime.block_on(memory::rows())?.into_iter().map(Row::printed));
    json.map_or(Ok(()), |file| write_json(&rows, &file))
}

struct Bench {
    order: Arc<[u32]>,
    runtime: Runtime,
    server: RedisServer,
}

/// The figures of one call in one round.
#[derive(Clone, Copy, Default)]
struct Figures {
    latency: f64,
    throughput: f64,
    server_cpu: f64,
}

impl Bench {
    fn measure(&self, scenario: &Scenario) -> Result<Vec<Row>, Box<dyn Error>> {
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
            let what = format!("redis: {}, {}", scenario.what, figure.name());
            let row = Row::new(what, scenario.floor_name, medians, figure.unit());
            Row { at_most, at_least, ..row }
        };
        Ok(scenario.figures.iter().map(row).collect())
    }

    /// The figures of floor and ours.
    fn round(&self, scenario: &Scenario, round: u32) -> Result<[Figures; 2], Box<dyn Error>> {
        let calls = [&scenario.floor, &scenario.ours];
        let latencies = latencies(calls.map(Arc::clone), self.order(round));
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
        self.server.cli(&["CONFIG", "RESETSTAT"])?;
        let start = Instant::now();
        let work = |task| {
            let calls =
                calls_until(start + TURN, Arc::clone(call), self.order(round * TASKS + task));
            self.runtime.spawn(calls)
        };
        let mut calls = 0;
        for task in (0..TASKS).map(work).collect::<Vec<_>>() {
            calls += self.runtime.block_on(task)?;
        }
        figures.throughput = f64::from(calls) / start.elapsed().as_secs_f64();
        figures.server_cpu = self.script_nanos()? / f64::from(calls);
        Ok(())
    }

    /// For how long the server has run scripts since its statistics were reset.
    fn script_nanos(&self) -> Result<f64, Box<dyn Error>> {
        let info = self.server.cli(&["INFO", "commandstats"])?;
        let Some((_, scripts)) = info.split_once("cmdstat_evalsha:") else { return Ok(0.0) };
        let micros = scripts.split_once("usec=").and_then(|(_, rest)| rest.split_once(','));
        let (micros, _) = micros.ok_or("commandstats without usec")?;
        Ok(micros.parse::<f64>()? * 1e3)
    }

    /// Another order for each turn and task, the same in every run.
    fn order(&self, turn: u32) -> impl Iterator<Item = u32> + use<> {
        let order = Arc::clone(&self.order);
        let from = usize::try_from(turn).unwrap_or(0) * 6_007;
        (from..).map(move |at| order[at % order.len()])
    }
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
