//! SQLite.

use std::str::FromStr as _;
use std::time::Duration;

use lockout_core::StoreErrorKind;
use sqlx::error::DatabaseError;
use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Executor as _, Pool, SqlStr, Sqlite};

use super::{Driver, Plan, Texts, exchanges, texts};
use crate::builder::{Durability, Settings};
use crate::error::{BuildError, Failure};
use crate::exchange::{self, Value};
use crate::row::Columns;

/// More writers than one wait for each other, and reading is done in no time.
const MAX_CONNECTIONS: u32 = 4;

/// Between two tries to make the tables.
const PAUSE: Duration = Duration::from_millis(10);

impl Driver for Sqlite {
    const STORE: &'static str = "sqlite";
    const URL: &'static str = "sqlite://PATH or sqlite::memory:";
    const QUOTE: char = '"';
    const HAS_SCHEMAS: bool = false;
    const HAS_NUMBERS: bool = false;
    const TEXTS: Texts = texts!("sqlite", relaxed: "", settled: "");

    fn pool(
        url: &str,
        settings: &Settings,
        options: PoolOptions<Self>,
    ) -> Result<Pool<Self>, BuildError> {
        let connect = SqliteConnectOptions::from_str(url).map_err(BuildError::url::<Self>)?;
        let synchronous = match settings.durability {
            Durability::Full | Durability::Locks => SqliteSynchronous::Full,
            Durability::Relaxed => SqliteSynchronous::Normal,
        };
        let connect = connect
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .busy_timeout(settings.timeout / 2);
        let options = if url.contains(":memory:") || url.contains("mode=memory") {
            // It is gone with its last connection, and another one would get in its way.
            options.min_connections(1).max_connections(1).idle_timeout(None).max_lifetime(None)
        } else {
            let most = options.get_max_connections().min(MAX_CONNECTIONS);
            options.max_connections(most)
        };
        Ok(options.connect_lazy_with(connect))
    }

    /// It is a setting of the connection.
    fn by_statement(_: Durability) -> Durability {
        Durability::Full
    }

    fn failure(error: &dyn DatabaseError) -> Failure {
        let code: i32 = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
        // The last byte is the error, the others say more of it.
        match (code, code & 0xff) {
            // No version: somebody else was faster.
            (1299, _) => Failure::Overtaken,
            // Another process writes, or another connection.
            (_, 5 | 6) => Failure::Again,
            (_, 1) => Failure::SCHEMA,
            (_, 3 | 8 | 14) => Failure::Told(
                StoreErrorKind::Config,
                "mend the path, and let this user write the file and its folder",
            ),
            (_, 13) => Failure::DISK_FULL,
            (_, 11 | 26) => Failure::DAMAGED,
            _ => Failure::SERVER,
        }
    }

    exchanges!();

    async fn migrate(pool: &Pool<Self>, plan: Plan) -> Result<(), sqlx::Error> {
        // Nobody else may write until the transaction ends, whatever becomes of this process.
        let mut transaction = loop {
            match pool.begin_with("BEGIN IMMEDIATE").await {
                // Whoever opens a new file while another connection makes it is told so at once,
                // whatever the busy timeout.
                Err(sqlx::Error::Database(error))
                    if matches!(Self::failure(&*error), Failure::Again) =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                begun => break begun?,
            }
        };
        transaction.execute(sqlx::raw_sql(plan.history.clone())).await?;
        let version: i64 =
            sqlx::query_scalar(plan.version.clone()).fetch_one(&mut *transaction).await?;
        for step in plan.steps_after(version) {
            transaction.execute(sqlx::raw_sql(step)).await?;
        }
        transaction.commit().await
    }
}
