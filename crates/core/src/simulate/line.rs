//! One line of input, read with care: every error names the field and what is allowed.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::{Simulation, SimulationError};
use crate::attempt::Attempt;
use crate::clock::millis;
use crate::decision::Outcome;
use crate::policy::Policy;
use crate::subject::{Subject, shortened};

/// What one line asks for, and when.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) elapsed: Duration,
    pub(super) event: LineEvent,
}

#[derive(Debug)]
pub(super) enum LineEvent {
    Attempt(Attempt, Outcome),
    Unlock(Subject),
    Lock(Subject, Option<Duration>),
}

impl Line {
    /// What `line` asks for; its subject is one of `policy`.
    pub(super) fn read(line: &str, policy: &Policy) -> Result<Self, SimulationError> {
        // A sequence of the fields' values would do for serde.
        if !line.starts_with('{') {
            return Err(SimulationError::malformed("this is no JSON object"));
        }
        let mut json = serde_json::Deserializer::from_str(line);
        let form: LineForm = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| not_json(error.inner()).unwrap_or_else(|| wrong_field(&error)))?;
        json.end().map_err(|error| SimulationError::malformed(&without_line(&error)))?;
        let elapsed = form.t.0;
        let event = form.event(policy).map_err(|what| SimulationError::malformed(&what))?;
        Ok(Self { elapsed, event })
    }
}

impl SimulationError {
    /// `what` is wrong. It may quote the line, so it is cut and cannot forge a line of its own.
    fn malformed(what: &str) -> Self {
        let longest = 400;
        let cut = what.char_indices().nth(longest).map_or(what, |(end, _)| &what[..end]);
        Self::Malformed(cut.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect())
    }
}

fn not_json(error: &serde_json::Error) -> Option<SimulationError> {
    let message = || format!("this is no JSON object: {}", without_line(error));
    (!error.is_data()).then(|| SimulationError::malformed(&message()))
}

fn wrong_field(error: &serde_path_to_error::Error<serde_json::Error>) -> SimulationError {
    let what = without_line(error.inner());
    match error.path().to_string().as_str() {
        "." => SimulationError::malformed(&what),
        path => SimulationError::malformed(&format!("{}: {what}", shortened(path))),
    }
}

/// The error's text with its column alone: the line is the caller's to count.
fn without_line(error: &serde_json::Error) -> String {
    let (text, column) = (error.to_string(), error.column());
    match text.strip_suffix(&format!(" at line {} column {column}", error.line())) {
        Some(what) => format!("{what} (column {column})"),
        None => text,
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct LineForm {
    t: Seconds,
    username: Option<String>,
    ip: Option<String>,
    outcome: Option<OutcomeForm>,
    op: Option<Op>,
    subject: Option<String>,
    seconds: Option<Seconds>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeForm {
    Failure,
    Success,
    Cancel,
}

#[derive(Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    Unlock,
    Lock,
}

impl LineForm {
    fn event(self, policy: &Policy) -> Result<LineEvent, String> {
        match self.op {
            None => self.attempt(),
            Some(op) => self.operation(op, policy),
        }
    }

    fn attempt(self) -> Result<LineEvent, String> {
        if self.subject.is_some() || self.seconds.is_some() {
            return Err("op: missing; subject and seconds belong to an operation, \
                        `unlock` or `lock`"
                .into());
        }
        let outcome = match self.outcome {
            Some(OutcomeForm::Failure) => Outcome::Failure,
            Some(OutcomeForm::Success) => Outcome::Success,
            Some(OutcomeForm::Cancel) => Outcome::Cancelled,
            None => {
                return Err("outcome: missing; an attempt has `failure`, `success` or `cancel`, \
                            an operation has an op instead"
                    .into());
            }
        };
        let mut attempt = Attempt::new();
        if let Some(typed) = self.username {
            attempt = attempt.username(&typed);
        }
        if let Some(ip) = self.ip {
            let address: IpAddr =
                ip.parse().map_err(|_| format!("ip: {:?} is no IP address", shortened(&ip)))?;
            attempt = attempt.ip(address);
        }
        Ok(LineEvent::Attempt(attempt, outcome))
    }

    fn operation(self, op: Op, policy: &Policy) -> Result<LineEvent, String> {
        if self.outcome.is_some() || self.username.is_some() || self.ip.is_some() {
            return Err("op: an operation has no outcome, username or ip but a subject".into());
        }
        let text = self
            .subject
            .ok_or("subject: missing; an operation has one, such as `ip:203.0.113.7`")?;
        let subject = policy.subject(&text).map_err(|error| format!("subject: {error}"))?;
        match (op, self.seconds) {
            (Op::Unlock, None) => Ok(LineEvent::Unlock(subject)),
            (Op::Unlock, Some(_)) => Err("seconds: only the operation `lock` has them".into()),
            (Op::Lock, Some(Seconds(Duration::ZERO))) => {
                Err("seconds: zero locks nobody; leave them out to lock without end".into())
            }
            (Op::Lock, period) => Ok(LineEvent::Lock(subject, period.map(|period| period.0))),
        }
    }
}

/// A period from a number of seconds, rounded to milliseconds.
struct Seconds(Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondsVisitor)
    }
}

struct SecondsVisitor;

impl Visitor<'_> for SecondsVisitor {
    type Value = Seconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number of seconds from 0 to {}", Simulation::MAX_SECONDS)
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Seconds, E> {
        u32::try_from(seconds)
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(seconds), &self))
            .and_then(|seconds| self.visit_f64(seconds.into()))
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Seconds, E> {
        u64::try_from(seconds)
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(seconds), &self))
            .and_then(|seconds| self.visit_u64(seconds))
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Seconds, E> {
        let half_a_milli = Duration::from_micros(500);
        Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|_| seconds <= Simulation::MAX_SECONDS.into())
            .map(|period| Seconds(Duration::from_millis(millis(period + half_a_milli))))
            .ok_or_else(|| E::invalid_value(de::Unexpected::Float(seconds), &self))
    }
}
