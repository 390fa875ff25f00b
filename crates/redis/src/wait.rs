//! Locks that are told only when replicas have them.

use std::time::Duration;

use lockout_core::{Effect, Result, StoreError, StoreErrorKind};
use redis::{Arg, Cmd, Value};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::error::STORE;
use crate::link::Line;
use crate::scripts::Script;

/// How many replicas must have a lock, and how long to wait for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) replicas: u32,
    pub(crate) within: Duration,
}

/// After replicas were missing, how long nobody waits for them.
const PAUSE: Duration = Duration::from_secs(1);

/// A line of its own: whoever waits holds up what comes behind him on the same connection.
pub(crate) struct WaitingLine {
    wait: Wait,
    line: Line,
    /// One waits at a time. When replicas were missing, if they were.
    missing: Mutex<Option<Instant>>,
}

impl WaitingLine {
    pub(crate) fn new(wait: Wait, line: Line) -> Self {
        Self { wait, line, missing: Mutex::default() }
    }

    /// Runs a script and waits until enough replicas have what it wrote. While replicas are missing
    /// the script is run on the `other` line, and that they are missing is told at once.
    pub(crate) async fn run(&self, other: &Line, script: &Script, command: &Cmd) -> Result<Value> {
        let turn = timeout(self.wait.within, self.missing.lock()).await;
        let turn = turn.ok().filter(|missing| missing.is_none_or(|at| at.elapsed() >= PAUSE));
        let Some(mut missing) = turn else {
            other.run(script, command).await?;
            return Err(too_few());
        };
        // By its text: the two must travel together, so there is no second try.
        let commands = [by_text(script, command), self.wait.command()];
        let mut answers = self.line.write_together(&commands).await?.into_iter();
        let answer = answers.next().unwrap_or(Value::Nil);
        let are_enough =
            matches!(answers.next(), Some(Value::Int(have)) if have >= self.wait.replicas.into());
        *missing = (!are_enough).then(Instant::now);
        if are_enough { Ok(answer) } else { Err(too_few()) }
    }
}

impl Wait {
    fn command(self) -> Cmd {
        let mut command = redis::cmd("WAIT");
        let within = u64::try_from(self.within.as_millis()).unwrap_or(u64::MAX);
        // Zero would be for ever.
        command.arg(self.replicas).arg(within.max(1));
        command
    }
}

/// No outage: the server works. Whoever makes locks fail would otherwise open circuits, and with them
/// logins that fail open.
fn too_few() -> StoreError {
    let message = "a lock is written, but not to as many replicas as it should be: look at them";
    StoreError::new(StoreErrorKind::Config, Effect::Unknown, STORE, message)
}

/// A command that runs a script by its hash, by its text.
fn by_text(script: &Script, command: &Cmd) -> Cmd {
    let mut by_text = redis::cmd("EVAL");
    by_text.arg(script.text());
    for argument in command.args_iter().skip(2) {
        if let Arg::Simple(bytes) = argument {
            by_text.arg(bytes);
        }
    }
    by_text
}
