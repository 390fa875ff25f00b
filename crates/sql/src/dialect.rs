//! What differs from one database to the next.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::future::Future;

use sqlx::error::DatabaseError;
use sqlx::pool::PoolOptions;
use sqlx::{Database, Pool, SqlStr};

use crate::builder::{Durability, Settings};
use crate::error::{BuildError, Failure};
use crate::exchange::Value;
use crate::lists::{ListColumns, ListTexts};
use crate::log::{AttemptColumns, LogTexts};
use crate::row::Columns;

/// A database that there is a store for: with their features `sqlx::Postgres`, `sqlx::MySql` and
/// `sqlx::Sqlite`. Nothing else can be one.
pub trait Dialect: Driver {}

impl<D: Driver> Dialect for D {}

/// The statements of a database, one file each.
#[derive(Debug)]
pub struct Texts {
    pub(crate) read: &'static str,
    pub(crate) write: &'static str,
    /// What `write` does first, if what it wrote may be lost by a crash of the server.
    pub(crate) relaxed: &'static str,
    /// What `write` does first otherwise.
    pub(crate) settled: &'static str,
    pub(crate) locked: &'static str,
    pub(crate) expired: &'static str,
    pub(crate) forget: &'static str,
    pub(crate) time: &'static str,
    pub(crate) version: &'static str,
    /// Those of the record of attempts.
    pub(crate) log: LogTexts,
    /// Those of lists.
    pub(crate) lists: ListTexts,
    /// Makes the table of what was migrated, if it is not there.
    pub(crate) history: &'static str,
    /// What makes the tables of each version out of those of the version before it.
    pub(crate) migrations: &'static [&'static str],
}

/// One of sqlx's drivers, as a store uses it.
pub trait Driver: Database {
    /// The store's name in errors.
    const STORE: &'static str;
    /// What a URL begins with, for messages.
    const URL: &'static str;
    /// What stands around a name.
    const QUOTE: char;
    /// Whether a table's name may have a schema before it.
    const HAS_SCHEMAS: bool;
    /// Whether values are numbered in a statement.
    const HAS_NUMBERS: bool;
    /// The statements.
    const TEXTS: Texts;

    /// A pool that connects when it is first used.
    fn pool(
        url: &str,
        settings: &Settings,
        options: PoolOptions<Self>,
    ) -> Result<Pool<Self>, BuildError>;

    /// The durability that a statement of its own asks for.
    fn by_statement(durability: Durability) -> Durability;

    /// What an error of the server means.
    fn failure(error: &dyn DatabaseError) -> Failure;

    /// Sends a query for rows of the table.
    fn records(
        pool: &Pool<Self>,
        statement: SqlStr,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<Columns>, sqlx::Error>> + Send;

    /// Sends a query for subjects, each with a number.
    fn subjects(
        pool: &Pool<Self>,
        statement: SqlStr,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<(Option<String>, i64)>, sqlx::Error>> + Send;

    /// Sends a query for rows of the record of attempts.
    fn attempts(
        pool: &Pool<Self>,
        statement: SqlStr,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<AttemptColumns>, sqlx::Error>> + Send;

    /// Sends a query for rows of lists.
    fn entries(
        pool: &Pool<Self>,
        statement: SqlStr,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<ListColumns>, sqlx::Error>> + Send;

    /// Sends a query for one number.
    fn number(
        pool: &Pool<Self>,
        statement: SqlStr,
    ) -> impl Future<Output = Result<i64, sqlx::Error>> + Send;

    /// Sends a statement; how many rows it changed.
    fn execute(
        pool: &Pool<Self>,
        statement: SqlStr,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Sends statements in a transaction that ends when one changes no row: whether none did, or else
    /// nothing was changed.
    fn all_or_none(
        pool: &Pool<Self>,
        steps: Vec<(SqlStr, Vec<Value>)>,
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

    /// Runs `plan` over one connection while no other process migrates the same tables.
    fn migrate(
        pool: &Pool<Self>,
        plan: Plan,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

/// How tables are brought up to date.
#[derive(Debug)]
pub struct Plan {
    /// The name under which migrating processes wait for one another, where there is no better way.
    #[cfg_attr(
        not(any(feature = "mysql", feature = "postgres")),
        allow(dead_code, reason = "whoever writes to SQLite is alone")
    )]
    pub(crate) lock: String,
    /// Makes the table of what was migrated.
    pub(crate) history: SqlStr,
    /// Reads the version of the tables.
    pub(crate) version: SqlStr,
    /// What makes version 1, 2 and so on, which includes to note that it was made.
    pub(crate) steps: Vec<SqlStr>,
}

impl Plan {
    /// The steps that follow on `version`.
    pub(crate) fn steps_after(self, version: i64) -> impl Iterator<Item = SqlStr> {
        self.steps.into_iter().skip(usize::try_from(version).unwrap_or(usize::MAX))
    }
}

/// The part of a driver that is written the same for all of them, but not to be written for any.
macro_rules! exchanges {
    () => {
        async fn records(
            pool: &Pool<Self>,
            statement: SqlStr,
            values: Vec<Value>,
        ) -> Result<Vec<Columns>, sqlx::Error> {
            exchange::rows(pool, statement, values).await
        }

        async fn subjects(
            pool: &Pool<Self>,
            statement: SqlStr,
            values: Vec<Value>,
        ) -> Result<Vec<(Option<String>, i64)>, sqlx::Error> {
            exchange::rows(pool, statement, values).await
        }

        async fn attempts(
            pool: &Pool<Self>,
            statement: SqlStr,
            values: Vec<Value>,
        ) -> Result<Vec<$crate::log::AttemptColumns>, sqlx::Error> {
            exchange::rows(pool, statement, values).await
        }

        async fn entries(
            pool: &Pool<Self>,
            statement: SqlStr,
            values: Vec<Value>,
        ) -> Result<Vec<$crate::lists::ListColumns>, sqlx::Error> {
            exchange::rows(pool, statement, values).await
        }

        async fn number(pool: &Pool<Self>, statement: SqlStr) -> Result<i64, sqlx::Error> {
            let rows = exchange::rows::<Self, (i64,)>(pool, statement, Vec::new()).await?;
            rows.first().map(|(number,)| *number).ok_or(sqlx::Error::RowNotFound)
        }

        async fn execute(
            pool: &Pool<Self>,
            statement: SqlStr,
            values: Vec<Value>,
        ) -> Result<u64, sqlx::Error> {
            let result = exchange::execute(pool, statement, values).await?;
            Ok(result.rows_affected())
        }

        async fn all_or_none(
            pool: &Pool<Self>,
            steps: Vec<(SqlStr, Vec<Value>)>,
        ) -> Result<bool, sqlx::Error> {
            let mut transaction = pool.begin().await?;
            for (statement, values) in steps {
                let result = exchange::execute(&mut *transaction, statement, values).await?;
                if result.rows_affected() == 0 {
                    transaction.rollback().await?;
                    return Ok(false);
                }
            }
            transaction.commit().await?;
            Ok(true)
        }
    };
}

/// The statements of the database whose folder this is.
macro_rules! texts {
    ($folder:literal, relaxed: $relaxed:expr, settled: $settled:expr) => {
        Texts {
            read: include_str!(concat!("../sql/", $folder, "/read.sql")),
            write: include_str!(concat!("../sql/", $folder, "/write.sql")),
            relaxed: $relaxed,
            settled: $settled,
            locked: include_str!(concat!("../sql/", $folder, "/locked.sql")),
            expired: include_str!(concat!("../sql/", $folder, "/expired.sql")),
            forget: include_str!(concat!("../sql/", $folder, "/forget.sql")),
            time: include_str!(concat!("../sql/", $folder, "/time.sql")),
            version: include_str!(concat!("../sql/", $folder, "/version.sql")),
            log: $crate::log::log_texts!($folder),
            lists: $crate::lists::list_texts!($folder),
            history: include_str!(concat!("../migrations/", $folder, "/history.sql")),
            migrations: &[
                include_str!(concat!("../migrations/", $folder, "/0001.sql")),
                include_str!(concat!("../migrations/", $folder, "/0002.sql")),
            ],
        }
    };
}

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
use {exchanges, texts};
