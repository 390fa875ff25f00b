//! A login page that locks out a guesser, and (`--attack`) the guesser.
//!
//! - `app.rs`: the router and the handler, guard first, password second;
//! - `accounts.rs`: argon2, off the async threads, the same for accounts that do not exist;
//! - `pages.rs`: what people see, with `style.css` and `countdown.js`;
//! - `attack.rs`: 500 wrong passwords at once, each from another address, and the owner.

mod accounts;
mod app;
mod attack;
mod pages;

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use argon2::Params;
use lockout_core::{
    CooloffList, DeviceKey, Guard, Policy, PolicyError, Rule, Scope, SignedDevices,
};
use lockout_moka::MokaStore;
use tokio::net::TcpListener;

use crate::accounts::Accounts;

const USAGE: &str = "\
A login page that locks out whoever guesses passwords.

Usage: login [--port N | --attack | --help]

  --port N   serves on 127.0.0.1:N instead of 3000; 0 takes any free port
  --attack   guesses 500 passwords at once, from many addresses, and prints how many were verified,
             and who gets in afterwards
  --help     prints this
";

const DEFAULT_PORT: u16 = 3000;
const FAILURE_LIMIT: u32 = 3;
const GUESSES: u16 = 500;
const SEEDS: [(&str, &str); 2] = [("alice", "wonderland"), ("bob", "sponge-42")];

enum Command {
    Serve { port: u16 },
    Attack,
    Help,
}

#[tokio::main]
async fn main() -> ExitCode {
    // Not `args`, which panics where an argument is not Unicode.
    let args: Vec<_> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let done = match command(&args) {
        Ok(Command::Help) => say(USAGE).map(|()| ExitCode::SUCCESS).map_err(Into::into),
        Ok(Command::Serve { port }) => serve(port).await,
        Ok(Command::Attack) => attack().await,
        Err(wrong) => {
            eprintln!("login: {wrong}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("login: {error}");
        ExitCode::FAILURE
    })
}

fn command(args: &[String]) -> Result<Command, String> {
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(Command::Serve { port: DEFAULT_PORT }),
        ["--port", port] => match port.parse() {
            Ok(port) => Ok(Command::Serve { port }),
            Err(_) => Err(format!("--port {port}: a number from 0 to 65535 is expected")),
        },
        ["--port"] => Err("--port: a number from 0 to 65535 is missing".into()),
        ["--attack"] => Ok(Command::Attack),
        ["--help" | "-h"] => Ok(Command::Help),
        _ => Err(format!("cannot make sense of: {}", args.join(" "))),
    }
}

/// Three wrong passwords for a name are tolerated; each further lockout within a day is longer.
fn policy() -> Result<Policy, PolicyError> {
    Policy::builder()
        .rule(
            Rule::builder(Scope::Username)
                .failure_limit(FAILURE_LIMIT)
                .lockout_cooloff(CooloffList::from_secs([60, 300, 900])),
        )
        .rule(Rule::builder(Scope::Ip))
        .devices(Rule::builder(Scope::Device).failure_limit(FAILURE_LIMIT))
        .build()
}

fn guard() -> Result<Guard, PolicyError> {
    // A service reads its key from its configuration, so that cookies outlive a restart.
    let devices = SignedDevices::new(DeviceKey::random());
    Ok(Guard::builder(MokaStore::new(), policy()?).devices(devices).build())
}

fn accounts() -> argon2::password_hash::Result<Arc<Accounts>> {
    let params = Params::default();
    let mut hashes = HashMap::new();
    for (username, password) in SEEDS {
        hashes.insert(username.to_owned(), accounts::hash(password, &params)?);
    }
    Ok(Arc::new(Accounts::new(hashes, &params)?))
}

async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        let advice = if error.kind() == io::ErrorKind::AddrInUse {
            "; choose another port with --port N (0: any free one)"
        } else {
            ""
        };
        io::Error::new(error.kind(), format!("127.0.0.1:{port}: {error}{advice}"))
    })
}

/// Not `println`, which panics where nobody reads on.
fn say(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

async fn serve(port: u16) -> Result<ExitCode, Box<dyn Error>> {
    let listener = listen(port).await?;
    let app = app::router(guard()?, accounts()?);
    let mut text = format!("Log in at http://{}\n", listener.local_addr()?);
    for (username, password) in SEEDS {
        text += &format!("  username {username:5}  password {password}\n");
    }
    text += &format!("After {FAILURE_LIMIT} wrong passwords the next one locks the name.\n");
    say(&text)?;
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(ExitCode::SUCCESS)
}

async fn attack() -> Result<ExitCode, Box<dyn Error>> {
    // Both ends of every connection are in this process; many systems allow 1024 files or fewer.
    // If the limit cannot be raised, the connection that is one too many says so.
    let _ = rlimit::increase_nofile_limit(4096);
    let listener = listen(0).await?;
    let server = listener.local_addr()?;
    let accounts = accounts()?;
    let app = app::router(guard()?, Arc::clone(&accounts));
    tokio::spawn(async move {
        axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
    });

    let (victim, password) = SEEDS[0];
    let known = attack::log_in(server, victim, password, None).await?.cookie;
    let earlier = accounts.verified();
    let answers = attack::run(server, victim, GUESSES).await?;
    let verified = accounts.verified() - earlier;
    let mut text = format!("verified: {verified} of {GUESSES}\n");
    for (status, count) in answers.by_status {
        text += &format!("answered with status {status}: {count}\n");
    }
    if !answers.many_addresses {
        text += "This system has one loopback address only: the guesses shared it.\n";
    }
    let stranger = attack::log_in(server, victim, password, None).await?.status;
    let owner = attack::log_in(server, victim, password, known.as_deref()).await?.status;
    text += &format!("then, with the right password, from a new browser: {stranger}\n");
    text += &format!("with it, from the browser that was there before: {owner}\n");
    say(&text)?;
    let exact = u32::try_from(verified).is_ok_and(|verified| verified == FAILURE_LIMIT + 1);
    Ok(if exact && (stranger, owner) == (429, 200) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
