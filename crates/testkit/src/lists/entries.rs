//! Entries to put, and the whole of a list.

use std::time::Duration;

use lockout_core::{ListEntry, ListName, Timestamp};

use super::ExaminedLists;

/// When every case begins: long ago, so that a store that reads a clock of its own is found out.
pub(super) const START: Timestamp = Timestamp::from_millis(1_000_000_000_000);

pub(super) fn after(millis: u64) -> Timestamp {
    START.saturating_add(Duration::from_millis(millis))
}

pub(super) fn list(name: &str) -> ListName {
    name.parse().expect("a list's name")
}

/// The list of cases that need but one.
pub(super) fn devices() -> ListName {
    list("devices")
}

pub(super) fn entry(key: &str, value: &str) -> ListEntry {
    ListEntry::new(key, value, None).expect("an entry")
}

pub(super) fn until(key: &str, value: &str, until: Timestamp) -> ListEntry {
    ListEntry::new(key, value, Some(until)).expect("an entry")
}

pub(super) async fn put(lists: &ExaminedLists, list: &ListName, entry: &ListEntry) {
    lists.put(list, entry).await.expect("an entry is put");
}

pub(super) async fn remove(lists: &ExaminedLists, list: &ListName, key: &str) -> bool {
    lists.remove(list, key).await.expect("an entry is removed")
}

pub(super) async fn get(
    lists: &ExaminedLists,
    list: &ListName,
    key: &str,
    now: Timestamp,
) -> Option<ListEntry> {
    lists.get(list, key, now).await.expect("an entry is looked for")
}

pub(super) async fn version(lists: &ExaminedLists, list: &ListName) -> u64 {
    lists.version(list).await.expect("a version")
}

/// The whole list, with so many entries to a page.
pub(super) async fn whole(
    lists: &ExaminedLists,
    list: &ListName,
    limit: usize,
    now: Timestamp,
) -> Vec<ListEntry> {
    let (mut after, mut all) = (None, Vec::new());
    for _ in 0..10_000 {
        let page = lists.entries(list, after.as_ref(), limit, now).await.expect("a page");
        let most = limit.clamp(1, ListEntry::MOST_ON_A_PAGE);
        assert!(page.items.len() <= most, "a page is too long: {}", page.items.len());
        all.extend(page.items);
        match page.next {
            None => return all,
            next => after = next,
        }
    }
    panic!("the pages have no end");
}

pub(super) async fn everything(lists: &ExaminedLists, list: &ListName) -> Vec<ListEntry> {
    whole(lists, list, 100, START).await
}

/// In the order in which a list has them.
pub(super) fn sorted(mut entries: Vec<ListEntry>) -> Vec<ListEntry> {
    entries.sort_by(|one, other| one.key().cmp(other.key()));
    entries
}
