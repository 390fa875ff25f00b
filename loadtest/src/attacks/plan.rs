//! How much is tried.

use std::time::Duration;

use super::Attack;

/// How much is tried, and for how long at most. Guesses that are not sent by then are not counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What is tried.
    pub attacks: Vec<Attack>,
    /// How long a variant of an attack may take, but for a flood and an outage.
    pub limit: Duration,
    /// Guesses of a burst at a fast hash.
    pub burst: u32,
    /// Guesses of a burst at argon2. Without a lockout each takes a processor for 30 ms.
    pub argon2_burst: u32,
    /// Guesses at one account.
    pub guesses: u32,
    /// How soon one of those may follow another: the attack lasts long enough to be noticed.
    pub guess_every: Duration,
    /// Accounts that one password is tried at.
    pub sprayed: u32,
    /// Names that are made up for a flood.
    pub flood: u32,
    /// How long a flood may take.
    pub flood_limit: Duration,
    /// How long honest users log in around an outage, which lasts a third of it.
    pub outage: Duration,
    /// How soon an honest user follows another.
    pub honest_every: Duration,
    /// The same around an outage.
    pub honest_every_around_outage: Duration,
}

impl Plan {
    /// Enough for figures: up to three minutes for a contender.
    #[must_use]
    pub fn full() -> Self {
        Self {
            attacks: Attack::all().collect(),
            limit: Duration::from_secs(20),
            burst: 500,
            argon2_burst: 500,
            guesses: 2_000,
            guess_every: Duration::from_micros(2_500),
            sprayed: 10_000,
            flood: 200_000,
            flood_limit: Duration::from_secs(15),
            outage: Duration::from_secs(6),
            honest_every: Duration::from_millis(50),
            honest_every_around_outage: Duration::from_millis(20),
        }
    }

    /// Enough to see that all of it works: up to half a minute for a contender.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            limit: Duration::from_secs(3),
            argon2_burst: 60,
            guess_every: Duration::from_micros(500),
            flood: 20_000,
            flood_limit: Duration::from_secs(2),
            outage: Duration::from_secs(3),
            ..Self::full()
        }
    }
}
