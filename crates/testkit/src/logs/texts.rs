//! What clients send.

use lockout_core::{Attempt, AttemptEntry, AttemptQuery, LoggedOutcome};

use super::ExaminedLog;
use super::entries::{after, append, everything, failure, list, reversed};

/// Names of which each must be itself and nobody else. None is another one's folded form.
const ODD: &[&str] = &[
    "a\0b",
    "a",
    "a\0",
    "\0",
    "ab",
    "a\r\nb",
    "a\nb",
    "a\tb",
    "a'b",
    "a\"b",
    "a\\b",
    "a`b",
    "a;b--",
    "'; drop table attempts; --",
    "a%b",
    "a_b",
    "{a}b",
    "a}b{",
    "a:b",
    "a|b",
    "a b",
    "a  b",
    "a+b",
    "a%00b",
    "\\0",
    "\\x00",
    "null",
    "ä",
    "a\u{308}b",
    "ß",
    "😀",
    "👩\u{200d}🚀",
    "a\u{200b}b",
    "a\u{202e}b",
    "\u{ffff}",
    "\u{fffd}",
    "\u{10ffff}",
    "<script>alert(1)</script>",
    "a@example.org",
];

pub(super) async fn no_character_of_a_name_is_lost_or_means_anything(log: ExaminedLog) {
    let entries: Vec<_> = (0..).zip(ODD).map(|(at, name)| failure(at, name)).collect();
    append(&log, &entries).await;
    assert_eq!(everything(&log).await, reversed(&entries));
    for (name, entry) in ODD.iter().zip(&entries) {
        let query = AttemptQuery { username: entry.username().cloned(), ..AttemptQuery::default() };
        assert_eq!(list(&log, &query).await, std::slice::from_ref(entry), "{name:?}");
    }
}

pub(super) async fn odd_texts_come_back_as_they_were(log: ExaminedLog) {
    let entry = |(at, text): (u64, &&str)| {
        let attempt = Attempt::new().user_agent(text).accept(text).path(text);
        AttemptEntry::new(after(at), &attempt, LoggedOutcome::Failed)
    };
    let entries: Vec<_> = (0..).zip(ODD).map(entry).collect();
    append(&log, &entries).await;
    assert_eq!(everything(&log).await, reversed(&entries));
}

pub(super) async fn the_longest_entry_comes_back_as_it_was(log: ExaminedLog) {
    let mut entries = Vec::new();
    for (at, long) in (0..).zip(["x", "ä", "\u{1f600}", "\u{10ffff}", "\0", "\u{130}"]) {
        let name = long.repeat(1_000);
        let long = long.repeat(100_000);
        let attempt = Attempt::new().username(&name).user_agent(&long).accept(&long).path(&long);
        entries.push(AttemptEntry::new(after(at), &attempt, LoggedOutcome::Failed));
    }
    append(&log, &entries).await;
    assert_eq!(everything(&log).await, reversed(&entries));
    for entry in &entries {
        let query = AttemptQuery { username: entry.username().cloned(), ..AttemptQuery::default() };
        assert_eq!(list(&log, &query).await, std::slice::from_ref(entry));
    }
}
