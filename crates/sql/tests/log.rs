//! The record of attempts against the suite, on real databases.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]

mod plain_sql;

#[cfg(feature = "sqlite")]
use std::sync::Arc;

#[cfg(feature = "sqlite")]
use lockout_core::{AttemptEntry, AttemptLog, AttemptQuery, Page, Result, Timestamp};
use lockout_sql::{Dialect, SqlLog, SqlStore};
use lockout_testkit::log_suite;
#[cfg(feature = "mysql")]
use lockout_testkit::servers::TestMariaDb;
#[cfg(feature = "postgres")]
use lockout_testkit::servers::TestPostgres;

/// A log that is empty, since nobody else has its table.
async fn log<D: Dialect>(url: &str, table: &str) -> SqlLog<D> {
    let store = SqlStore::builder().table(table).open(url).expect("a store");
    store.migrate().await.expect("tables");
    store.log()
}

/// A log, and the folder of its file, which goes with it.
#[cfg(feature = "sqlite")]
#[derive(Debug)]
struct InAFile {
    log: lockout_sql::SqliteLog,
    _folder: plain_sql::Folder,
}

#[cfg(feature = "sqlite")]
#[async_trait::async_trait]
impl AttemptLog for InAFile {
    async fn append(&self, entries: &[AttemptEntry]) -> Result<()> {
        self.log.append(entries).await
    }

    async fn recent(&self, query: &AttemptQuery) -> Result<Page<AttemptEntry>> {
        self.log.recent(query).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize> {
        self.log.prune(before, limit).await
    }
}

#[cfg(feature = "sqlite")]
fn shared(log: impl AttemptLog) -> Arc<dyn AttemptLog> {
    Arc::new(log)
}

#[cfg(feature = "sqlite")]
log_suite!(sqlite, log::<lockout_sql::sqlx::Sqlite>("sqlite::memory:", "lockout").await);
#[cfg(feature = "sqlite")]
async fn in_a_file() -> InAFile {
    let folder = plain_sql::Folder::new();
    InAFile { log: log(&folder.url(), "lockout").await, _folder: folder }
}

#[cfg(feature = "sqlite")]
log_suite!(file, in_a_file().await);
#[cfg(feature = "sqlite")]
log_suite!(dynamic, shared(log::<lockout_sql::sqlx::Sqlite>("sqlite::memory:", "lockout").await));

#[cfg(feature = "postgres")]
async fn on_postgres() -> lockout_sql::PostgresLog {
    let TestPostgres { url, prefix } = TestPostgres::shared().expect("a server starts");
    log(&url, &prefix).await
}

#[cfg(feature = "postgres")]
log_suite!(postgres, on_postgres().await);

#[cfg(feature = "mysql")]
async fn on_mysql() -> lockout_sql::MySqlLog {
    let TestMariaDb { url, prefix } = TestMariaDb::shared().expect("a server starts");
    log(&url, &prefix).await
}

#[cfg(feature = "mysql")]
log_suite!(mysql, on_mysql().await);
