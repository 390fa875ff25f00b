//! Measures every scenario in turn with its floor and prints a table.
//!
//! `quick [--json FILE]`

use std::error::Error;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use lockout_benches::scenario::{Operation, SUBJECTS, Scenario};
use lockout_benches::{engine, moka};
use serde::Serialize;

/// Turns of floor and ours; the median of each is taken.
const ROUNDS: usize = 9;
/// How long one turn of one of them lasts, about.
const TURN: Duration = Duration::from_millis(25);

/// A line of the table, and of the JSON file.
#[derive(Debug, Serialize)]
struct Row {
    what: String,
    floor: String,
    /// Nanoseconds for each operation, but for heap rows: bytes for each subject.
    floor_ns: f64,
    /// In the same unit.
    ours_ns: f64,
    ratio: f64,
    at_most: Option<f64>,
    unit: &'static str,
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quick: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Vec<String>) -> Result<(), Box<dyn Error>> {
    let json = match &arguments[..] {
        [] => None,
        [flag, file] if flag == "--json" => Some(file.clone()),
        _ => return Err("usage: quick [--json FILE]".into()),
    };
    let mut rows = Vec::new();
    println!("{:<52} {:>10} {:>10} {:>7} {:>8}", "what", "floor", "ours", "ratio", "at most");
    for scenario in engine::scenarios().into_iter().chain(moka::scenarios()) {
        rows.push(report(measure(&scenario)));
    }
    for row in heap()? {
        rows.push(report(row));
    }
    if let Some(file) = json {
        std::fs::write(&file, serde_json::to_string_pretty(&rows)? + "\n")
            .map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(())
}

fn report(row: Row) -> Row {
    let at_most = row.at_most.map_or_else(String::new, |at_most| format!("{at_most:.2}"));
    let unit = row.unit;
    println!(
        "{:<52} {:>7.0} {unit:<2} {:>7.0} {unit:<2} {:>7.2} {at_most:>8}",
        row.what, row.floor_ns, row.ours_ns, row.ratio
    );
    row
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
    Row {
        what: scenario.what.clone(),
        floor: scenario.floor_name.into(),
        floor_ns,
        ours_ns,
        ratio: ours_ns / floor_ns,
        at_most: scenario.at_most.ratio(floor_ns),
        unit: "ns",
    }
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

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Heap is counted in a process of its own, whose allocator would slow the others down.
fn heap() -> Result<Vec<Row>, Box<dyn Error>> {
    let program = std::env::current_exe()?.with_file_name("heap");
    let output = Command::new(&program).output().map_err(|error| {
        format!(
            "{}: {error}; build it with `cargo build --release -p lockout-benches`",
            program.display()
        )
    })?;
    let text = String::from_utf8(output.stdout)?;
    let figures = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    let [floor, ours] = figures[..] else { return Err("heap: two figures were expected".into()) };
    Ok(vec![Row {
        what: "moka: heap for each subject".into(),
        floor: "bare moka with the same key".into(),
        floor_ns: floor,
        ours_ns: ours,
        ratio: ours / floor,
        at_most: Some(1.2),
        unit: "B",
    }])
}
