//! Answers and their times, while a turn runs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::Answer;
use crate::Result;

/// The longest time that is kept apart from longer ones.
const LONGEST: Duration = Duration::from_secs(120);

/// What a turn's logins gave.
#[derive(Clone)]
pub struct Tally {
    start: Instant,
    end: Instant,
    /// In nanoseconds, three digits.
    times: Histogram<u64>,
    answers: BTreeMap<Answer, u64>,
}

impl Tally {
    /// Nothing yet, from now on.
    ///
    /// # Errors
    /// None that can be met: the bounds of the times are constants.
    pub fn new() -> Result<Self> {
        let longest = u64::try_from(LONGEST.as_nanos())?;
        let times = Histogram::new_with_bounds(1, longest, 3)?;
        let start = Instant::now();
        Ok(Self { start, end: start, times, answers: BTreeMap::new() })
    }

    /// Adds a login that counts from this time and has been answered now.
    pub fn record(&mut self, answer: Answer, since: Instant) {
        self.end = Instant::now();
        let took = self.end.saturating_duration_since(since).as_nanos();
        self.times.saturating_record(u64::try_from(took).unwrap_or(u64::MAX));
        *self.answers.entry(answer).or_default() += 1;
    }

    /// From the beginning to the last answer.
    #[must_use]
    pub fn lasted(&self) -> Duration {
        self.end.saturating_duration_since(self.start)
    }

    /// How many there are of each answer.
    #[must_use]
    pub const fn answers(&self) -> &BTreeMap<Answer, u64> {
        &self.answers
    }

    /// The time that this share of the logins kept to, in microseconds.
    #[must_use]
    pub fn quantile_us(&self, share: f64) -> f64 {
        micros(self.times.value_at_quantile(share))
    }

    /// How many logins took longer.
    #[must_use]
    pub fn slower_than(&self, bound: Duration) -> u64 {
        let bound = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        self.times.count_between(bound, self.times.high())
    }
}

impl std::fmt::Debug for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let times = [0.5, 0.99, 1.0].map(|share| self.quantile_us(share));
        f.debug_struct("Tally")
            .field("lasted", &self.lasted())
            .field("answers", &self.answers)
            .field("p50, p99, max in µs", &times)
            .finish_non_exhaustive()
    }
}

fn micros(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64() * 1e6
}
