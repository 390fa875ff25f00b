//! A scenario is one figure: ours, its floor, and the most that their ratio may be.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use lockout_core::{Attempt, Policy, Rule, Scope, Subject};

/// How many subjects the uniform scenarios choose from.
pub const SUBJECTS: u32 = 100_000;

/// One operation; the argument says which of the [`SUBJECTS`] it is for. Shared by the threads.
pub type Operation = Box<dyn Fn(u32) + Send + Sync>;

/// The most that ours may cost.
#[derive(Clone, Copy, Debug)]
pub enum AtMost {
    /// This many times the floor.
    Times(f64),
    /// This many times the floor, and so many nanoseconds.
    TimesPlus(f64, f64),
    /// There is no target: the figure is for information.
    Open,
}

impl AtMost {
    /// As a ratio to a floor of `floor` nanoseconds.
    #[must_use]
    pub fn ratio(self, floor: f64) -> Option<f64> {
        match self {
            Self::Times(times) => Some(times),
            Self::TimesPlus(times, nanos) => Some(times + nanos / floor),
            Self::Open => None,
        }
    }
}

/// Which subjects come, in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Each of the subjects with the same chance.
    Uniform,
    /// Always the same one.
    Hot,
}

impl Load {
    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Hot => "hot",
        }
    }

    /// The subject of each of many operations, the same in every run.
    #[must_use]
    pub fn order(self, operations: u32) -> Vec<u32> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            u32::try_from(state % u64::from(SUBJECTS)).unwrap_or(0)
        };
        (0..operations).map(|_| if self == Self::Hot { 7 } else { next() }).collect()
    }
}

/// One figure.
pub struct Scenario {
    /// What ours does.
    pub what: String,
    /// What the floor does.
    pub floor_name: &'static str,
    /// The floor.
    pub floor: Operation,
    /// Ours.
    pub ours: Operation,
    /// The load.
    pub load: Load,
    /// How many threads do it at once.
    pub threads: u32,
    /// The target.
    pub at_most: AtMost,
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scenario").field("what", &self.what).finish_non_exhaustive()
    }
}

/// The result of a future that never waits.
///
/// # Panics
/// If it waits.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("an in-process store waits for nobody"),
    }
}

/// A policy with rules for one subject or three, which refuses nobody: every figure is then for
/// subjects that are known and have places left.
///
/// # Panics
/// Never: the policy is possible.
#[must_use]
pub fn policy(subjects: usize, failure_limit: u32) -> Policy {
    let rules = [Scope::Username, Scope::Ip, Scope::UsernameIp][..subjects].iter();
    rules
        .fold(Policy::builder(), |policy, scope| {
            policy.rule(Rule::builder(*scope).failure_limit(failure_limit))
        })
        .build()
        .expect("a possible policy")
}

/// The attempts of the [`SUBJECTS`]: a username and an address each.
#[must_use]
pub fn attempts() -> Vec<Attempt> {
    let attempt = |number: u32| {
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
        Attempt::new().username(&format!("user-{number:06}")).ip(address)
    };
    (0..SUBJECTS).map(attempt).collect()
}

/// The subjects of every attempt under `policy`.
#[must_use]
pub fn subjects(policy: &Policy, attempts: &[Attempt]) -> Vec<Vec<Subject>> {
    let subjects =
        |attempt| policy.claims(attempt).iter().map(|claim| claim.subject().clone()).collect();
    attempts.iter().map(subjects).collect()
}
