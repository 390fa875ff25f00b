//! What is tried.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::contender::{Contender, Storage};

/// A way to attack a login.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Attack {
    /// Hundreds of guesses at one account released in the same moment.
    Burst,
    /// One account guessed from one address.
    OneAddress,
    /// One account guessed from a thousand addresses.
    ManyAddresses,
    /// One password tried at every account, from one address and from a thousand.
    Spraying,
    /// Made-up names from as many made-up addresses.
    Flood,
    /// The store's server is killed and comes back. Nobody guesses.
    Outage,
}

impl Attack {
    /// Its name in tables and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::OneAddress => "one-address",
            Self::ManyAddresses => "many-addresses",
            Self::Spraying => "spraying",
            Self::Flood => "flood",
            Self::Outage => "outage",
        }
    }

    /// Whether it means something to this contender: only a server can fail alone.
    #[must_use]
    pub const fn concerns(self, contender: Contender) -> bool {
        !matches!(self, Self::Outage)
            || !matches!(contender.storage(), Storage::InProcess | Storage::Sqlite)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied()
    }
}

impl std::fmt::Display for Attack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line_and_of_the_files() {
        for attack in Attack::all() {
            let argument = attack.to_possible_value().unwrap();
            assert_eq!(argument.get_name(), attack.name());
            assert_eq!(serde_json::to_value(attack).unwrap(), attack.name());
        }
    }
}
