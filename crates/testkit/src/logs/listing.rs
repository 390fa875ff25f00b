//! What is appended, and what comes back.

use std::net::Ipv6Addr;
use std::sync::Arc;

use lockout_core::{Attempt, AttemptEntry, AttemptQuery, LoggedOutcome};

use super::ExaminedLog;
use super::entries::{
    after, append, everything, failure, failures, from, list, reversed, username,
};

pub(super) async fn an_empty_log_is_one_empty_page(log: ExaminedLog) {
    let queries = [
        AttemptQuery::default(),
        AttemptQuery { username: Some(username("alice")), ..AttemptQuery::default() },
        AttemptQuery { ip: Some(Ipv6Addr::LOCALHOST.into()), ..AttemptQuery::default() },
    ];
    for query in queries {
        let page = log.recent(&query).await.expect("a page");
        assert_eq!((page.items, page.next), (vec![], None), "{query:?}");
    }
}

pub(super) async fn entries_come_back_as_they_were_and_newest_first(log: ExaminedLog) {
    let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    let attempts = [
        Attempt::new(),
        Attempt::new().username("Alice"),
        Attempt::new().ip([192, 0, 2, 1]),
        Attempt::new().ip(v6),
        Attempt::new().ip([255, 255, 255, 255]).user_agent("curl/8.5.0"),
        from("bob", 1).accept("text/html").path("/login"),
        from("bob", 2).user_agent("Mozilla/5.0").accept("*/*").path("/"),
    ];
    let mut entries = Vec::new();
    for attempt in &attempts {
        for outcome in LoggedOutcome::ALL {
            let millis = u64::try_from(entries.len()).expect("few");
            entries.push(AttemptEntry::new(after(millis), attempt, outcome));
        }
    }
    for entry in &entries {
        append(&log, std::slice::from_ref(entry)).await;
    }
    assert_eq!(everything(&log).await, reversed(&entries));
}

pub(super) async fn entries_of_a_batch_keep_their_order(log: ExaminedLog) {
    let mut entries: Vec<_> = (0..10).map(|name| failure(5, &format!("user-{name}"))).collect();
    entries.extend(failures(6..16));
    append(&log, &entries).await;
    assert_eq!(everything(&log).await, reversed(&entries));
}

pub(super) async fn appending_nothing_changes_nothing(log: ExaminedLog) {
    append(&log, &[]).await;
    assert_eq!(everything(&log).await, []);
}

pub(super) async fn an_entry_that_comes_late_is_found_by_its_time(log: ExaminedLog) {
    append(&log, &failures([0, 2000, 3000])).await;
    let late = failure(1000, "late");
    append(&log, std::slice::from_ref(&late)).await;
    assert_eq!(everything(&log).await.len(), 4);
    let around = AttemptQuery {
        since: Some(after(500)),
        until: Some(after(1500)),
        ..AttemptQuery::default()
    };
    assert_eq!(list(&log, &around).await, std::slice::from_ref(&late));
    let named = AttemptQuery { username: Some(username("late")), ..around };
    assert_eq!(list(&log, &named).await, [late]);
    let newer = AttemptQuery { since: Some(after(1500)), ..AttemptQuery::default() };
    assert_eq!(list(&log, &newer).await, failures([3000, 2000]));
}

pub(super) async fn what_is_appended_at_once_is_all_there(log: ExaminedLog) {
    let writers: Vec<_> = (0..8_u64)
        .map(|writer| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for batch in 0..10 {
                    let first = (writer * 10 + batch) * 5;
                    append(&log, &failures(first..first + 5)).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("a writer ends");
    }
    let mut all: Vec<_> = everything(&log).await.iter().map(|entry| entry.at).collect();
    all.sort_unstable();
    assert_eq!(all, (0..400).map(after).collect::<Vec<_>>());
}
