//! Putting and removing.

use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::ExaminedLists;
use super::entries::{
    START, after, devices, entry, everything, get, list, put, remove, sorted, until, version,
};

/// How many do something at once.
const MANY: usize = 32;

pub(super) async fn a_list_that_nobody_touched_is_empty(lists: ExaminedLists) {
    assert_eq!(get(&lists, &devices(), "a", START).await, None);
    assert_eq!(everything(&lists, &devices()).await, []);
    assert!(!remove(&lists, &devices(), "a").await);
    assert_eq!(version(&lists, &devices()).await, 0);
}

pub(super) async fn what_is_put_is_found_as_it_was(lists: ExaminedLists) {
    let entries = [
        entry("a", ""),
        entry("b", "some value"),
        until("c", "", after(1)),
        until("d", "value", after(4_000_000_000_000)),
        until("e", "value", lockout_core::Timestamp::from_millis(i64::MAX.unsigned_abs() - 1)),
    ];
    for entry in &entries {
        put(&lists, &devices(), entry).await;
    }
    for entry in &entries {
        assert_eq!(get(&lists, &devices(), entry.key(), START).await.as_ref(), Some(entry));
    }
    assert_eq!(everything(&lists, &devices()).await, entries);
    assert_eq!(get(&lists, &devices(), "f", START).await, None);
}

pub(super) async fn what_is_put_again_is_replaced(lists: ExaminedLists) {
    for entry in [
        entry("a", "first"),
        entry("a", ""),
        until("a", "third", after(5)),
        until("a", "fourth", after(50)),
        entry("a", "last"),
    ] {
        put(&lists, &devices(), &entry).await;
        assert_eq!(everything(&lists, &devices()).await, std::slice::from_ref(&entry));
        assert_eq!(get(&lists, &devices(), "a", START).await, Some(entry));
    }
}

pub(super) async fn what_is_removed_is_gone_and_can_be_put_again(lists: ExaminedLists) {
    for round in 0..3 {
        let (one, other) = (entry("a", &round.to_string()), until("b", "stays", after(9)));
        put(&lists, &devices(), &one).await;
        put(&lists, &devices(), &other).await;
        assert_eq!(everything(&lists, &devices()).await, [one, other.clone()]);
        assert!(remove(&lists, &devices(), "a").await);
        assert_eq!(get(&lists, &devices(), "a", START).await, None);
        assert_eq!(everything(&lists, &devices()).await, [other]);
        assert!(!remove(&lists, &devices(), "a").await, "it is gone already");
    }
    assert!(remove(&lists, &devices(), "b").await);
    assert_eq!(everything(&lists, &devices()).await, []);
}

pub(super) async fn lists_do_not_mix(lists: ExaminedLists) {
    let names = ["a", "aa", "a.a", "a/a", "a-a", "a_a", "version", "entries", &"x".repeat(64)];
    for name in names {
        for key in ["a", "aa", "a.a", "a/a", "x"] {
            put(&lists, &list(name), &entry(key, name)).await;
        }
    }
    for name in names {
        let found = everything(&lists, &list(name)).await;
        let keys: Vec<_> = found.iter().map(|entry| entry.key()).collect();
        assert_eq!(keys, ["a", "a.a", "a/a", "aa", "x"], "{name}");
        assert!(found.iter().all(|entry| entry.value() == name), "{name}");
    }
    assert!(remove(&lists, &list("a"), "a").await);
    for name in &names[1..] {
        assert!(get(&lists, &list(name), "a", START).await.is_some(), "{name}");
    }
}

/// What becomes of something that many do at once, each told who he is.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    lists: &ExaminedLists,
    act: impl Fn(ExaminedLists, usize) -> F,
) -> Vec<T> {
    let released = Arc::new(Barrier::new(MANY));
    let mut tasks = JoinSet::new();
    for number in 0..MANY {
        let (released, act) = (Arc::clone(&released), act(Arc::clone(lists), number));
        tasks.spawn(async move {
            released.wait().await;
            act.await
        });
    }
    tasks.join_all().await
}

pub(super) async fn what_is_put_at_once_is_all_there(lists: ExaminedLists) {
    let entries = move |number: usize| {
        let own = entry(&format!("own-{number:02}"), &number.to_string());
        let shared = |key: usize| until(&format!("shared-{key}"), "everybody's", after(7));
        [shared(number % 3), own, shared((number + 1) % 3)]
    };
    at_once(&lists, move |lists, number| async move {
        for entry in entries(number) {
            put(&lists, &devices(), &entry).await;
        }
    })
    .await;
    let mut expected: Vec<_> = (0..MANY).flat_map(entries).collect();
    expected.sort();
    expected.dedup();
    assert_eq!(everything(&lists, &devices()).await, sorted(expected));
}

pub(super) async fn of_many_who_remove_an_entry_one_is_told(lists: ExaminedLists) {
    put(&lists, &devices(), &entry("a", "")).await;
    put(&lists, &devices(), &entry("b", "")).await;
    let told =
        at_once(&lists, |lists, _| async move { remove(&lists, &devices(), "a").await }).await;
    assert_eq!(told.into_iter().filter(|told| *told).count(), 1);
    assert_eq!(everything(&lists, &devices()).await, [entry("b", "")]);
}

pub(super) async fn whoever_puts_and_removes_at_once_leaves_it_whole(lists: ExaminedLists) {
    at_once(&lists, |lists, number| async move {
        for round in 0..4 {
            let own = entry(&format!("own-{number:02}"), &round.to_string());
            put(&lists, &devices(), &own).await;
            put(&lists, &devices(), &entry("everybody's", "")).await;
            remove(&lists, &devices(), "everybody's").await;
            assert_eq!(get(&lists, &devices(), own.key(), START).await.as_ref(), Some(&own));
            assert!(remove(&lists, &devices(), own.key()).await);
            put(&lists, &devices(), &own).await;
        }
    })
    .await;
    let expected: Vec<_> =
        (0..MANY).map(|number| entry(&format!("own-{number:02}"), "3")).collect();
    assert_eq!(everything(&lists, &devices()).await, expected);
}
