//! Measures what the Redis store costs, in turn with its floors, on a server of its own, and prints
//! a table.
//!
//! `redis [--json FILE]`

use std::error::Error;
use std::process::ExitCode;

use lockout_benches::redis::{TASKS, memory, scenarios};
use lockout_benches::row::{Row, json_file, write_json};
use lockout_benches::turns::{Bench, Meter};
use lockout_testkit::servers::RedisServer;
use tokio::runtime::Runtime;

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
    let server = RedisServer::start()?;
    let url = server.url();
    let bench = Bench::new("redis", TASKS, Runtime::new()?, Scripts(server));
    let mut rows = Vec::new();
    Row::print_head();
    for scenario in bench.runtime().block_on(scenarios(&url))? {
        rows.extend(bench.measure(&scenario)?.into_iter().map(Row::printed));
    }
    rows.extend(bench.runtime().block_on(memory::rows())?.into_iter().map(Row::printed));
    json.map_or(Ok(()), |file| write_json(&rows, &file))
}

/// For how long a server runs scripts.
struct Scripts(RedisServer);

impl Meter for Scripts {
    fn reset(&self) -> Result<(), Box<dyn Error>> {
        self.0.cli(&["CONFIG", "RESETSTAT"])?;
        Ok(())
    }

    fn nanos(&self) -> Result<f64, Box<dyn Error>> {
        let info = self.0.cli(&["INFO", "commandstats"])?;
        let Some((_, scripts)) = info.split_once("cmdstat_evalsha:") else { return Ok(0.0) };
        let micros = scripts.split_once("usec=").and_then(|(_, rest)| rest.split_once(','));
        let (micros, _) = micros.ok_or("commandstats without usec")?;
        Ok(micros.parse::<f64>()? * 1e3)
    }
}
