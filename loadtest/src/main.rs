//! `lockout-loadtest`: logins under load and under attack.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lockout_loadtest::Result;
use lockout_loadtest::app::accounts::Accounts;
use lockout_loadtest::app::{App, Protection, serve};
use lockout_loadtest::attacks::table::table;
use lockout_loadtest::attacks::{self, Attack, Plan};
use lockout_loadtest::contender::{Contender, Hash, NotRun};
use lockout_loadtest::site::Programs;
use tokio::net::TcpListener;

/// Logins under load and under attack, with every store and without any, and beside other libraries.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the sample login app on 127.0.0.1, until it is ended.
    Serve {
        /// What protects it.
        contender: Contender,
        /// How passwords are checked.
        #[arg(long, value_enum, default_value_t = Hash::Argon2)]
        hash: Hash,
        /// Where the store is, if it needs one.
        #[arg(long)]
        url: Option<String>,
        /// The port; 0 takes any free one.
        #[arg(long, default_value_t = 3000)]
        port: u16,
    },
    /// Attacks contenders, and prints what the guesser got and what honest users noticed.
    Attack {
        /// Whom; all unless it is said. Can be repeated.
        #[arg(long = "contender", value_enum)]
        contenders: Vec<Contender>,
        /// How; in every way unless it is said. Can be repeated.
        #[arg(long = "only", value_enum)]
        attacks: Vec<Attack>,
        /// A minute for each contender instead of three.
        #[arg(long)]
        quick: bool,
        /// Writes the figures to this file too.
        #[arg(long)]
        json: Option<PathBuf>,
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
        Command::Serve { contender, hash, url, port } => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
            let protection = Protection::of(contender, url.as_deref()).await?;
            let app = App::new(protection, Accounts::new(hash)?);
            println!("listening on {}", listener.local_addr()?);
            serve(app, listener).await
        }
        Command::Attack { contenders, attacks, quick, json } => {
            let mut plan = if quick { Plan::quick() } else { Plan::full() };
            if !attacks.is_empty() {
                plan.attacks = attacks;
            }
            attack(&plan, contenders, json).await
        }
    }
}

async fn attack(plan: &Plan, contenders: Vec<Contender>, json: Option<PathBuf>) -> Result<()> {
    let contenders = if contenders.is_empty() { Contender::all().collect() } else { contenders };
    let figures =
        attacks::run(plan, &contenders, &Programs::here(&contenders)?, &|line| eprintln!("{line}"))
            .await;
    print!("{}", table(&figures.figures));
    for NotRun { contender, why } in &figures.not_run {
        println!("{contender} not run: {why}");
    }
    if let Some(json) = json {
        std::fs::write(json, serde_json::to_string_pretty(&figures)?)?;
    }
    Ok(())
}
