//! The record of attempts on every database, beside plain SQL over the same tables.

#![allow(dead_code, clippy::unwrap_used, reason = "each file of tests uses its own part")]

use std::sync::Arc;

use lockout_core::{Attempt, AttemptEntry, AttemptLog, LoggedOutcome, Timestamp};
use lockout_sql::sqlx::{self, AssertSqlSafe, Row as _};
use lockout_sql::{Dialect, SqlStore};
#[cfg(feature = "mysql")]
use lockout_testkit::servers::TestMariaDb;
#[cfg(feature = "postgres")]
use lockout_testkit::servers::TestPostgres;

/// When attempts begin.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A failure at `millis` after noon.
pub(crate) fn failure(millis: u64, name: &str) -> AttemptEntry {
    let attempt = Attempt::new().username(name).ip([192, 0, 2, 1]).path("/login");
    let at = Timestamp::from_millis(NOON.as_millis() + millis);
    AttemptEntry::new(at, &attempt, LoggedOutcome::Failed)
}

/// The connections of a store.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
    #[cfg(feature = "mysql")]
    MySql(sqlx::MySqlPool),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::SqlitePool),
}

macro_rules! on {
    ($database:expr, $pool:ident => $action:expr) => {
        match $database {
            #[cfg(feature = "postgres")]
            Database::Postgres($pool) => $action,
            #[cfg(feature = "mysql")]
            Database::MySql($pool) => $action,
            #[cfg(feature = "sqlite")]
            Database::Sqlite($pool) => $action,
        }
    };
}

impl Database {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "postgres",
            #[cfg(feature = "mysql")]
            Self::MySql(_) => "mysql",
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => "sqlite",
        }
    }

    /// Runs statements one after the other over one connection.
    pub(crate) async fn run(&self, statements: &str) {
        let statements = AssertSqlSafe(statements.to_owned());
        on!(self, pool => drop(sqlx::raw_sql(statements).execute(pool).await.unwrap()));
    }

    /// The number that a query gives.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        let query = AssertSqlSafe(query.to_owned());
        on!(self, pool => sqlx::query_scalar(query).fetch_one(pool).await.unwrap())
    }

    /// What the last of some statements gives: how many rows, and the last column of each if that is
    /// text.
    pub(crate) async fn texts(&self, statements: &str) -> Vec<String> {
        let statements = AssertSqlSafe(statements.to_owned());
        on!(self, pool => {
            let rows = sqlx::raw_sql(statements).fetch_all(pool).await.unwrap();
            rows.iter().map(|row| row.try_get(row.len() - 1).unwrap_or_default()).collect()
        })
    }
}

/// A record of attempts that nobody else uses.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) log: Arc<dyn AttemptLog>,
    pub(crate) database: Database,
    pub(crate) table: String,
    /// What has to live as long.
    _folder: Option<Arc<Folder>>,
}

impl Kept {
    /// The text of one of the store's statements in which `{attempts}` and `{name}` stand.
    pub(crate) fn named(&self, text: &str) -> String {
        text.replace("{attempts}", &format!("{}_attempts", self.table))
            .replace("{name}", &self.table)
    }

    pub(crate) async fn count(&self) -> i64 {
        self.database.number(&self.named("SELECT count(*) FROM {attempts}")).await
    }
}

/// A temporary folder.
#[derive(Debug)]
pub(crate) struct Folder(pub(crate) std::path::PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("lockout-sql-{:016x}", fastrand::u64(..)));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Of a database in a file.
    pub(crate) fn url(&self) -> String {
        format!("sqlite://{}", self.0.join("lockout.db").display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn store<D: Dialect>(url: &str, table: &str) -> SqlStore<D> {
    let store = SqlStore::builder().table(table).open(url).unwrap();
    store.migrate().await.unwrap();
    store
}

/// A record on each database.
pub(crate) async fn everywhere() -> Vec<Kept> {
    let mut all = Vec::new();
    #[cfg(feature = "postgres")]
    {
        let TestPostgres { url, prefix } = TestPostgres::shared().unwrap();
        let store = store::<sqlx::Postgres>(&url, &prefix).await;
        let database = Database::Postgres(store.pool().clone());
        all.push(Kept { log: Arc::new(store.log()), database, table: prefix, _folder: None });
    }
    #[cfg(feature = "mysql")]
    {
        let TestMariaDb { url, prefix } = TestMariaDb::shared().unwrap();
        let store = store::<sqlx::MySql>(&url, &prefix).await;
        let database = Database::MySql(store.pool().clone());
        all.push(Kept { log: Arc::new(store.log()), database, table: prefix, _folder: None });
    }
    #[cfg(feature = "sqlite")]
    {
        let folder = Arc::new(Folder::new());
        let store = store::<sqlx::Sqlite>(&folder.url(), "lockout").await;
        let database = Database::Sqlite(store.pool().clone());
        let (log, table) = (Arc::new(store.log()), "lockout".to_owned());
        all.push(Kept { log, database, table, _folder: Some(folder) });
    }
    all
}

/// A transaction that has done something and is held open.
#[derive(Debug)]
pub(crate) struct Held {
    commit: tokio::sync::oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

impl Held {
    pub(crate) async fn commit(self) {
        self.commit.send(()).unwrap();
        self.ended.await.unwrap();
    }
}

impl Database {
    /// Runs a statement in a transaction that is held open.
    pub(crate) async fn hold(&self, statement: &str) -> Held {
        let (commit, committing) = tokio::sync::oneshot::channel();
        let (done, doing) = tokio::sync::oneshot::channel();
        let (database, statement) = (self.clone(), AssertSqlSafe(statement.to_owned()));
        let ended = tokio::spawn(async move {
            on!(&database, pool => {
                let mut transaction = pool.begin().await.unwrap();
                sqlx::raw_sql(statement).execute(&mut *transaction).await.unwrap();
                done.send(()).unwrap();
                committing.await.unwrap();
                transaction.commit().await.unwrap();
            });
        });
        doing.await.unwrap();
        Held { commit, ended }
    }
}
