//! `lockout-loadtest`: logins under load and under attack.

use std::net::Ipv4Addr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lockout_loadtest::Result;
use lockout_loadtest::app::accounts::Accounts;
use lockout_loadtest::app::{App, Protection, serve};
use lockout_loadtest::contender::{Contender, Hash};
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
    }
}
