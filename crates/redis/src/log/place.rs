//! Where an entry is in its stream, and what an index keeps of it.

use lockout_core::{
    AttemptEntry, Cursor, Effect, LoggedOutcome, Result, StoreError, StoreErrorKind,
};
use redis::Value;

use crate::error::STORE;
use crate::keys::hash_of;

/// Milliseconds, and a number among those of the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) millis: u64,
    pub(super) number: u64,
}

impl Place {
    /// The place of an id as the server writes it.
    pub(super) fn of(id: &[u8]) -> Option<Self> {
        let (millis, number) = std::str::from_utf8(id).ok()?.split_once('-')?;
        Some(Self { millis: millis.parse().ok()?, number: number.parse().ok()? })
    }

    pub(super) fn id(self) -> String {
        format!("{}-{}", self.millis, self.number)
    }

    /// The end of a range just before this place.
    pub(super) fn before(self) -> String {
        format!("({}", self.id())
    }

    pub(super) fn cursor(self) -> Cursor {
        Cursor(format!("redis:{}", self.id()))
    }

    pub(super) fn of_cursor(cursor: &Cursor) -> Result<Self> {
        let place = cursor.0.strip_prefix("redis:").and_then(|id| Self::of(id.as_bytes()));
        // Nothing is before the first place, and the server refuses to look there.
        let place = place.filter(|place| place.millis > 0 || place.number > 0);
        place.ok_or_else(|| Cursor::foreign(STORE))
    }
}

/// What an index keeps of an entry: its place in the stream of all, its outcome, and a hash of the
/// username or address that the index is of. Others may have the same hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) place: Place,
    pub(super) outcome: LoggedOutcome,
    pub(super) hash: u64,
}

impl Note {
    pub(super) fn new(place: Place, entry: &AttemptEntry, text: &str) -> Self {
        Self { place, outcome: entry.outcome, hash: hash_of(text) }
    }

    pub(super) fn pack(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(24);
        bytes.extend(self.hash.to_be_bytes());
        bytes.push(number_of(self.outcome));
        super::packed::put(&mut bytes, self.place.millis);
        super::packed::put(&mut bytes, self.place.number);
        bytes
    }

    pub(super) fn unpack(bytes: &[u8]) -> Option<Self> {
        let (hash, rest) = bytes.split_first_chunk()?;
        let (outcome, mut rest) = rest.split_first()?;
        let (millis, number) =
            (super::packed::number(&mut rest)?, super::packed::number(&mut rest)?);
        let note = Self {
            place: Place { millis, number },
            outcome: outcome_of(*outcome)?,
            hash: u64::from_be_bytes(*hash),
        };
        rest.is_empty().then_some(note)
    }
}

pub(super) fn number_of(outcome: LoggedOutcome) -> u8 {
    let number = LoggedOutcome::ALL.iter().position(|known| *known == outcome);
    // A byte numbers more outcomes than there will be.
    number.and_then(|number| number.try_into().ok()).unwrap_or(u8::MAX)
}

pub(super) fn outcome_of(number: u8) -> Option<LoggedOutcome> {
    LoggedOutcome::ALL.get(usize::from(number)).copied()
}

/// What an answer holds of a stream, each made by `read` of its bytes, with its place there.
pub(super) fn entries_of<T>(
    answer: Value,
    read: impl Fn(&[u8]) -> Option<T>,
) -> Result<Vec<(Place, T)>> {
    let Value::Array(entries) = answer else { return Err(foreign()) };
    let entry_of = |value| {
        let Value::Array(parts) = value else { return None };
        let [Value::BulkString(id), Value::Array(fields)] = &parts[..] else { return None };
        let [Value::BulkString(name), Value::BulkString(bytes)] = &fields[..] else { return None };
        if name == b"e" { Some((Place::of(id)?, read(bytes)?)) } else { None }
    };
    entries.into_iter().map(|value| entry_of(value).ok_or_else(foreign)).collect()
}

pub(super) fn foreign() -> StoreError {
    let message = "an entry of the log is of a later version of lockout, or something else writes \
                   under its prefix";
    StoreError::new(StoreErrorKind::Corrupt, Effect::None, STORE, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_one_to_one_with_its_bytes() {
        let place = Place { millis: 300, number: 2 };
        let note = Note { place, outcome: LoggedOutcome::Failed, hash: 7 };
        let bytes = b"\0\0\0\0\0\0\0\x07\x01\xac\x02\x02";
        assert_eq!(note.pack(), bytes);
        assert_eq!(Note::unpack(bytes), Some(note));
        for end in 0..bytes.len() {
            assert_eq!(Note::unpack(&bytes[..end]), None, "{end}");
        }
        assert_eq!(Note::unpack(&[&bytes[..], b"x"].concat()), None);
    }

    #[test]
    fn a_cursor_is_a_place_and_nothing_else() {
        let place = Place { millis: u64::MAX, number: 3 };
        assert_eq!(Place::of_cursor(&place.cursor()).unwrap(), place);
        for text in
            ["", "redis:", "redis:0-0", "redis:1", "redis:1-", "redis:1-x", "1-1", "redis:-1-1"]
        {
            assert!(Place::of_cursor(&Cursor(text.into())).is_err(), "{text}");
        }
    }
}
