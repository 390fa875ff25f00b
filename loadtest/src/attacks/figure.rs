//! What is measured.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Attack;
use super::users::Told;
use crate::contender::{Contender, Hash};
use crate::driver::{Answer, Protocol};

/// What an attack got, what it cost, and what others noticed of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttackFigure {
    /// Who was attacked.
    pub contender: Contender,
    /// How.
    pub attack: Attack,
    /// How passwords were checked.
    pub hash: Hash,
    /// What the guesser spoke.
    pub protocol: Protocol,
    /// How many addresses the guesser came from.
    pub addresses: u32,
    /// How many guesses were sent.
    pub guesses: u64,
    /// How many of them were compared with a password: the app's own count without the logins of
    /// honest users.
    pub verified: u64,
    /// What the guesser was answered.
    pub answers: Counts,
    /// How honest users fared, if there were any.
    pub honest: Option<Honest>,
    /// How the owner of the attacked account fared with the right password, if he tried.
    pub owner: Option<Honest>,
    /// From the first guess to the first refusal of what is attacked, in milliseconds.
    pub time_to_lock_ms: Option<f64>,
    /// How long the guesses took.
    pub seconds: f64,
    /// The processor time of the app meanwhile, honest users included, in microseconds.
    pub app_cpu_us: u64,
    /// That of the store's server.
    pub store_cpu_us: u64,
    /// The resident memory of the app before, in bytes.
    pub app_memory_before: u64,
    /// And after.
    pub app_memory_after: u64,
    /// That of the store's server before. What its processes share is counted for each.
    pub store_memory_before: u64,
    /// And after.
    pub store_memory_after: u64,
    /// After a flood: whether an account that was locked before it still was. Nothing if the account
    /// could not be locked.
    pub lock_survived: Option<bool>,
    /// After an outage: how it went.
    pub outage: Option<Outage>,
}

impl AttackFigure {
    /// What the memory of app and store grew by for each guess, in bytes.
    #[must_use]
    pub fn bytes_per_guess(&self) -> u64 {
        let before = self.app_memory_before + self.store_memory_before;
        let after = self.app_memory_after + self.store_memory_after;
        after.saturating_sub(before) / self.guesses.max(1)
    }
}

/// How often each answer was given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counts(BTreeMap<Answer, u64>);

impl Counts {
    /// How often this one was.
    #[must_use]
    pub fn of(&self, answer: Answer) -> u64 {
        self.0.get(&answer).copied().unwrap_or(0)
    }

    /// How many there are.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.0.values().sum()
    }

    /// One more.
    pub(super) fn add(&mut self, answer: Answer) {
        *self.0.entry(answer).or_default() += 1;
    }

    /// All of another.
    pub(super) fn merge(&mut self, other: &Self) {
        for (&answer, count) in &other.0 {
            *self.0.entry(answer).or_default() += count;
        }
    }
}

impl FromIterator<Answer> for Counts {
    fn from_iter<I: IntoIterator<Item = Answer>>(answers: I) -> Self {
        let mut counts = Self::default();
        answers.into_iter().for_each(|answer| counts.add(answer));
        counts
    }
}

/// How users fared who know their passwords. Each has a connection of his own; times are from the
/// request to the answer, whatever the answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Honest {
    /// How many logins.
    pub sent: u64,
    /// Let in.
    pub let_in: u64,
    /// Of those who mistyped: told so.
    pub wrong: u64,
    /// Refused by the lockout.
    pub refused: u64,
    /// The store failed.
    pub unavailable: u64,
    /// Anything else, no answer included.
    pub broken: u64,
    /// Half of them were answered within so many microseconds.
    pub p50_us: u64,
    /// 99 of 100 were.
    pub p99_us: u64,
    /// All were.
    pub longest_us: u64,
}

impl Honest {
    /// How these fared.
    pub(super) fn of(told: &[Told]) -> Self {
        let counts: Counts = told.iter().map(|login| login.answer).collect();
        let mut times: Vec<u64> = told.iter().map(|login| micros(login.took())).collect();
        times.sort_unstable();
        Self {
            sent: counts.all(),
            let_in: counts.of(Answer::Welcome),
            wrong: counts.of(Answer::Wrong),
            refused: counts.of(Answer::Refused),
            unavailable: counts.of(Answer::Unavailable),
            broken: counts.of(Answer::Broken),
            p50_us: within(&times, 50),
            p99_us: within(&times, 99),
            longest_us: within(&times, 100),
        }
    }

    /// How many passwords were compared for them.
    pub(super) const fn verified(&self) -> u64 {
        self.let_in + self.wrong
    }
}

/// How logins went while the store was killed and came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// The answers to what was sent before the store was killed.
    pub before: Counts,
    /// Until it was started again.
    pub during: Counts,
    /// After that.
    pub after: Counts,
    /// How long the store took to start again, in milliseconds.
    pub restart_ms: f64,
    /// From when the store was there again to the first login that was let in, in milliseconds; 0
    /// for apps that let users in all the time. Nothing if nobody was let in.
    pub let_in_after_ms: Option<f64>,
}

/// In microseconds.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// In milliseconds.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// The smallest of these sorted times that so many percent do not exceed.
fn within(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<u64> = (1..=200).collect();
        assert_eq!([50, 99, 100].map(|percent| within(&times, percent)), [100, 198, 200]);
        assert_eq!(within(&[], 99), 0);
        assert_eq!(within(&[7], 50), 7);
    }

    #[test]
    fn counts_are_written_by_the_names_of_answers() {
        let counts: Counts = [Answer::Wrong, Answer::Refused, Answer::Wrong].into_iter().collect();
        assert_eq!(serde_json::to_string(&counts).unwrap(), r#"{"wrong":2,"refused":1}"#);
    }
}
