//! What is to be measured, and how long it takes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Scenario;
use crate::contender::{Contender, Family, Hash};

/// Connections of a closed loop when checking a password is cheap: more than any app here has
/// processors or database connections, so that it is never without work.
const CONNECTIONS: usize = 64;
/// When it takes a processor for milliseconds: more would only wait for one another.
const ARGON2_CONNECTIONS: usize = 8;

/// Every family and every durable store keeps up with this rate: what is seen is what a login takes.
const CALM: u32 = 100;
/// A busy site of millions: servers that flush each commit to a disk still keep up, and it shows.
const BUSY: u32 = 1_000;
/// About what such a server commits, so that logins queue there; an app with Redis takes several
/// times as many.
const HEAVY: u32 = 3_000;
/// Half of what one processor hashes in a second: the login waits for the hash, not in a queue.
const ARGON2_RATE: u32 = 20;

/// How logins come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Load {
    /// One at a time, to the contender and to its family's app without a lockout in turn.
    Beside,
    /// From connections that are never idle.
    Closed {
        /// How many.
        connections: usize,
    },
    /// At a fixed rate.
    Open {
        /// The rate.
        per_second: u32,
    },
}

/// One thing to measure for each contender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// How passwords are checked.
    pub hash: Hash,
    /// How logins come.
    pub load: Load,
    /// Who logs in.
    pub scenario: Scenario,
    /// How long each turn lasts; what is then under way is waited for.
    pub turn: Duration,
}

/// What is to be measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Turns of each contender in each cell.
    pub repetitions: u32,
    /// How long a site is used before anything is measured.
    pub warm_up: Duration,
    /// After so long a login in an open loop is broken; a closed loop has more patience.
    pub patience: Duration,
    /// The most connections of an open loop.
    pub connections: usize,
    /// What is measured, in this order within each hash.
    pub cells: Vec<Cell>,
}

impl Plan {
    /// In about three minutes with all contenders; the fast hash alone.
    #[must_use]
    pub fn quick() -> Self {
        Self::of(2, fast(Duration::from_millis(350)))
    }

    /// In about a quarter of an hour.
    #[must_use]
    pub fn full() -> Self {
        let mut cells = fast(Duration::from_millis(800));
        cells.extend(argon2(Duration::from_millis(1_500)));
        Self::of(5, cells)
    }

    /// Each of these cells so many times.
    #[must_use]
    pub const fn of(repetitions: u32, cells: Vec<Cell>) -> Self {
        Self {
            repetitions,
            warm_up: Duration::from_millis(500),
            patience: Duration::from_secs(2),
            connections: 256,
            cells,
        }
    }

    /// The hashes that it has cells of, each once.
    #[must_use]
    pub fn hashes(&self) -> Vec<Hash> {
        let has = |hash: &Hash| self.cells.iter().any(|cell| cell.hash == *hash);
        [Hash::Fast, Hash::Argon2].into_iter().filter(has).collect()
    }

    /// How long the turns with these contenders take if all of them keep up.
    #[must_use]
    pub fn expected(&self, contenders: &[Contender]) -> Duration {
        let turns = |cell: &Cell| {
            let all = contenders.iter().filter(|contender| cell.concerns(**contender));
            all.map(|_| cell.turn * self.repetitions).sum::<Duration>()
        };
        self.cells.iter().map(turns).sum()
    }
}

impl Cell {
    /// Whether it is for this contender. Django's processes are not asked for rates of which
    /// everybody knows that they cannot keep up with them, whatever the lockout.
    #[must_use]
    pub fn concerns(&self, contender: Contender) -> bool {
        match self.load {
            Load::Open { per_second } if per_second > CALM => contender.family() != Family::Django,
            _ => true,
        }
    }
}

fn fast(turn: Duration) -> Vec<Cell> {
    let hash = Hash::Fast;
    let all = |load| Scenario::ALL.map(|scenario| Cell { hash, load, scenario, turn });
    let open = |per_second| Load::Open { per_second };
    let mixed = |load| Cell { hash, load, scenario: Scenario::Mixed, turn };
    let mut cells = Vec::new();
    cells.extend(all(Load::Beside));
    cells.extend([CALM, BUSY, HEAVY].map(open).map(mixed));
    cells.extend(all(Load::Closed { connections: CONNECTIONS }));
    cells
}

fn argon2(turn: Duration) -> Vec<Cell> {
    let loads =
        [Load::Open { per_second: ARGON2_RATE }, Load::Closed { connections: ARGON2_CONNECTIONS }];
    loads.map(|load| Cell { hash: Hash::Argon2, load, scenario: Scenario::Mixed, turn }).to_vec()
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Beside => write!(f, "beside the app without a lockout"),
            Self::Closed { connections } => write!(f, "{connections} connections"),
            Self::Open { per_second } => write!(f, "{per_second}/s"),
        }
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.scenario.name(), self.load)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_turns_leave_time_for_starting_and_for_queues() {
        let all: Vec<_> = Contender::all().collect();
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert!(Plan::quick().expected(&all) < minutes(3) * 2 / 3);
        assert!(Plan::full().expected(&all) < minutes(15) * 5 / 6);
    }
}
