//! An entry of a list.

use thiserror::Error;

use crate::clock::Timestamp;
use crate::error::{Effect, Result, StoreError, StoreErrorKind};
use crate::store::{Cursor, Page};

/// What a cursor of a list begins with.
const CURSOR: &str = "list:";

/// An entry of a list: a key, a value, and when it is over. What exists is within the bounds, so no
/// store has to look.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListEntry {
    key: String,
    value: String,
    until: Option<Timestamp>,
}

impl ListEntry {
    /// The most characters of a key, of which there is at least one.
    pub const MAX_KEY_CHARS: usize = 300;

    /// The most characters of a value, which may be empty.
    pub const MAX_VALUE_CHARS: usize = 255;

    /// The most entries of one page.
    pub const MOST_ON_A_PAGE: usize = 1000;

    /// An entry that is over at `until`; `None`: never.
    ///
    /// Key and value may hold any characters but control characters, which some databases lack. An
    /// end that is 2^63 - 1 milliseconds or more after 1970 is never.
    ///
    /// # Errors
    /// If key or value is too long or holds a control character, or if the key is empty.
    pub fn new(
        key: impl Into<String>,
        value: impl Into<String>,
        until: Option<Timestamp>,
    ) -> Result<Self, ListError> {
        let (key, value) = (key.into(), value.into());
        if !Self::is_key(&key) {
            return Err(ListError::Key);
        }
        if !is_text(&value, Self::MAX_VALUE_CHARS) {
            return Err(ListError::Value);
        }
        let until = until.filter(|until| until.as_millis() < i64::MAX.unsigned_abs());
        Ok(Self { key, value, until })
    }

    /// Whether an entry may have this key.
    #[must_use]
    pub fn is_key(text: &str) -> bool {
        !text.is_empty() && is_text(text, Self::MAX_KEY_CHARS)
    }

    /// What it is found by.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What it says.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// When it is over; `None`: never.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Whether it is as good as none at `now`: from its end on.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

fn is_text(text: &str, most: usize) -> bool {
    text.chars().nth(most).is_none() && !text.contains(char::is_control)
}

impl Cursor {
    /// A cursor for lists: it names the last entry of a page.
    #[must_use]
    pub fn of_entry(entry: &ListEntry) -> Self {
        Self(format!("{CURSOR}{}", entry.key))
    }

    /// The key of a cursor that [`of_entry`](Self::of_entry) made, for `store` (its name in errors).
    ///
    /// # Errors
    /// If it is not one.
    pub fn entry_key(&self, store: &'static str) -> Result<&str> {
        let key = self.0.strip_prefix(CURSOR).filter(|key| ListEntry::is_key(key));
        key.ok_or_else(|| Self::foreign(store))
    }
}

impl Page<ListEntry> {
    /// The first `limit` of `entries`, which come in the order of their keys, and a cursor if there
    /// are more. The limit is at least one and at most [`ListEntry::MOST_ON_A_PAGE`].
    pub fn of_entries(entries: impl IntoIterator<Item = ListEntry>, limit: usize) -> Self {
        let mut entries = entries.into_iter();
        let limit = limit.clamp(1, ListEntry::MOST_ON_A_PAGE);
        let items: Vec<_> = entries.by_ref().take(limit).collect();
        let more = entries.next().is_some();
        let next = items.last().filter(|_| more).map(Cursor::of_entry);
        Self { items, next }
    }
}

/// Why something is no part of a list. It does not repeat keys and values, which may be secrets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ListError {
    /// The name has a character or a length that no list's name has.
    #[error("{0:?} is no list: expected 1 to 64 of the characters a-z 0-9 _ - . /")]
    Name(String),
    /// A key is empty, too long, or has a control character.
    #[error("the key of a list's entry: expected 1 to 300 characters, none a control character")]
    Key,
    /// A value is too long, or has a control character.
    #[error(
        "the value of a list's entry: expected at most 255 characters, none a control character"
    )]
    Value,
}

impl From<ListError> for StoreError {
    fn from(error: ListError) -> Self {
        Self::new(StoreErrorKind::Config, Effect::None, "list", error.to_string())
            .with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::ListName;

    #[test]
    fn bounds_are_in_characters_and_an_error_outside() {
        for character in ["x", "ä", "😀", " ", "'", "\u{200b}", "\u{fffd}"] {
            let entry = |key: usize, value: usize| {
                ListEntry::new(character.repeat(key), character.repeat(value), None)
            };
            for (key, value) in [(1, 0), (300, 255)] {
                assert!(entry(key, value).is_ok(), "{key} {value} of {character}");
            }
            for (key, value) in [(0, 0), (301, 0), (10_000, 0)] {
                assert_eq!(entry(key, value), Err(ListError::Key), "{key} of {character}");
            }
            assert_eq!(entry(1, 256), Err(ListError::Value));
        }
    }

    #[test]
    fn control_characters_are_refused_for_every_store_alike() {
        for control in ["\0", "\u{1}", "\t", "\n", "\r", "\u{1f}", "\u{7f}", "\u{85}"] {
            let text = format!("a{control}b");
            assert_eq!(ListEntry::new(text.clone(), "", None), Err(ListError::Key), "{control:?}");
            assert_eq!(ListEntry::new("a", text.clone(), None), Err(ListError::Value));
            assert!(!ListEntry::is_key(&text));
        }
        let error = StoreError::from(ListError::Key);
        assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Config, Effect::None));
    }

    #[test]
    fn an_end_beyond_what_databases_count_is_never() {
        let end = |millis| {
            let until = Some(Timestamp::from_millis(millis));
            ListEntry::new("a", "", until).unwrap().until().map(Timestamp::as_millis)
        };
        let last = i64::MAX.unsigned_abs() - 1;
        assert_eq!(end(last), Some(last));
        assert_eq!(end(last + 1), None);
    }

    #[test]
    fn a_name_is_plain_and_a_cursor_is_a_lists() {
        for name in ["a", "access", "devices/shop-1.eu_2", &"x".repeat(64)] {
            assert_eq!(name.parse::<ListName>().unwrap().to_string(), name);
        }
        for name in ["", "A", "a b", "a:b", "{a}", "ä", "a\0", "a*", &"x".repeat(65)] {
            assert!(name.parse::<ListName>().is_err(), "{name:?}");
        }
        let entry = ListEntry::new("list:a:", "", None).unwrap();
        assert_eq!(Cursor::of_entry(&entry).entry_key("x").unwrap(), "list:a:");
        for text in ["", "a", "list:", "list:\0", "username:alice"] {
            assert!(Cursor(text.into()).entry_key("x").is_err(), "{text:?}");
        }
    }
}
