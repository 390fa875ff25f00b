//! The statements of one database, with the store's own names in them.

use std::sync::{Arc, OnceLock};

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::builder::Durability;
use crate::dialect::Texts;
use crate::lists::ListStatements;
use crate::log::LogStatements;
use crate::table::Table;

/// Everything that is ever sent once the tables are there.
#[derive(Debug)]
pub(crate) struct Statements {
    /// Subjects to their rows.
    pub(crate) read: Counted,
    /// Rows over those that were read, all or none.
    pub(crate) write: Counted,
    /// The same where a lock is told to somebody.
    pub(crate) write_lock: Counted,
    /// A page of the rows with a lock.
    pub(crate) locked: SqlStr,
    /// A page of the subjects whose row has expired, and where the page ends.
    pub(crate) expired: SqlStr,
    /// Deletes rows, if they have expired.
    pub(crate) forget: SqlStr,
    /// The server's time.
    pub(crate) time: SqlStr,
    /// The version of the tables.
    pub(crate) version: SqlStr,
    /// Those of the record of attempts.
    pub(crate) log: LogStatements,
    /// Those of lists.
    pub(crate) lists: ListStatements,
}

impl Statements {
    pub(crate) fn new(texts: &Texts, names: &Names, durability: Durability) -> Self {
        let write = |is_lock: bool| {
            let is_relaxed = match durability {
                Durability::Full => false,
                Durability::Locks => !is_lock,
                Durability::Relaxed => true,
            };
            let settings = if is_relaxed { texts.relaxed } else { texts.settled };
            Counted::new(names, &texts.write.replace("{settings}", settings))
        };
        Self {
            read: Counted::new(names, texts.read),
            write: write(false),
            write_lock: write(true),
            locked: names.put_into(texts.locked),
            expired: names.put_into(texts.expired),
            forget: names.put_into(texts.forget),
            time: names.put_into(texts.time),
            version: names.put_into(texts.version),
            log: LogStatements::new(texts, names, durability),
            lists: ListStatements::new(texts, names, durability),
        }
    }
}

/// A statement about a number of rows, which has a text of its own for each number: a list of values
/// costs a database less than a JSON array that it has to take apart.
#[derive(Debug)]
pub(crate) struct Counted {
    text: SqlStr,
    has_numbers: bool,
    /// The texts for one row, two and so on. No policy that anybody would write has more rules.
    made: [OnceLock<SqlStr>; 8],
}

impl Counted {
    /// How many columns a row has.
    const COLUMNS: usize = 8;

    fn new(names: &Names, text: &str) -> Self {
        let made = std::array::from_fn(|_| OnceLock::new());
        Self { text: names.put_into(text), has_numbers: names.has_numbers, made }
    }

    /// The statement about `rows` rows, at least one.
    pub(crate) fn about(&self, rows: usize) -> SqlStr {
        let made = rows.checked_sub(1).and_then(|index| self.made.get(index));
        made.map_or_else(|| self.make(rows), |made| made.get_or_init(|| self.make(rows)).clone())
    }

    fn make(&self, rows: usize) -> SqlStr {
        let list = |values: std::ops::Range<usize>| {
            let values = values.map(|number| match self.has_numbers {
                true => format!("${}", number + 1),
                false => "?".to_owned(),
            });
            values.collect::<Vec<_>>().join(", ")
        };
        let row =
            |row: usize| format!("({})", list(row * Self::COLUMNS..(row + 1) * Self::COLUMNS));
        let text = self.text.as_str().replace("{keys}", &list(0..rows));
        let text = text.replace("{rows}", &(0..rows).map(row).collect::<Vec<_>>().join(", "));
        AssertSqlSafe(Arc::<str>::from(text)).into_sql_str()
    }
}

/// What stands in a statement where its text has a name in braces.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) table: Table,
    pub(crate) quote: char,
    pub(crate) has_numbers: bool,
}

impl Names {
    /// The text with the names in it. They are plain words, and nothing else is ever put into one.
    pub(crate) fn put_into(&self, text: &str) -> SqlStr {
        let quoted = |suffix| self.table.quoted(suffix, self.quote);
        let text = text
            .replace("{table}", &quoted(""))
            .replace("{locked}", &quoted("_locked"))
            .replace("{attempts}", &quoted("_attempts"))
            .replace("{lists}", &quoted("_lists"))
            .replace("{migrations}", &quoted("_migrations"))
            .replace("{name}", self.table.name());
        AssertSqlSafe(Arc::<str>::from(text)).into_sql_str()
    }
}
