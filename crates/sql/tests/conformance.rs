//! The SQL stores against the suite, on real databases.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]

#[cfg(feature = "sqlite")]
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "sqlite")]
use lockout_core::LockoutStore;
use lockout_sql::{Dialect, SqlStore};
use lockout_testkit::conformance_suite;
#[cfg(feature = "mysql")]
use lockout_testkit::servers::TestMariaDb;
#[cfg(feature = "postgres")]
use lockout_testkit::servers::TestPostgres;

/// A store that is empty, since nobody else has its table.
async fn store<D: Dialect>(url: &str, table: &str) -> SqlStore<D> {
    // The machine may be busy with other tests.
    let builder = SqlStore::builder().table(table).timeout(Duration::from_secs(60));
    let store = builder.open(url).expect("a store");
    store.migrate().await.expect("tables");
    store
}

#[cfg(feature = "sqlite")]
fn shared(store: impl LockoutStore) -> Arc<dyn LockoutStore> {
    Arc::new(store)
}

#[cfg(feature = "sqlite")]
conformance_suite!(sqlite, store::<lockout_sql::sqlx::Sqlite>("sqlite::memory:", "lockout").await);
#[cfg(feature = "sqlite")]
conformance_suite!(
    dynamic,
    shared(store::<lockout_sql::sqlx::Sqlite>("sqlite::memory:", "lockout").await)
);

#[cfg(feature = "postgres")]
async fn on_postgres() -> lockout_sql::PostgresStore {
    let TestPostgres { url, prefix } = TestPostgres::shared().expect("a server starts");
    store(&url, &prefix).await
}

#[cfg(feature = "postgres")]
conformance_suite!(postgres, on_postgres().await);

#[cfg(feature = "mysql")]
async fn on_mysql() -> lockout_sql::MySqlStore {
    let TestMariaDb { url, prefix } = TestMariaDb::shared().expect("a server starts");
    store(&url, &prefix).await
}

#[cfg(feature = "mysql")]
conformance_suite!(mysql, on_mysql().await);
