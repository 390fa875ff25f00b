//! Pages.

use lockout_core::{AttemptQuery, Cursor, StoreErrorKind};

use super::ExaminedLog;
use super::entries::{append, everything, failure, failures, list, reversed, username};

fn pages_of(limit: usize) -> AttemptQuery {
    AttemptQuery { limit, ..AttemptQuery::default() }
}

pub(super) async fn pages_follow_one_another_without_gap_or_repeat(log: ExaminedLog) {
    let entries = failures(0..50);
    append(&log, &entries).await;
    for limit in [1, 7, 10, 49, 50, 51] {
        assert_eq!(list(&log, &pages_of(limit)).await, reversed(&entries), "pages of {limit}");
    }
}

pub(super) async fn entries_of_one_time_keep_one_order_over_pages(log: ExaminedLog) {
    let entries: Vec<_> = (0..60).map(|name| failure(5, &format!("user-{name}"))).collect();
    for entries in entries.chunks(20) {
        append(&log, entries).await;
    }
    for limit in [1, 7, 20, 60] {
        assert_eq!(list(&log, &pages_of(limit)).await, reversed(&entries), "pages of {limit}");
    }
}

pub(super) async fn others_who_append_hide_nothing_and_repeat_nothing(log: ExaminedLog) {
    let entries = failures(0..40);
    append(&log, &entries).await;
    let (mut query, mut seen, mut newer) = (pages_of(3), Vec::new(), 40);
    loop {
        let page = log.recent(&query).await.expect("a page");
        seen.extend(page.items);
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
        append(&log, &failures(newer..newer + 5)).await;
        newer += 5;
        assert!(newer < 1000, "the pages have no end");
    }
    assert_eq!(seen, reversed(&entries));
}

pub(super) async fn a_limit_of_zero_is_one_and_no_page_is_longer_than_the_most(log: ExaminedLog) {
    let most = u64::try_from(AttemptQuery::MAX_LIMIT).expect("few");
    let entries = failures(0..most + 2);
    for entries in entries.chunks(100) {
        append(&log, entries).await;
    }
    let first = log.recent(&pages_of(0)).await.expect("a page");
    assert_eq!(first.items, entries[entries.len() - 1..]);
    let second = AttemptQuery { after: first.next, ..pages_of(0) };
    let second = log.recent(&second).await.expect("a page");
    assert_eq!(second.items, entries[entries.len() - 2..entries.len() - 1]);
    let whole = log.recent(&pages_of(usize::MAX)).await.expect("a page");
    assert!((1..=AttemptQuery::MAX_LIMIT).contains(&whole.items.len()), "{}", whole.items.len());
    assert!(whole.next.is_some());
    assert_eq!(everything(&log).await.len(), entries.len());
}

pub(super) async fn a_cursor_of_somebody_else_is_an_error(log: ExaminedLog) {
    append(&log, &failures(0..3)).await;
    let cursors =
        ["", "x", "0", "-", "1-1", "memory", "username:alice", "\0", "9".repeat(99).as_str()]
            .map(|text| Cursor(text.to_owned()));
    for cursor in cursors {
        for username in [None, Some(username("user-1"))] {
            let query =
                AttemptQuery { after: Some(cursor.clone()), username, ..AttemptQuery::default() };
            let error = log.recent(&query).await.expect_err("this is nobody's cursor");
            assert_eq!(error.kind(), StoreErrorKind::Config, "{cursor:?}: {error}");
        }
    }
}
