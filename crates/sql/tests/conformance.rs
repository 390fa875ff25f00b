//! The SQL stores against the suite, on real databases.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]

#[cfg(feature = "sqlite")]
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "sqlite")]
use lockout_core::LockoutStore;
use lockout_sql::{Dialect, SqlStore};
#[cfg(feature = "mysql")]
use lockout_testkit::servers::TestMariaDb;
#[cfg(feature = "postgres")]
use lockout_testkit::servers::TestPostgres;
use lockout_testkit::{conformance_suite, guard_suite};

/// A store that is empty, since nobody else has its table.
async fn store<D: Dialect>(url: &str, table: &str) -> SqlStore<D> {
    // What is proved here is what it answers, not how soon on a machine that runs all the tests.
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
guard_suite!(
    guarding_sqlite,
    store::<lockout_sql::sqlx::Sqlite>("sqlite::memory:", "lockout").await
);
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
#[cfg(feature = "postgres")]
guard_suite!(guarding_postgres, on_postgres().await);

#[cfg(feature = "mysql")]
async fn on_mysql() -> lockout_sql::MySqlStore {
    let TestMariaDb { url, prefix } = TestMariaDb::shared().expect("a server starts");
    store(&url, &prefix).await
}

#[cfg(feature = "mysql")]
conformance_suite!(mysql, on_mysql().await);
#[cfg(feature = "mysql")]
guard_suite!(guarding_mysql, on_mysql().await);
