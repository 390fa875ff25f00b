//! The figures of a turn.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Answer, Tally};
use crate::Result;
use crate::number::float;
use crate::site::Site;
use crate::usage::Usage;

/// What one turn gave. Times are in microseconds and do not leave out a login that was not answered:
/// it has the time that it was waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// From the first login to the last answer.
    pub seconds: f64,
    /// How many logins had each answer.
    pub answers: BTreeMap<Answer, u64>,
    /// Half of the logins took no longer.
    pub p50_us: f64,
    /// Nine in ten.
    pub p90_us: f64,
    /// All but one in a hundred.
    pub p99_us: f64,
    /// All but one in a thousand.
    pub p999_us: f64,
    /// The slowest.
    pub max_us: f64,
    /// Processor time of the app's processes.
    pub app_cpu_us: u64,
    /// Of the server that keeps the counts.
    pub store_cpu_us: u64,
    /// Resident memory of the app's processes at the end, in bytes.
    pub app_memory: u64,
    /// Of the server that keeps the counts.
    pub store_memory: u64,
    /// How many passwords the app looked at.
    pub verified: u64,
}

impl Turn {
    /// How many logins there were.
    #[must_use]
    pub fn logins(&self) -> u64 {
        self.answers.values().sum()
    }

    /// How many had this answer.
    #[must_use]
    pub fn count(&self, answer: Answer) -> u64 {
        self.answers.get(&answer).copied().unwrap_or(0)
    }

    /// Logins that were answered in a second; those that broke are not.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        let answered = self.logins() - self.count(Answer::Broken);
        float(answered) / self.seconds.max(f64::MIN_POSITIVE)
    }

    /// Processor time of the app for one login, in microseconds.
    #[must_use]
    pub fn app_cpu_us_per_login(&self) -> f64 {
        float(self.app_cpu_us) / float(self.logins().max(1))
    }

    /// Of the server that keeps the counts.
    #[must_use]
    pub fn store_cpu_us_per_login(&self) -> f64 {
        float(self.store_cpu_us) / float(self.logins().max(1))
    }
}

/// What a site had used before a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    app: Usage,
    store: Usage,
    verified: u64,
}

impl Before {
    pub(super) fn of(site: &Site) -> Result<Self> {
        let verified = site.verified()?;
        Ok(Self { app: site.usage()?, store: site.store().usage()?, verified })
    }

    /// The turn's figures. `lines` that asked the same site at the same time share what it used.
    pub(super) fn turn(&self, site: &Site, tally: &Tally, lines: u64) -> Result<Turn> {
        let after = Self::of(site)?;
        let share = |before: u64, after: u64| after.saturating_sub(before) / lines;
        Ok(Turn {
            seconds: tally.lasted().as_secs_f64(),
            answers: tally.answers().clone(),
            p50_us: tally.quantile_us(0.5),
            p90_us: tally.quantile_us(0.9),
            p99_us: tally.quantile_us(0.99),
            p999_us: tally.quantile_us(0.999),
            max_us: tally.quantile_us(1.0),
            app_cpu_us: share(self.app.cpu_us, after.app.cpu_us),
            store_cpu_us: share(self.store.cpu_us, after.store.cpu_us),
            app_memory: after.app.memory,
            store_memory: after.store.memory,
            verified: share(self.verified, after.verified),
        })
    }
}
