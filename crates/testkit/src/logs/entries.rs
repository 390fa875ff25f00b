//! Entries to append, and the whole of a list.

use std::time::Duration;

use lockout_core::{
    Attempt, AttemptEntry, AttemptQuery, LoggedOutcome, Result, Timestamp, Username,
};

use super::ExaminedLog;

/// When every case begins: long ago, so that a log that reads a clock of its own is found out.
pub(super) const START: Timestamp = Timestamp::from_millis(1_000_000_000_000);

pub(super) fn after(millis: u64) -> Timestamp {
    START.saturating_add(Duration::from_millis(millis))
}

pub(super) fn username(name: &str) -> Username {
    Username::new(name).expect("a name")
}

/// An attempt of `name` from the address 198.51.100.`host`.
pub(super) fn from(name: &str, host: u8) -> Attempt {
    Attempt::new().username(name).ip([198, 51, 100, host])
}

/// A failure of `name` at `millis` after the start.
pub(super) fn failure(millis: u64, name: &str) -> AttemptEntry {
    AttemptEntry::new(after(millis), &from(name, 7), LoggedOutcome::Failed)
}

/// A failure at each of these times, which also names it.
pub(super) fn failures(millis: impl IntoIterator<Item = u64>) -> Vec<AttemptEntry> {
    millis.into_iter().map(|millis| failure(millis, &format!("user-{millis}"))).collect()
}

pub(super) async fn append(log: &ExaminedLog, entries: &[AttemptEntry]) {
    log.append(entries).await.expect("entries are appended");
}

/// The whole list of `query`, page by page.
pub(super) async fn list(log: &ExaminedLog, query: &AttemptQuery) -> Vec<AttemptEntry> {
    follow(log, query).await.expect("a list")
}

async fn follow(log: &ExaminedLog, query: &AttemptQuery) -> Result<Vec<AttemptEntry>> {
    let (mut query, mut all) = (query.clone(), Vec::new());
    for _ in 0..10_000 {
        let page = log.recent(&query).await?;
        assert!(page.items.len() <= query.page_limit(), "a page is too long: {}", page.items.len());
        all.extend(page.items);
        match page.next {
            None => return Ok(all),
            next => query.after = next,
        }
    }
    panic!("the pages have no end");
}

pub(super) async fn everything(log: &ExaminedLog) -> Vec<AttemptEntry> {
    list(log, &AttemptQuery::default()).await
}

/// Newest first.
pub(super) fn reversed(entries: &[AttemptEntry]) -> Vec<AttemptEntry> {
    entries.iter().rev().cloned().collect()
}
