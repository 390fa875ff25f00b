//! The SQL stores against the suite, on real databases.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]

use std::sync::Arc;

use lockout_core::LockoutStore;
use lockout_sql::{Dialect, SqlStore};
use lockout_testkit::conformance_suite;

/// A store that is empty, since nobody else has its table.
async fn store<D: Dialect>(url: &str, table: &str) -> SqlStore<D> {
    let store = SqlStore::builder().table(table).open(url).expect("a store");
    store.migrate().await.expect("tables");
    store
}

fn shared(store: impl LockoutStore) -> Arc<dyn LockoutStore> {
    Arc::new(store)
}

#[cfg(feature = "sqlite")]
conformance_suite!(sqlite, store::<lockout_sql::sqlx::Sqlite>("sqlite::memory:", "lockout").await);
#[cfg(feature = "sqlite")]
conformance_suite!(dynamic, shared(store::<lockout_sql::sqlx::Sqlite>("sqlite::memory:", "lockout").await));
