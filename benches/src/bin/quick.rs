//! Measures every scenario in turn with its floor and prints a table.
//!
//! `quick [--json FILE]`

use std::error::Error;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use lockout_benches::row::{Row, json_file, median, write_json};
use lockout_benches::scenario::{Operation, SUBJECTS, Scenario};
use lockout_benches::{devices, engine, logged, moka};

/// Turns of floor and ours; the median of each is taken.
const ROUNDS: usize = 9;
/// How long one turn of one of them lasts, about.
const TURN: Duration = Duration::from_millis(25);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quick: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let json = json_file("quick")?;
    let mut rows = Vec::new();
    Row::print_head();
    let scenarios = engine::scenarios().into_iter().chain(moka::scenarios());
    for scenario in scenarios.chain(logged::scenarios()).chain(devices::scenarios()) {
        rows.push(measure(&scenario).printed());
    }
    rows.push(heap()?.printed());
    json.map_or(Ok(()), |file| write_json(&rows, &file))
}

fn measure(scenario: &Scenario) -> Row {
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

/// Heap is counted in a process of its own, whose allocator would slow the others down.
fn heap() -> Result<Row, Box<dyn Error>> {
    let program = std::env::current_exe()?.with_file_name("heap");
    let output = Command::new(&program).output().map_err(|error| {
        format!(
            "{}: {error}; build it with `cargo build --release -p lockout-benches`",
            program.display()
        )
    })?;
    let text = String::from_utf8(output.stdout)?;
    let figures = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    let Ok(figures) = figures.try_into() else {
        return Err("heap: two figures were expected".into());
    };
    let what = "moka: heap for each subject".into();
    Ok(Row { at_most: Some(1.2), ..Row::new(what, "bare moka with the same key", figures, "B") })
}
