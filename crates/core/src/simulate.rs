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
use crate::store::LockoutStore;
use crate::subject::{Scope, Subject};
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
        let Line { elapsed, event } = line.parse()?;
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
        let lockouts = policy.rules().iter().map(|rule| (rule.scope(), 0)).collect();
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::memory::MapStore;

    fn simulation(policy: &str) -> Simulation {
        Simulation::new(MapStore::new(), toml::from_str(policy).unwrap())
    }

    async fn replay(simulation: &mut Simulation, line: &str) -> String {
        simulation.replay(line).await.unwrap().unwrap()
    }

    /// What is wrong with `line`, which must have changed nothing.
    async fn wrong(line: &str) -> String {
        let mut simulation = simulation("");
        let error = simulation.replay(line).await.unwrap_err().to_string();
        assert_eq!(simulation.summary().attempts(), 0, "{line}");
        assert_eq!(simulation.guard().now(), Simulation::START, "{line}");
        error
    }

    #[tokio::test]
    async fn an_answer_is_the_line_with_a_decision_and_the_locks() {
        let mut simulation = simulation("ip.failure_limit = 0\nusername.lockout_cooloff = 0");
        let failure = r#"{"t": 12.50,"username":"Al\u0069ce", "outcome":"failure"}"#;
        for _ in 0..3 {
            let answer = replay(&mut simulation, failure).await;
            assert_eq!(
                answer,
                r#"{"t": 12.50,"username":"Al\u0069ce", "outcome":"failure","decision":"admitted","locks":{}}"#
            );
        }
        let last = r#" {"outcome": "failure", "ip": "192.0.2.1", "username": "alice", "t": 13 } "#;
        assert_eq!(
            replay(&mut simulation, last).await,
            r#"{"outcome": "failure", "ip": "192.0.2.1", "username": "alice", "t": 13 ,"decision":"admitted","locks":{"ip:192.0.2.1":300.0,"username:alice":null}}"#
        );
        let refused = r#"{"t":14.004,"ip":"192.0.2.1","username":null,"outcome":"success"}"#;
        assert_eq!(
            replay(&mut simulation, refused).await,
            r#"{"t":14.004,"ip":"192.0.2.1","username":null,"outcome":"success","decision":"locked","locks":{"ip:192.0.2.1":298.996}}"#
        );
        assert_eq!(
            simulation.summary().to_string(),
            "attempts: 5, refused: 1, lockouts: username 1, ip 1"
        );
    }

    #[tokio::test]
    async fn an_operation_is_answered_by_the_locks_of_its_subject() {
        let mut simulation = simulation("username.failure_limit = 0");
        for (line, end) in [
            (r#"{"t":0,"op":"unlock","subject":"ip:192.0.2.1"}"#, r#""locks":{}}"#),
            (r#"{"t":0,"username":"bob","outcome":"failure"}"#, r#"{"username:bob":300.0}}"#),
            (r#"{"t":1,"op":"unlock","subject":"username: BOB"}"#, r#"BOB","locks":{}}"#),
            (r#"{"t":1,"username":"bob","outcome":"success"}"#, r#""admitted","locks":{}}"#),
            (
                r#"{"t":2,"op":"lock","subject":"username:bob","seconds":0.5}"#,
                r#""seconds":0.5,"locks":{"username:bob":0.5}}"#,
            ),
            (r#"{"t":2.499,"username":"bob","outcome":"success"}"#, r#"{"username:bob":0.001}}"#),
            (r#"{"t":2.5,"username":"bob","outcome":"success"}"#, r#""admitted","locks":{}}"#),
            (r#"{"t":3,"op":"lock","subject":"username:bob"}"#, r#"{"username:bob":null}}"#),
        ] {
            let answer = replay(&mut simulation, line).await;
            assert!(answer.ends_with(end), "{answer} does not end with {end}");
        }
        assert_eq!(simulation.summary().lockouts(Scope::Username), 1);
        assert_eq!(simulation.summary().lockouts(Scope::UsernameIp), 0);
    }

    #[tokio::test]
    async fn a_cancelled_attempt_counts_nothing() {
        let mut simulation = simulation("username.failure_limit = 1");
        let line = |outcome| format!(r#"{{"t":1,"username":"bob","outcome":"{outcome}"}}"#);
        for outcome in ["failure", "cancel", "cancel"] {
            let answer = replay(&mut simulation, &line(outcome)).await;
            assert!(answer.ends_with(r#""admitted","locks":{}}"#), "{answer}");
        }
        let answer = replay(&mut simulation, &line("failure")).await;
        assert!(answer.ends_with(r#""admitted","locks":{"username:bob":300.0}}"#), "{answer}");
    }

    #[tokio::test]
    async fn a_blank_line_has_no_answer() {
        assert!(simulation("").replay(" \r\n").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_malformed_line_is_an_error_that_names_the_field_and_what_is_allowed() {
        let seconds = "a number of seconds from 0 to 4000000000";
        for (line, parts) in [
            ("failure", &["this is no JSON object"][..]),
            (r#"[1,"bob",null,"failure",null,null,null]"#, &["this is no JSON object"]),
            ("{t:1}", &["this is no JSON object: ", "(column 2)"]),
            (r#"{"t":1"#, &["(column 6)"]),
            (r#"{"t":1,"outcome":"failure"} {}"#, &["trailing characters (column 29)"]),
            (r#"{"outcome":"failure"}"#, &["missing field `t`"]),
            (r#"{"t":null,"outcome":"failure"}"#, &["t: ", "null", seconds]),
            (r#"{"t":"1","outcome":"failure"}"#, &["t: ", seconds]),
            (r#"{"t":-1,"outcome":"failure"}"#, &["t: ", "`-1`", seconds]),
            (r#"{"t":-0.1,"outcome":"failure"}"#, &["t: ", "`-0.1`", seconds]),
            (r#"{"t":1e300,"outcome":"failure"}"#, &["t: ", "`1e+300`", seconds]),
            (r#"{"t":1e999,"outcome":"failure"}"#, &["out of range (column 10)"]),
            (r#"{"t":4000000001,"outcome":"failure"}"#, &["t: ", seconds]),
            (r#"{"t":18446744073709551615,"outcome":"failure"}"#, &["t: ", seconds]),
            (r#"{"t":1,"t":2,"outcome":"failure"}"#, &["duplicate field `t`"]),
            (r#"{"t":1,"usernme":"bob"}"#, &["unknown field `usernme`", "`username`"]),
            (r#"{"t":1,"username":"bob"}"#, &["outcome: missing", "`cancel`"]),
            (r#"{"t":1,"outcome":null}"#, &["outcome: missing"]),
            (r#"{"t":1,"outcome":"fail"}"#, &["outcome: ", "`fail`", "`failure`"]),
            (r#"{"t":1,"username":7,"outcome":"failure"}"#, &["username: ", "a string"]),
            (r#"{"t":1,"ip":"10.0.0.256","outcome":"failure"}"#, &["ip: \"10.0.0.256\" is no IP"]),
            (r#"{"t":1,"ip":"","outcome":"failure"}"#, &["ip: \"\" is no IP"]),
            (r#"{"t":1,"subject":"ip:::1"}"#, &["op: missing", "`unlock` or `lock`"]),
            (r#"{"t":1,"seconds":1,"outcome":"failure"}"#, &["op: missing"]),
            (r#"{"t":1,"op":"reset","subject":"ip:::1"}"#, &["op: ", "`reset`", "`unlock`"]),
            (r#"{"t":1,"op":"unlock"}"#, &["subject: missing"]),
            (r#"{"t":1,"op":"unlock","subject":"bob"}"#, &["subject: ", "`username:NAME`"]),
            (r#"{"t":1,"op":"unlock","subject":"ip:::1","seconds":1}"#, &["seconds: ", "`lock`"]),
            (r#"{"t":1,"op":"lock","subject":"ip:::1","seconds":0}"#, &["seconds: zero"]),
            (r#"{"t":1,"op":"lock","subject":"ip:::1","seconds":-1}"#, &["seconds: ", seconds]),
            (r#"{"t":1,"op":"lock","subject":"ip:::1","ip":"::1"}"#, &["op: ", "no outcome"]),
        ] {
            let error = wrong(line).await;
            for part in parts {
                assert!(error.contains(part), "{line} gave {error:?}, which lacks {part:?}");
            }
        }
    }

    #[tokio::test]
    async fn an_error_quotes_a_line_safely() {
        let error = wrong(r#"{"t":1,"\nline 2: \u001b[2J":1}"#).await;
        assert!(error.contains("unknown field `\u{fffd}line 2: \u{fffd}[2J`"), "{error}");
        let error = wrong(&format!(r#"{{"t":1,"{}":1}}"#, "é".repeat(100_000))).await;
        assert_eq!(error.chars().count(), 400);
    }

    #[tokio::test]
    async fn time_cannot_go_back() {
        let mut simulation = simulation("");
        let line = |t| format!(r#"{{"t":{t},"username":"bob","outcome":"failure"}}"#);
        for t in ["0", "2.5", "2.5", "2.4999"] {
            replay(&mut simulation, &line(t)).await;
        }
        let error = simulation.replay(&line("2.499")).await.unwrap_err();
        assert!(matches!(error, SimulationError::Backwards { .. }));
        assert_eq!(
            error.to_string(),
            "t: 2.499 s is earlier than the 2.5 s of the line before it, lines come in the order \
             of time"
        );
        assert_eq!(simulation.summary().attempts(), 4);
    }

    #[tokio::test]
    async fn the_latest_time_can_be_replayed() {
        let mut simulation = simulation("username.failure_limit = 0");
        let line = r#"{"t":4000000000,"username":"bob","outcome":"failure"}"#;
        let answer = replay(&mut simulation, line).await;
        assert!(answer.ends_with(r#"{"username:bob":300.0}}"#), "{answer}");
        assert!(simulation.advance_to(Duration::MAX).is_ok());
        assert!(simulation.advance_to(Duration::ZERO).is_err());
    }

    proptest! {
        #[test]
        fn seconds_print_with_their_milliseconds(millis in 0..10_000_000_000_000_u64) {
            let text = Value::from(seconds(Duration::from_millis(millis))).to_string();
            let exact = format!("{}.{:03}", millis / 1000, millis % 1000);
            let shortest = exact.trim_end_matches('0');
            let zero = if shortest.ends_with('.') { "0" } else { "" };
            prop_assert_eq!(text, format!("{shortest}{zero}"));
        }

        #[test]
        fn any_line_is_read_or_refused(line in ".*") {
            let _ = line.parse::<Line>();
        }
    }
}
