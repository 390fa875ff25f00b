//! Where a page ends.

use lockout_core::{AttemptQuery, Cursor, Result};

use super::AttemptColumns;
use crate::row::millis;

/// A place in the order of the rows: the time, and among those of one time the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) at: i64,
    pub(super) id: i64,
}

impl Position {
    /// After everything that `query` asks for. `store` is whose cursor it must have, if it has one.
    pub(super) fn first(query: &AttemptQuery, store: &'static str) -> Result<Self> {
        // Numbers begin with one, and no time is the last one that there is.
        let end = Self { at: query.until.map_or(i64::MAX, millis), id: 0 };
        let Some(cursor) = &query.after else { return Ok(end) };
        let after = Self::parse(cursor, store).ok_or_else(|| Cursor::foreign(store))?;
        Ok(after.min(end))
    }

    pub(super) const fn of(columns: &AttemptColumns) -> Self {
        Self { at: columns.0, id: columns.1 }
    }

    pub(super) fn cursor(self, store: &str) -> Cursor {
        Cursor(format!("{store}:{}-{}", self.at, self.id))
    }

    fn parse(cursor: &Cursor, store: &str) -> Option<Self> {
        let (at, id) = cursor.0.strip_prefix(store)?.strip_prefix(':')?.split_once('-')?;
        let position = Self { at: at.parse().ok()?, id: id.parse().ok()? };
        // As it is written and no other way: `+1` and `01` are numbers too.
        (position.cursor(store) == *cursor).then_some(position)
    }
}

#[cfg(test)]
mod tests {
    use lockout_core::Timestamp;

    use super::*;

    #[test]
    fn a_cursor_is_where_it_was_made_and_nobody_elses() {
        let position = Position { at: 1_700_000_000_000, id: 42 };
        let cursor = position.cursor("sqlite");
        assert_eq!(cursor.0, "sqlite:1700000000000-42");
        assert_eq!(Position::parse(&cursor, "sqlite"), Some(position));
        for text in ["sqlite:1-", "sqlite:1-+1", "sqlite:01-1", "sqlite:1-1 ", "mysql:1-1", "1-1"] {
            assert_eq!(Position::parse(&Cursor(text.to_owned()), "sqlite"), None, "{text}");
        }
    }

    #[test]
    fn a_page_begins_at_the_cursor_or_where_the_period_ends() {
        let until = Some(Timestamp::from_millis(5));
        let first = |until, after: Option<&str>| {
            let after = after.map(|text| Cursor(text.to_owned()));
            Position::first(&AttemptQuery { until, after, ..AttemptQuery::default() }, "mysql")
        };
        assert_eq!(first(None, None).unwrap(), Position { at: i64::MAX, id: 0 });
        assert_eq!(first(until, None).unwrap(), Position { at: 5, id: 0 });
        assert_eq!(first(until, Some("mysql:3-7")).unwrap(), Position { at: 3, id: 7 });
        assert_eq!(first(until, Some("mysql:5-7")).unwrap(), Position { at: 5, id: 0 });
    }
}
