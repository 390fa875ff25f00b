//! Cleaning up.

use lockout_core::{AttemptQuery, prune_all};

use super::ExaminedLog;
use super::entries::{after, append, everything, failure, failures, list, reversed, username};

async fn prune(log: &ExaminedLog, before: u64, limit: usize) -> usize {
    log.prune(after(before), limit).await.expect("entries are pruned")
}

pub(super) async fn pruning_an_empty_log_deletes_nothing(log: ExaminedLog) {
    assert_eq!(prune(&log, 1000, 10).await, 0);
}

pub(super) async fn pruning_deletes_exactly_what_is_older(log: ExaminedLog) {
    let entries = failures(0..20);
    append(&log, &entries).await;
    assert_eq!(prune(&log, 0, 100).await, 0);
    assert_eq!(prune(&log, 7, 100).await, 7);
    assert_eq!(everything(&log).await, reversed(&entries[7..]));
    assert_eq!(prune(&log, 7, 100).await, 0);
    assert_eq!(prune(&log, 1000, 100).await, 13);
    assert_eq!(everything(&log).await, []);
    // A log that was emptied is as good as new.
    append(&log, &failures(30..33)).await;
    assert_eq!(everything(&log).await, reversed(&failures(30..33)));
}

pub(super) async fn pruning_is_bounded_and_takes_the_oldest_first(log: ExaminedLog) {
    let entries = failures(0..20);
    append(&log, &entries).await;
    assert_eq!(prune(&log, 15, 6).await, 6);
    assert_eq!(everything(&log).await, reversed(&entries[6..]));
    assert_eq!(prune(&log, 15, 6).await, 6);
    assert_eq!(prune(&log, 15, 6).await, 3);
    assert_eq!(everything(&log).await, reversed(&entries[15..]));
    assert_eq!(prune(&log, 1000, 0).await, 1, "a limit of zero is one");
}

pub(super) async fn entries_of_one_time_are_pruned_within_the_bound(log: ExaminedLog) {
    let entries: Vec<_> = (0..10).map(|name| failure(5, &format!("user-{name}"))).collect();
    append(&log, &entries).await;
    assert_eq!(prune(&log, 6, 4).await, 4);
    assert_eq!(everything(&log).await, reversed(&entries[4..]));
    assert_eq!(prune(&log, 6, 100).await, 6);
    assert_eq!(everything(&log).await, []);
}

pub(super) async fn what_is_pruned_is_found_by_no_filter(log: ExaminedLog) {
    let names = ["alice", "bob", "alice", "bob", "alice"];
    let entries: Vec<_> = (0..).zip(names).map(|(at, name)| failure(at, name)).collect();
    append(&log, &entries).await;
    assert_eq!(prune(&log, 4, 100).await, 4);
    for name in ["alice", "bob"] {
        let named = AttemptQuery { username: Some(username(name)), ..AttemptQuery::default() };
        let left = if name == "alice" { &entries[4..] } else { &[] };
        assert_eq!(list(&log, &named).await, left, "{name}");
    }
    let from = AttemptQuery { ip: entries[0].ip(), ..AttemptQuery::default() };
    assert_eq!(list(&log, &from).await, &entries[4..]);
    let failed = AttemptQuery { outcome: Some(entries[0].outcome), ..AttemptQuery::default() };
    assert_eq!(list(&log, &failed).await, &entries[4..]);
}

pub(super) async fn pruning_all_goes_on_until_nothing_older_is_left(log: ExaminedLog) {
    let entries = failures(0..60);
    append(&log, &entries).await;
    let mut told = Vec::new();
    let pruned = prune_all(&log, after(50), 20, |deleted| told.push(deleted)).await;
    assert_eq!(pruned.expect("entries are pruned"), 50);
    assert_eq!(told, [20, 40, 50]);
    assert_eq!(everything(&log).await, reversed(&entries[50..]));
}

pub(super) async fn a_page_goes_on_after_its_end_was_pruned(log: ExaminedLog) {
    let entries = failures(0..20);
    append(&log, &entries).await;
    let query = AttemptQuery { limit: 5, ..AttemptQuery::default() };
    let first = log.recent(&query).await.expect("a page");
    assert_eq!(first.items, reversed(&entries[15..]));
    assert_eq!(prune(&log, 17, 100).await, 17);
    let rest = list(&log, &AttemptQuery { after: first.next, ..query }).await;
    assert_eq!(rest, []);
}
