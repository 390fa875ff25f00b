//! What keys and values may hold.

use lockout_core::ListEntry;

use super::ExaminedLists;
use super::entries::{START, devices, entry, everything, get, put, remove, sorted, version};

/// Keys of which each must be itself and nobody else.
const ODD: &[&str] = &[
    "a",
    "A",
    "a ",
    " a",
    " ",
    "  ",
    "aa",
    "ab",
    "a b",
    "a:b",
    "a|b",
    "a/b",
    "a%b",
    "a_b",
    "%",
    "_",
    "a%",
    "*",
    "a*",
    "[a]",
    "(a",
    "-",
    "+",
    "a'b",
    "a\"b",
    "a\\b",
    "a`b",
    "\\0",
    "\\x00",
    "'; drop table lists; --",
    "{a}b",
    "a}b{",
    "$1",
    "?",
    "null",
    "0",
    "00",
    "1",
    "-1",
    "1e3",
    "version",
    "list:a",
    "ä",
    "Ä",
    "a\u{308}",
    "ß",
    "ss",
    "ı",
    "i",
    "I",
    "ﬁ",
    "fi",
    "😀",
    "👩\u{200d}🚀",
    "a\u{200b}",
    "a\u{a0}",
    "a\u{3000}",
    "\u{202e}a",
    "\u{feff}a",
    "\u{fffd}",
    "\u{ffff}",
    "\u{10ffff}",
    "<script>alert(1)</script>",
    "username:alice",
    "username:Alice",
    "network:2001:db8::/32",
];

pub(super) async fn no_character_of_a_key_is_lost_or_means_anything(lists: ExaminedLists) {
    let entries: Vec<_> = ODD.iter().map(|text| entry(text, text)).collect();
    for entry in &entries {
        assert_eq!(get(&lists, &devices(), entry.key(), START).await, None, "{entry:?}");
        put(&lists, &devices(), entry).await;
    }
    assert_eq!(everything(&lists, &devices()).await, sorted(entries.clone()));
    for entry in &entries {
        assert_eq!(get(&lists, &devices(), entry.key(), START).await.as_ref(), Some(entry));
    }
    for (number, entry) in entries.iter().enumerate() {
        assert!(remove(&lists, &devices(), entry.key()).await, "{entry:?}");
        let left = sorted(entries[number + 1..].to_vec());
        assert_eq!(everything(&lists, &devices()).await, left, "{entry:?}");
    }
}

pub(super) async fn the_longest_entry_comes_back_as_it_was(lists: ExaminedLists) {
    let mut entries = Vec::new();
    for long in ["x", "ä", "\u{1f600}", "\u{10ffff}", " ", "'", "\\"] {
        let (key, value) = (ListEntry::MAX_KEY_CHARS, ListEntry::MAX_VALUE_CHARS);
        for key in [key, key - 1] {
            entries.push(entry(&long.repeat(key), &long.repeat(value)));
        }
    }
    for entry in &entries {
        put(&lists, &devices(), entry).await;
    }
    for entry in &entries {
        assert_eq!(get(&lists, &devices(), entry.key(), START).await.as_ref(), Some(entry));
    }
    assert_eq!(everything(&lists, &devices()).await, sorted(entries));
}

pub(super) async fn what_no_entry_can_be_called_is_not_there(lists: ExaminedLists) {
    put(&lists, &devices(), &entry("a", "")).await;
    let before = version(&lists, &devices()).await;
    let long = "x".repeat(ListEntry::MAX_KEY_CHARS + 1);
    let longer = "x".repeat(100_000);
    for key in ["", "\0", "a\0", "a\0b", "a\n", "\u{1}", "\u{7f}", "\u{85}", &long, &longer] {
        assert_eq!(get(&lists, &devices(), key, START).await, None, "{key:?}");
        assert!(!remove(&lists, &devices(), key).await, "{key:?}");
    }
    assert_eq!(version(&lists, &devices()).await, before);
    assert_eq!(everything(&lists, &devices()).await, [entry("a", "")]);
}
