//! When an entry is over.

use lockout_core::Timestamp;

use super::ExaminedLists;
use super::entries::{START, after, devices, entry, get, put, until, whole};

/// Whether `key` is there at that time, for those who look for it as for those who list.
async fn is_there(lists: &ExaminedLists, key: &str, now: Timestamp) -> bool {
    let found = get(lists, &devices(), key, now).await;
    let listed = whole(lists, &devices(), 10, now).await;
    let listed = listed.into_iter().find(|entry| entry.key() == key);
    assert_eq!(found, listed, "{key} at {now:?}");
    found.is_some()
}

pub(super) async fn an_entry_is_over_at_its_very_instant(lists: ExaminedLists) {
    put(&lists, &devices(), &until("a", "", after(1_000))).await;
    put(&lists, &devices(), &until("b", "", START)).await;
    put(&lists, &devices(), &entry("c", "")).await;
    for (at, there) in [(0, true), (999, true), (1_000, false), (1_001, false)] {
        assert_eq!(is_there(&lists, "a", after(at)).await, there, "after {at} ms");
        assert!(!is_there(&lists, "b", after(at)).await);
        assert!(is_there(&lists, "c", after(at)).await);
    }
    assert!(is_there(&lists, "a", after(999)).await, "a clock steps back a little");
    assert!(!is_there(&lists, "a", after(1_000_000_000_000)).await);
    assert!(is_there(&lists, "c", after(1_000_000_000_000)).await, "without an end");
}

pub(super) async fn an_end_can_be_moved_and_taken_away(lists: ExaminedLists) {
    for (end, there_at_10) in
        [(Some(5), false), (Some(20), true), (Some(10), false), (None, true), (Some(11), true)]
    {
        let entry = match end {
            Some(end) => until("a", "", after(end)),
            None => entry("a", ""),
        };
        put(&lists, &devices(), &entry).await;
        assert_eq!(is_there(&lists, "a", after(10)).await, there_at_10, "until {end:?}");
    }
}

pub(super) async fn an_entry_that_is_over_can_be_put_again(lists: ExaminedLists) {
    for round in 0..30_u64 {
        // Far apart, so that what is over is deleted where that is done by the way.
        let begin = round * 100_000_000;
        put(&lists, &devices(), &until("a", "", after(begin + 10))).await;
        assert!(is_there(&lists, "a", after(begin)).await);
        assert!(!is_there(&lists, "a", after(begin + 10)).await);
    }
    put(&lists, &devices(), &entry("a", "for ever")).await;
    assert!(is_there(&lists, "a", after(1 << 40)).await);
}
