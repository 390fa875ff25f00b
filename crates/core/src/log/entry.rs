//! One attempt in the log.

use std::net::IpAddr;
use std::sync::Arc;

use super::LoggedOutcome;
use crate::attempt::{Attempt, Facts};
use crate::clock::Timestamp;
use crate::names::Username;
use crate::network::Network;

/// One attempt in the log: when, who, from where, and what came of it.
///
/// Its size is bounded whatever a client sends: a username is cut when it is folded, the other texts
/// when an [`Attempt`] takes them. Copies share the texts. Texts are as clients sent them but for
/// what [`Attempt`] replaces: escape them where you show them.
///
/// A store makes one of what it has kept, as the guard does of an attempt:
///
/// ```
/// use lockout_core::{Attempt, AttemptEntry, LoggedOutcome, Timestamp};
///
/// let kept = Attempt::new().username("alice").ip([203, 0, 113, 7]).path("/login");
/// let at = Timestamp::from_millis(1_700_000_000_000);
/// let entry = AttemptEntry::new(at, &kept, LoggedOutcome::Failed);
/// assert_eq!(entry.username().unwrap().as_str(), "alice");
/// assert_eq!(entry.path(), Some("/login"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptEntry {
    /// When the outcome was known: when the attempt was refused, settled or abandoned.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: LoggedOutcome,
    // Not an `Attempt`, with which it would not fit into a cache line.
    username: Option<Username>,
    ip: Option<IpAddr>,
    facts: Option<Arc<Facts>>,
}

impl AttemptEntry {
    /// The entry of `attempt`, of which `outcome` was known at `at`. Its username is one that has been
    /// counted and is taken as it is.
    #[must_use]
    pub fn new(at: Timestamp, attempt: &Attempt, outcome: LoggedOutcome) -> Self {
        Self::of(
            at,
            attempt,
            attempt.typed_username().and_then(|typed| Username::kept(typed.as_str())),
            outcome,
        )
    }

    /// The entry of `attempt`, which is counted for `username`.
    pub(crate) fn of(
        at: Timestamp,
        attempt: &Attempt,
        username: Option<Username>,
        outcome: LoggedOutcome,
    ) -> Self {
        let (ip, facts) = (attempt.counted_ip(), attempt.known_facts().cloned());
        Self { at, outcome, username, ip, facts }
    }

    /// The username as it is counted. It may hold any character, NUL and line feeds too.
    #[must_use]
    pub const fn username(&self) -> Option<&Username> {
        self.username.as_ref()
    }

    /// The client's address; never an IPv6 address that [stands for](Network::plain) an IPv4 address.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip.map(Network::plain)
    }

    /// The request's `User-Agent`, at most [`Attempt::USER_AGENT_CHARS`] long.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.fact(|facts| &facts.user_agent)
    }

    /// The request's `Accept`, at most [`Attempt::ACCEPT_CHARS`] long.
    #[must_use]
    pub fn accept(&self) -> Option<&str> {
        self.fact(|facts| &facts.accept)
    }

    /// The request's path without its query, at most [`Attempt::PATH_CHARS`] long.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.fact(|facts| &facts.path)
    }

    fn fact(&self, which: impl FnOnce(&Facts) -> &Option<Box<str>>) -> Option<&str> {
        which(self.facts.as_ref()?).as_deref()
    }
}

/// As a flat map; what is not known is null, and the time is in milliseconds.
#[cfg(feature = "serde")]
impl serde::Serialize for AttemptEntry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;

        let mut map = serializer.serialize_struct("AttemptEntry", 7)?;
        map.serialize_field("at", &self.at)?;
        map.serialize_field("outcome", &self.outcome)?;
        map.serialize_field("username", &self.username().map(Username::as_str))?;
        map.serialize_field("ip", &self.ip().map(|ip| ip.to_string()))?;
        map.serialize_field("user_agent", &self.user_agent())?;
        map.serialize_field("accept", &self.accept())?;
        map.serialize_field("path", &self.path())?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_fits_into_a_cache_line() {
        assert!(size_of::<AttemptEntry>() <= 64, "{}", size_of::<AttemptEntry>());
    }
}
