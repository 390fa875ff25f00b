//! Pages.

use lockout_core::{Cursor, ListEntry, StoreErrorKind};

use super::ExaminedLists;
use super::entries::{START, after, devices, entry, put, remove, sorted, until, whole};

/// Entries whose keys have another order than they are put in.
fn some(count: usize) -> Vec<ListEntry> {
    let key = |number: usize| format!("key-{:03}", number * 37 % 100);
    (0..count).map(|number| entry(&key(number), &number.to_string())).collect()
}

pub(super) async fn pages_follow_one_another_in_the_order_of_keys(lists: ExaminedLists) {
    let entries = some(50);
    for entry in &entries {
        put(&lists, &devices(), entry).await;
    }
    let expected = sorted(entries);
    for limit in [1, 7, 10, 49, 50, 51] {
        assert_eq!(whole(&lists, &devices(), limit, START).await, expected, "pages of {limit}");
    }
}

pub(super) async fn a_page_shows_what_is_over_to_nobody(lists: ExaminedLists) {
    for number in 0..60 {
        let key = format!("key-{number:02}");
        // Most are over, and whole pages of them.
        let entry = match number % 20 {
            0 => entry(&key, ""),
            _ => until(&key, "", after(number)),
        };
        put(&lists, &devices(), &entry).await;
    }
    for limit in [1, 2, 5, 100] {
        let left = whole(&lists, &devices(), limit, after(59)).await;
        let keys: Vec<_> = left.iter().map(ListEntry::key).collect();
        assert_eq!(keys, ["key-00", "key-20", "key-40"], "pages of {limit}");
    }
}

pub(super) async fn others_who_change_a_list_hide_nothing_and_repeat_nothing(lists: ExaminedLists) {
    let entries = sorted(some(40));
    for entry in &entries {
        put(&lists, &devices(), entry).await;
    }
    let (mut next, mut seen) = (None, Vec::new());
    for round in 0..1_000 {
        assert!(round < 999, "the pages have no end");
        let page = lists.entries(&devices(), next.as_ref(), 3, START).await.expect("a page");
        seen.extend(page.items);
        next = page.next;
        if next.is_none() {
            break;
        }
        // Before the page, at its end, and what was put before goes again.
        put(&lists, &devices(), &entry(&format!("a-{round}"), "new")).await;
        if let Some(last) = seen.last() {
            let (key, value) = (last.key().to_owned(), last.value().to_owned());
            put(&lists, &devices(), &entry(&format!("{key}-"), "new")).await;
            remove(&lists, &devices(), &key).await;
            put(&lists, &devices(), &entry(&key, &value)).await;
        }
        if round > 0 {
            remove(&lists, &devices(), &format!("a-{}", round - 1)).await;
        }
    }
    seen.retain(|entry| entry.value() != "new");
    assert_eq!(seen, entries);
}

pub(super) async fn a_limit_of_zero_is_one_and_no_page_is_longer_than_the_most(
    lists: ExaminedLists,
) {
    let count = ListEntry::MOST_ON_A_PAGE + 2;
    for number in 0..count {
        put(&lists, &devices(), &entry(&format!("key-{number:04}"), "")).await;
    }
    let first = lists.entries(&devices(), None, 0, START).await.expect("a page");
    assert_eq!(first.items, [entry("key-0000", "")]);
    let second = lists.entries(&devices(), first.next.as_ref(), 0, START).await.expect("a page");
    assert_eq!(second.items, [entry("key-0001", "")]);
    let page = lists.entries(&devices(), None, usize::MAX, START).await.expect("a page");
    assert!(page.items.len() <= ListEntry::MOST_ON_A_PAGE, "{}", page.items.len());
    assert!(page.next.is_some());
    assert_eq!(whole(&lists, &devices(), usize::MAX, START).await.len(), count);
}

pub(super) async fn a_cursor_of_somebody_else_is_an_error(lists: ExaminedLists) {
    put(&lists, &devices(), &entry("a", "")).await;
    for text in ["", "x", "0", "-", "list", "list:", "list:\0", "username:alice", "\0"] {
        let cursor = Cursor(text.to_owned());
        for list in [devices(), super::entries::list("nobody")] {
            let error = lists.entries(&list, Some(&cursor), 10, START).await;
            let error = error.expect_err("this is nobody's cursor");
            assert_eq!(error.kind(), StoreErrorKind::Config, "{text:?}: {error}");
        }
    }
}
