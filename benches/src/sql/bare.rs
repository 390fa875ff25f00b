//! Bare statements, as anybody would write them who reads some rows and counts in them.

use std::error::Error;
use std::future::Future;

use lockout_sql::sqlx::{self, MySql, Pool, Postgres, Sqlite};

use crate::call::WORKS;

/// A table with rows as the store's, and its statements.
pub trait Bare: Send + Sync + 'static {
    /// Makes the table.
    fn create(&self) -> impl Future<Output = Result<(), Box<dyn Error>>> + Send;

    /// Reads the rows of three keys.
    fn read(&self, keys: &[String]) -> impl Future<Output = ()> + Send;

    /// Counts in the rows of three keys, and gives them.
    fn write(&self, keys: &[String]) -> impl Future<Output = ()> + Send;

    /// Lets the database look at its tables.
    fn analyze(&self) -> impl Future<Output = Result<(), Box<dyn Error>>> + Send;
}

/// A time as long as the store's.
const NOW: i64 = 1_764_000_000_000;

type Columns = (String, i64, i64, i64, i64, Option<i64>, Option<i64>, Option<String>);

macro_rules! bare {
    (
        $database:ty, create: $create:expr, analyze: $analyze:expr,
        read: $read:expr, write: $write:expr
    ) => {
        impl Bare for Pool<$database> {
            async fn create(&self) -> Result<(), Box<dyn Error>> {
                sqlx::raw_sql($create).execute(self).await?;
                Ok(())
            }

            async fn read(&self, keys: &[String]) {
                let mut query = sqlx::query_as::<$database, Columns>($read);
                for key in keys {
                    query = query.bind(key.clone());
                }
                query.fetch_all(self).await.expect(WORKS);
            }

            async fn write(&self, keys: &[String]) {
                let mut query = sqlx::query_as::<$database, (i64,)>($write);
                for key in keys {
                    query = query.bind(key.clone()).bind(NOW + 1).bind(NOW).bind(NOW + 310_000);
                }
                assert_eq!(query.fetch_all(self).await.expect(WORKS).len(), keys.len());
            }

            async fn analyze(&self) -> Result<(), Box<dyn Error>> {
                sqlx::raw_sql($analyze).execute(self).await?;
                Ok(())
            }
        }
    };
}

bare!(
    Postgres,
    create: "CREATE TABLE bare (
        charged bigint NOT NULL, touched bigint NOT NULL, expires_at bigint, locked_until bigint,
        version integer NOT NULL, failures integer NOT NULL,
        subject text COLLATE \"C\" NOT NULL PRIMARY KEY, state text)",
    analyze: "ANALYZE",
    read: "SELECT subject, version::bigint, failures::bigint, charged, touched, expires_at,
            locked_until, state
        FROM bare WHERE subject IN ($1, $2, $3)",
    write: "INSERT INTO bare (subject, version, failures, charged, touched, expires_at)
        VALUES ($1, 1, 1, $2, $3, $4), ($5, 1, 1, $6, $7, $8), ($9, 1, 1, $10, $11, $12)
        ON CONFLICT (subject) DO UPDATE SET version = bare.version + 1,
            failures = bare.failures + 1, charged = excluded.charged, touched = excluded.touched,
            expires_at = excluded.expires_at
        RETURNING failures::bigint"
);

bare!(
    MySql,
    create: "CREATE TABLE bare (
        subject VARCHAR(600) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
        version INT NOT NULL, failures INT NOT NULL, charged BIGINT NOT NULL,
        touched BIGINT NOT NULL, expires_at BIGINT, locked_until BIGINT,
        state TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin)",
    analyze: "ANALYZE TABLE bare",
    read: "SELECT subject, version, failures, charged, touched, expires_at, locked_until, state
        FROM bare WHERE subject IN (?, ?, ?)",
    write: "INSERT INTO bare (subject, version, failures, charged, touched, expires_at)
        VALUES (?, 1, 1, ?, ?, ?), (?, 1, 1, ?, ?, ?), (?, 1, 1, ?, ?, ?)
        ON DUPLICATE KEY UPDATE version = version + 1, failures = failures + 1,
            charged = VALUES(charged), touched = VALUES(touched), expires_at = VALUES(expires_at)
        RETURNING failures"
);

bare!(
    Sqlite,
    create: "CREATE TABLE bare (
        subject TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL, failures INTEGER NOT NULL,
        charged INTEGER NOT NULL, touched INTEGER NOT NULL, expires_at INTEGER,
        locked_until INTEGER, state TEXT) WITHOUT ROWID",
    analyze: "ANALYZE",
    read: "SELECT subject, version, failures, charged, touched, expires_at, locked_until, state
        FROM bare WHERE subject IN (?, ?, ?)",
    write: "INSERT INTO bare (subject, version, failures, charged, touched, expires_at)
        VALUES (?, 1, 1, ?, ?, ?), (?, 1, 1, ?, ?, ?), (?, 1, 1, ?, ?, ?)
        ON CONFLICT (subject) DO UPDATE SET version = bare.version + 1,
            failures = bare.failures + 1, charged = excluded.charged, touched = excluded.touched,
            expires_at = excluded.expires_at
        RETURNING failures"
);
