//! Locks that are told only when replicas have them.

use std::time::Duration;

use lockout_core::{Effect, Result, StoreError, StoreErrorKind};
use redis::{Arg, Cmd, Value};

use crate::error::STORE;
use crate::link::Line;
use crate::scripts::Script;

/// How many replicas must have a lock, and how long to wait for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) replicas: u32,
    pub(crate) within: Duration,
}

/// A line of its own: whoever waits holds up what comes behind him on the same connection.
pub(crate) struct WaitingLine {
    pub(crate) wait: Wait,
    pub(crate) line: Line,
}

impl WaitingLine {
    /// Runs a script and waits until enough replicas have what it wrote.
    pub(crate) async fn run(&self, script: &Script, command: &Cmd) -> Result<Value> {
        let Wait { replicas, within } = self.wait;
        let mut wait = redis::cmd("WAIT");
        wait.arg(replicas).arg(u64::try_from(within.as_millis()).unwrap_or(u64::MAX).max(1));
        // By its text: the two must travel together, so there is no second try.
        let commands = [by_text(script, command), wait];
        let mut answers = self.line.write_together(&commands).await?.into_iter();
        match (answers.next(), answers.next()) {
            (Some(answer), Some(Value::Int(have))) if have >= i64::from(replicas) => Ok(answer),
            (_, Some(Value::Int(have))) => Err(missing(have, replicas)),
            _ => Err(missing(0, replicas)),
        }
    }
}

fn missing(have: i64, wanted: u32) -> StoreError {
    let message = "a lock is written, but not to as many replicas as it should be: look at them";
    StoreError::new(StoreErrorKind::Unavailable, Effect::Unknown, STORE, message)
        .with_source(TooFewReplicas { have, wanted })
}

#[derive(Debug, thiserror::Error)]
#[error("{have} of {wanted} replicas have it")]
struct TooFewReplicas {
    have: i64,
    wanted: u32,
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
