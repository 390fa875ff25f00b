//! An entry as the columns of its row.

use std::borrow::Cow;
use std::net::IpAddr;

use lockout_core::{Attempt, AttemptEntry, LoggedOutcome, Timestamp, Username};
use serde::Serialize;

use crate::keys::{escaped, unescaped};
use crate::row::millis;

/// What a row is read as: at, id, outcome, ip, username, `user_agent`, accept, path.
pub(crate) type AttemptColumns = (
    i64,
    i64,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// A row to be appended.
#[derive(Debug, Serialize)]
pub(super) struct Appended<'a> {
    at: i64,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accept: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Cow<'a, str>>,
}

impl<'a> Appended<'a> {
    pub(super) fn of(entry: &'a AttemptEntry) -> Self {
        Self {
            at: millis(entry.at),
            outcome: entry.outcome.as_str(),
            ip: entry.ip(),
            username: entry.username().map(Username::as_str).map(escaped),
            user_agent: entry.user_agent().map(escaped),
            accept: entry.accept().map(escaped),
            path: entry.path().map(escaped),
        }
    }
}

/// The entry of a row; `None` if it is none.
pub(super) fn entry_of(columns: &AttemptColumns) -> Option<AttemptEntry> {
    let (at, _, outcome, ip, username, user_agent, accept, path) = columns;
    let at = Timestamp::from_millis(u64::try_from(*at).ok()?);
    let mut attempt = Attempt::new();
    if let Some(ip) = ip {
        attempt = attempt.ip(ip.parse::<IpAddr>().ok()?);
    }
    if let Some(username) = username {
        attempt = attempt.username(&unescaped(username)?);
    }
    if let Some(user_agent) = user_agent {
        attempt = attempt.user_agent(&unescaped(user_agent)?);
    }
    if let Some(accept) = accept {
        attempt = attempt.accept(&unescaped(accept)?);
    }
    if let Some(path) = path {
        attempt = attempt.path(&unescaped(path)?);
    }
    Some(AttemptEntry::new(at, &attempt, outcome.parse::<LoggedOutcome>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_no_entry_is_found_out() {
        let row = |at, outcome: &str, ip: Option<&str>, username: Option<&str>| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            entry_of(&(at, 1, outcome.into(), owned(ip), owned(username), None, None, None))
        };
        assert!(row(5, "failed", Some("2001:db8::1"), Some("alice")).is_some());
        assert!(row(5, "failed", None, None).is_some());
        assert_eq!(row(-5, "failed", None, None), None);
        assert_eq!(row(5, "of_a_later_version", None, None), None);
        assert_eq!(row(5, "failed", Some("localhost"), None), None);
        assert_eq!(row(5, "failed", None, Some("a\u{1}2")), None);
    }
}
