//! Attacks contenders.

use std::path::PathBuf;

use clap::Args;
use lockout_loadtest::Result;
use lockout_loadtest::attacks::table::table;
use lockout_loadtest::attacks::{self, Plan};
use lockout_loadtest::contender::{Contender, NotRun};
use lockout_loadtest::site::Programs;

/// Attacks contenders, and prints what the guesser got and what honest users noticed.
#[derive(Debug, Args)]
pub(crate) struct Attack {
    /// Whom; all unless it is said. Can be repeated.
    #[arg(long = "contender", value_enum)]
    contenders: Vec<Contender>,
    /// How; in every way unless it is said. Can be repeated.
    #[arg(long = "only", value_enum)]
    attacks: Vec<attacks::Attack>,
    /// A quarter of a minute for each contender instead of a whole one.
    #[arg(long)]
    quick: bool,
    /// Writes the figures to this file too.
    #[arg(long)]
    json: Option<PathBuf>,
}

impl Attack {
    pub(crate) async fn run(self) -> Result<()> {
        let mut plan = if self.quick { Plan::quick() } else { Plan::full() };
        if !self.attacks.is_empty() {
            plan.attacks = self.attacks;
        }
        let contenders = match self.contenders.is_empty() {
            true => Contender::all().collect(),
            false => self.contenders,
        };
        let programs = Programs::here(&contenders)?;
        let progress = |line: &str| eprintln!("{line}");
        let figures = attacks::run(&plan, &contenders, &programs, &progress).await;
        print!("{}", table(&figures.figures));
        for NotRun { contender, why } in &figures.not_run {
            println!("{contender} not run: {why}");
        }
        if let Some(file) = self.json {
            std::fs::write(file, serde_json::to_string_pretty(&figures)?)?;
        }
        Ok(())
    }
}
