//! Compares stores.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use lockout_loadtest::Result;
use lockout_loadtest::compare::{Comparison, Question};
use lockout_loadtest::contender::{Contender, Hash};
use lockout_loadtest::logins;
use lockout_loadtest::site::Programs;

/// Compares stores on this machine: what they add to a login, how many they take, what it costs.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// A store, or another login app; may be given several times. All of ours if there is none.
    #[arg(long = "store", value_name = "STORE")]
    stores: Vec<Contender>,
    /// How passwords are checked.
    #[arg(long, value_enum, default_value_t = Hash::Fast)]
    hash: Hash,
    /// How long each of the twelve turns of a store lasts.
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    seconds: f64,
    /// Connections that are never idle.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// Logins that come in a second, whatever the app does.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    rate: u32,
    /// Writes all turns to this file too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Compare {
    /// Blocks the thread.
    pub(crate) fn run(self) -> Result<()> {
        let contenders = match self.stores.is_empty() {
            true => Contender::all().filter(|contender| contender.is_ours()).collect(),
            false => self.stores,
        };
        let programs = Programs::here(&contenders)?;
        let question = Question {
            contenders,
            hash: self.hash,
            turn: Duration::from_secs_f64(self.seconds),
            connections: self.connections.into(),
            per_second: self.rate,
        };
        let comparison = Comparison::make(&question, &programs, &logins::bar()?)?;
        if let Some(file) = &self.json {
            std::fs::write(file, serde_json::to_vec(&comparison)?)?;
        }
        print!("{comparison}");
        Ok(())
    }
}

/// A time that is long enough to see something and short enough to be waited for.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
    if (0.1..=600.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("from 0.1 to 600 seconds".to_owned())
    }
}
