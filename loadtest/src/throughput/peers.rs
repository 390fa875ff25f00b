//! The libraries alone, in turn: failed logins a second on Redis.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use lockout_core::Guard;
use lockout_redis::RedisStore;
use lockout_testkit::servers::RedisServer;
use serde::Deserialize;
use tokio::process::Command;

use super::{Names, Rate, failed_logins, per_second};
use crate::growth::crowd;
use crate::number::median;
use crate::peers::{PeerError, Tools};
use crate::site::Programs;
use crate::{Error, Result};

/// How many call at once.
const TASKS: u32 = 64;

/// An overloaded machine shall not end the run.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a peer's program prints.
#[derive(Debug, Deserialize)]
struct Printed {
    logins: f64,
    seconds: f64,
}

/// Failed logins a second by `RedisStore` (a name, an address and their pair; `begin`, then `fail`),
/// by rate-limiter-flexible's recipe for logins, and by limitador with three limits: each on a Redis
/// server of its own, with names and addresses that nobody has counted, in turns of so many seconds.
/// A peer that is not installed is left out.
///
/// # Errors
/// If a server does not start, or somebody fails.
pub async fn beside_peers(programs: &Programs, turns: u32, seconds: u64) -> Result<Vec<Rate>> {
    type Program = fn(&Tools, u64, u32) -> Result<Vec<String>, PeerError>;
    let server = RedisServer::start()?;
    let store = RedisStore::builder().timeout(PATIENCE).open(&server.url())?;
    let ours = failed_logins("redis", Guard::new(store, crowd::policy()?), Names::Fresh);
    let programs_of: [(&str, Program); 2] = [
        ("rate-limiter-flexible", Tools::rate_limiter_flexible),
        ("limitador-redis", Tools::limitador),
    ];
    let mut peers = Vec::new();
    for (name, program) in programs_of {
        match program(&programs.tools, seconds, TASKS) {
            Ok(command) => peers.push((name, command, RedisServer::start()?, Vec::new())),
            Err(missing) => eprintln!("{name} not run: {missing}"),
        }
    }
    let mut own = Vec::new();
    for round in 0..=turns {
        let call = Arc::clone(&ours.call);
        let rate = per_second(TASKS, Duration::from_secs(seconds), move |number| call(number));
        let rate = rate.await?;
        // The first turn makes connections.
        own.extend((round > 0).then_some(rate));
        for (name, command, server, rates) in &mut peers {
            let rate = printed(name, command, &server.url()).await?;
            rates.extend((round > 0).then_some(rate));
        }
    }
    let rate = |name: &str, turns: Vec<f64>| Rate {
        name: name.to_owned(),
        tasks: TASKS,
        per_second: median(turns.iter().copied()),
        turns,
    };
    let own = rate(ours.name(), own);
    let peers = peers.into_iter().map(|(name, _, _, turns)| rate(name, turns));
    Ok(std::iter::once(own).chain(peers).collect())
}

/// Runs a peer's program, and reads the rate that it prints.
async fn printed(name: &str, command: &[String], redis: &str) -> Result<f64> {
    let output = Command::new("env")
        .args(command)
        .env("REDIS_URL", redis)
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    let wrong = |why: String| Error::from(format!("{name}: {why}"));
    if !output.status.success() {
        return Err(wrong(output.status.to_string()));
    }
    let printed: Printed =
        serde_json::from_slice(&output.stdout).map_err(|error| wrong(error.to_string()))?;
    Ok(printed.logins / printed.seconds)
}
