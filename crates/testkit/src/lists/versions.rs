//! How others learn that a list has changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use lockout_core::ListName;
use tokio::task::JoinSet;

use super::ExaminedLists;
use super::entries::{
    START, after, devices, entry, everything, get, list, put, remove, until, version,
};

async fn reads(lists: &ExaminedLists, list: &ListName) {
    for now in [START, after(1_000_000_000)] {
        get(lists, list, "a", now).await;
        lists.entries(list, None, 10, now).await.expect("a page");
    }
    everything(lists, list).await;
}

pub(super) async fn a_version_differs_after_each_change_and_not_without(lists: ExaminedLists) {
    assert_eq!(version(&lists, &devices()).await, 0);
    assert!(!remove(&lists, &devices(), "a").await);
    assert_eq!(version(&lists, &devices()).await, 0);
    let mut before = 0;
    for change in [
        Some(entry("a", "1")),
        Some(entry("a", "2")),
        Some(until("a", "2", after(1 << 40))),
        None,
        Some(until("a", "2", after(1 << 40))),
        // Whose end is seen by some of those who read.
        Some(until("b", "", after(10))),
        None,
    ] {
        match &change {
            Some(entry) => put(&lists, &devices(), entry).await,
            None => assert!(remove(&lists, &devices(), "a").await),
        }
        let now = version(&lists, &devices()).await;
        assert_ne!(now, before, "{change:?}");
        reads(&lists, &devices()).await;
        assert!(!remove(&lists, &devices(), "nobody").await);
        assert_eq!(version(&lists, &devices()).await, now, "{change:?}");
        before = now;
    }
}

pub(super) async fn a_version_is_of_its_own_list(lists: ExaminedLists) {
    let (one, other) = (list("one"), list("other"));
    put(&lists, &one, &entry("a", "")).await;
    assert_eq!(version(&lists, &other).await, 0);
    put(&lists, &other, &entry("a", "")).await;
    let before = version(&lists, &other).await;
    put(&lists, &one, &entry("b", "")).await;
    remove(&lists, &one, "a").await;
    assert_eq!(version(&lists, &other).await, before);
}

pub(super) async fn a_version_is_never_that_of_another_time(lists: ExaminedLists) {
    let mut seen = BTreeSet::from([0]);
    for round in 0..10 {
        for number in 0..3 {
            put(&lists, &devices(), &entry(&number.to_string(), &round.to_string())).await;
            assert!(seen.insert(version(&lists, &devices()).await));
        }
        for number in 0..3 {
            assert!(remove(&lists, &devices(), &number.to_string()).await);
            assert!(
                seen.insert(version(&lists, &devices()).await),
                "an empty list is not a new one"
            );
        }
    }
}

pub(super) async fn changes_at_once_are_all_seen_in_the_version(lists: ExaminedLists) {
    let mut tasks = JoinSet::new();
    for number in 0..16 {
        let lists = Arc::clone(&lists);
        tasks.spawn(async move {
            let key = format!("key-{number}");
            put(&lists, &devices(), &entry(&key, "")).await;
            // Whoever has read the version has it for what he reads next, or for less.
            let before = version(&lists, &devices()).await;
            assert!(get(&lists, &devices(), &key, START).await.is_some());
            assert!(remove(&lists, &devices(), &key).await);
            assert_ne!(version(&lists, &devices()).await, before);
        });
    }
    tasks.join_all().await;
    assert_eq!(everything(&lists, &devices()).await, []);
}
