//! `lockout-loadtest`: logins under load and under attack.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lockout_loadtest::{Result, growth};

use crate::commands::{Attack, Compare, Report, Serve};

/// Logins under load and under attack, with every store and without any, and beside other libraries.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Serve),
    Compare(Compare),
    Attack(Attack),
    Report(Report),
    /// One of several processes that work on one store.
    #[command(name = growth::processes::CHILD, hide = true)]
    GrowthChild {
        /// What it is told by the first one.
        arguments: Vec<String>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lockout-loadtest: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Serve(serve) => serve.run().await,
        Command::Compare(compare) => tokio::task::spawn_blocking(move || compare.run()).await?,
        Command::Attack(attack) => attack.run().await,
        Command::Report(report) => report.run().await,
        Command::GrowthChild { arguments } => growth::child(&arguments).await,
    }
}
