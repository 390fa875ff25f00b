//! Measures look-ups in access lists in turn with a hash map, and prints a table.
//!
//! `lists [--json FILE]`

use std::error::Error;
use std::process::ExitCode;

use lockout_benches::lists;
use lockout_benches::measure::measure;
use lockout_benches::row::{Row, json_file, write_json};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lists: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let json = json_file("lists")?;
    Row::print_head();
    let rows: Vec<_> =
        lists::scenarios().iter().map(|scenario| measure(scenario).printed()).collect();
    json.map_or(Ok(()), |file| write_json(&rows, &file))
}
