//! The statements of one database, with the store's own names in them.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::builder::Durability;
use crate::dialect::Texts;
use crate::log::LogStatements;
use crate::table::Table;

/// Everything that is ever sent once the tables are there.
#[derive(Debug)]
pub(crate) struct Statements {
    /// Subjects to their rows.
    pub(crate) read: SqlStr,
    /// Rows over those that were read, all or none.
    pub(crate) write: SqlStr,
    /// The same where a lock is told to somebody.
    pub(crate) write_lock: SqlStr,
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
            names.put_into(&texts.write.replace("{settings}", settings))
        };
        Self {
            read: names.put_into(texts.read),
            write: write(false),
            write_lock: write(true),
            locked: names.put_into(texts.locked),
            expired: names.put_into(texts.expired),
            forget: names.put_into(texts.forget),
            time: names.put_into(texts.time),
            version: names.put_into(texts.version),
            log: LogStatements::new(texts, names, durability),
        }
    }
}

/// What stands in a statement where its text has a name in braces.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) table: Table,
    pub(crate) quote: char,
}

impl Names {
    /// The text with the names in it. They are plain words, and nothing else is ever put into one.
    pub(crate) fn put_into(&self, text: &str) -> SqlStr {
        let quoted = |suffix| self.table.quoted(suffix, self.quote);
        let text = text
            .replace("{table}", &quoted(""))
            .replace("{locked}", &quoted("_locked"))
            .replace("{attempts}", &quoted("_attempts"))
            .replace("{migrations}", &quoted("_migrations"))
            .replace("{name}", self.table.name());
        AssertSqlSafe(Arc::<str>::from(text)).into_sql_str()
    }
}
