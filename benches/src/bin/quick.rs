//! Measures every scenario in turn with its floor and prints a table.
//!
//! `quick [--json FILE]`

use std::error::Error;
use std::process::{Command, ExitCode};

use lockout_benches::measure::measure;
use lockout_benches::row::{Row, json_file, write_json};
use lockout_benches::{devices, engine, logged, moka};

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
