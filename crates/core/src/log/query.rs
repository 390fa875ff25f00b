//! What is asked of a log.

use std::net::IpAddr;

use super::{AttemptEntry, LoggedOutcome};
use crate::clock::Timestamp;
use crate::names::Username;
use crate::store::Cursor;

/// Which attempts to list. What is `None` does not restrict; everything else must hold.
///
/// ```
/// use lockout_core::{AttemptQuery, LoggedOutcome, Username};
///
/// let failures_of_alice = AttemptQuery {
///     username: Username::new("Alice"),
///     outcome: Some(LoggedOutcome::Failed),
///     ..AttemptQuery::default()
/// };
/// # assert!(failures_of_alice.username.is_some());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptQuery {
    /// Those with this username, as it is counted.
    pub username: Option<Username>,
    /// Those from this address. An IPv4-mapped IPv6 address is the IPv4 address.
    pub ip: Option<IpAddr>,
    /// Those with this outcome.
    pub outcome: Option<LoggedOutcome>,
    /// Those at this time or later.
    pub since: Option<Timestamp>,
    /// Those before this time.
    pub until: Option<Timestamp>,
    /// Where the page before this one ended.
    pub after: Option<Cursor>,
    /// The most that a page may hold; see [`page_limit`](Self::page_limit).
    pub limit: usize,
}

impl AttemptQuery {
    /// The most that any page may hold.
    pub const MAX_LIMIT: usize = 1000;

    /// The most that this page may hold: [`limit`](Self::limit), but at least one and at most
    /// [`MAX_LIMIT`](Self::MAX_LIMIT).
    #[must_use]
    pub fn page_limit(&self) -> usize {
        self.limit.clamp(1, Self::MAX_LIMIT)
    }

    /// The address to look for, in the form in which [`AttemptEntry::ip`] gives it.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.ip.map(|address| address.to_canonical())
    }

    /// Whether it asks for `entry`, wherever the page begins.
    #[must_use]
    pub fn wants(&self, entry: &AttemptEntry) -> bool {
        self.since.is_none_or(|since| since <= entry.at)
            && self.until.is_none_or(|until| entry.at < until)
            && self.outcome.is_none_or(|outcome| outcome == entry.outcome)
            && self.ip.is_none_or(|_| self.address() == entry.ip())
            && self.username.as_ref().is_none_or(|name| Some(name) == entry.username())
    }
}

impl Default for AttemptQuery {
    /// Every attempt, a hundred to a page.
    fn default() -> Self {
        Self {
            username: None,
            ip: None,
            outcome: None,
            since: None,
            until: None,
            after: None,
            limit: 100,
        }
    }
}
