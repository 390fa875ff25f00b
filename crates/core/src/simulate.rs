//! Recorded attempts, replayed through the real [`Guard`] in virtual time.
//!
//! Input and output are one JSON object a line, in the order of time. An attempt:
//!
//! ```json
//! {"t": 12.5, "ip": "203.0.113.7", "username": "alice", "outcome": "failure"}
//! ```
//!
//! | field | meaning |
//! | --- | --- |
//! | `t` | seconds from the start, rounded to milliseconds, at most [`Simulation::MAX_SECONDS`] |
//! | `username`, `ip` | as in an [`Attempt`]; may be missing or `null` |
//! | `outcome` | what the password check would say: `failure`, `success` or `cancel` |
//!
//! An operation has an `op` and a `subject` instead: `unlock`, or `lock` for so many `seconds`
//! (without them, until an `unlock`).
//!
//! ```json
//! {"t": 13.0, "op": "unlock", "subject": "ip:203.0.113.7"}
//! ```
//!
//! Each line is answered by its own fields and two more. `decision` is `admitted`, `locked` or
//! `busy`; an operation has none. `locks` has those of the line's subjects that are locked after
//! it, each with the seconds that are left, or `null` if the lock has no end.
//!
//! ```json
//! {"t": 12.5, "ip": "203.0.113.7", "username": "alice", "outcome": "failure","decision":"admitted","locks":{"ip:203.0.113.7":300.0}}
//! ```

mod line;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::attempt::Attempt;
use crate::clock::{FakeClock, Timestamp, millis};
use crate::decision::{Decision, Lockout, Outcome, Refusal};
use crate::error::StoreError;
use crate::guard::Guard;
use crate::policy::Policy;
use crate::rule::Rule;
use crate::scope::Scope;
use crate::store::LockoutStore;
use crate::subject::Subject;
use line::{Line, LineEvent};

/// A guard in virtual time, and what has come of the lines that it was given.
///
/// ```
/// use lockout_core::simulate::Simulation;
/// use lockout_core::{MapStore, Policy};
///
/// # async fn replay() -> Result<(), lockout_core::simulate::SimulationError> {
/// let mut simulation = Simulation::new(MapStore::new(), Policy::default());
/// let line = r#"{"t": 0, "username": "alice", "outcome": "failure"}"#;
/// let answer = simulation.replay(line).await?;
/// assert!(answer.unwrap().ends_with(r#""decision":"admitted","locks":{}}"#));
/// println!("{}", simulation.summary());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Simulation {
    guard: Guard,
    clock: FakeClock,
    elapsed: Duration,
    summary: Summary,
}

impl Simulation {
    /// When every simulation starts: 2026-01-01 00:00 UTC.
    pub const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    /// The most that `t` and `seconds` may be: some 126 years, enough for a Unix time.
    pub const MAX_SECONDS: u32 = 4_000_000_000;

    /// A simulation of `policy` that keeps its records in `store`.
    #[must_use]
    pub fn new(store: impl LockoutStore, policy: Policy) -> Self {
        let clock = FakeClock::at(Self::START);
        let summary = Summary::of(&policy);
        let guard = Guard::builder(store, policy).clock(clock.clone()).build();
        Self { guard, clock, elapsed: Duration::ZERO, summary }
    }

    /// Replays one line and gives its answer, without the line's end; `None` for a blank line.
    ///
    /// # Errors
    /// If the line is malformed or goes back in time, which changes nothing, or if the store
    /// fails.
    pub async fn replay(&mut self, line: &str) -> Result<Option<String>, SimulationError> {
        let line = line.trim();
        if line.is_empty() {
            return Ok(None);
        }
        let Line { elapsed, event } = Line::read(line, self.guard.policy())?;
        self.advance_to(elapsed)?;
        let (decision, lockouts) = match event {
            LineEvent::Attempt(attempt, outcome) => {
                let decision = self.attempt(&attempt, outcome).await?;
                (Some(decision), self.guard.lockouts(&attempt).await?)
            }
            LineEvent::Unlock(subject) => {
                self.guard.unlock(&subject).await?;
                (None, self.lockout(subject).await?)
            }
            LineEvent::Lock(subject, period) => {
                self.guard.lock(&subject, period).await?;
                (None, self.lockout(subject).await?)
            }
        };
        Ok(Some(answer(line, decision, &lockouts, self.guard.now())))
    }

    /// Moves the time on to `elapsed` after the start, as a line that counts nothing would.
    ///
    /// # Errors
    /// If that is before the latest line.
    pub fn advance_to(&mut self, elapsed: Duration) -> Result<(), SimulationError> {
        if elapsed < self.elapsed {
            return Err(SimulationError::Backwards { t: elapsed, latest: self.elapsed });
        }
        self.elapsed = elapsed;
        self.clock.set(Self::START.saturating_add(elapsed));
        Ok(())
    }

    /// The guard, which stands at the time of the latest line.
    #[must_use]
    pub const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The sums so far.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    async fn attempt(
        &mut self,
        attempt: &Attempt,
        outcome: Outcome,
    ) -> Result<&'static str, StoreError> {
        self.summary.attempts += 1;
        let refusal = match self.guard.begin(attempt).await? {
            Decision::Admitted(permit) => {
                self.summary.count(&permit.settle(outcome).await?.locked);
                return Ok("admitted");
            }
            Decision::Refused(refusal) => refusal,
        };
        self.summary.refused += 1;
        Ok(match refusal {
            Refusal::Locked { .. } => "locked",
            Refusal::Busy { .. } => "busy",
            Refusal::Unavailable { .. } => "unavailable",
            Refusal::Denied => "denied",
        })
    }

    async fn lockout(&self, subject: Subject) -> Result<Vec<Lockout>, StoreError> {
        Ok(self.guard.status(&[subject]).await?.into_iter().flatten().collect())
    }
}

/// The line's own text, so that its fields stay as they were written, and what became of it.
fn answer(line: &str, decision: Option<&str>, lockouts: &[Lockout], now: Timestamp) -> String {
    let fields = line.strip_suffix('}').unwrap_or(line);
    let decision = decision.map_or_else(String::new, |d| format!(r#","decision":"{d}""#));
    let locks: Map<String, Value> = lockouts
        .iter()
        .map(|lockout| {
            let left = lockout.remaining(now).map(seconds);
            (lockout.subject.to_string(), left.into())
        })
        .collect();
    format!(r#"{fields}{decision},"locks":{}}}"#, Value::from(locks))
}

/// The number nearest to `period`, so that it prints with three decimals at most.
/// [`Duration::as_secs_f64`] adds two rounded numbers and can miss it.
fn seconds(period: Duration) -> f64 {
    Duration::from_secs(millis(period)).as_secs_f64() / 1000.0
}

/// How many attempts there were and what came of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    attempts: u64,
    refused: u64,
    lockouts: BTreeMap<Scope, u64>,
}

impl Summary {
    fn of(policy: &Policy) -> Self {
        // A recorded attempt names no device.
        let scopes = policy.rules().iter().map(Rule::scope).filter(|scope| !scope.is_device());
        let lockouts = scopes.map(|scope| (scope, 0)).collect();
        Self { lockouts, ..Self::default() }
    }

    fn count(&mut self, begun: &[Lockout]) {
        for lockout in begun {
            *self.lockouts.entry(lockout.subject.scope()).or_default() += 1;
        }
    }

    /// How many attempts there were.
    #[must_use]
    pub const fn attempts(&self) -> u64 {
        self.attempts
    }

    /// How many of them were refused.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// How many lockouts of `scope` began by its rule; those that an operation set do not count.
    #[must_use]
    pub fn lockouts(&self, scope: Scope) -> u64 {
        self.lockouts.get(&scope).copied().unwrap_or_default()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempts: {}, refused: {}, lockouts:", self.attempts, self.refused)?;
        let mut separator = "";
        for (scope, count) in &self.lockouts {
            write!(f, "{separator} {scope} {count}")?;
            separator = ",";
        }
        Ok(())
    }
}

/// Why a line has no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// The line is no JSON object, or a field is unknown, missing or impossible.
    #[error("{0}")]
    Malformed(String),
    /// The line is earlier than the one before it.
    #[error(
        "t: {} s is earlier than the {} s of the line before it, lines come in the order of time",
        seconds(*.t),
        seconds(*.latest)
    )]
    Backwards {
        /// The time of the line, from the start.
        t: Duration,
        /// The time of the line before it.
        latest: Duration,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
