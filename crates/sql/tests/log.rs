//! The record of attempts against the suite, on real databases.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]

use std::sync::Arc;

use lockout_core::AttemptLog;
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

fn shared(log: impl AttemptLog) -> Arc<dyn AttemptLog> {
    Arc::new(log)
}

#[cfg(feature = "sqlite")]
log_suite!(sqlite, log::<lockout_sql::sqlx::Sqlite>("sqlite::memory:", "lockout").await);
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
