//! The databases of the tests, so that a test is written once for all of them.

#![allow(
    dead_code,
    unreachable_pub,
    unused_macros,
    unused_imports,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

pub mod server;

use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use lockout_core::{
    Attempt, Decision, FakeClock, Guard, LockoutStore, Permit, Policy, Rule, Scope, StoreError,
    Subject, Timestamp,
};
use lockout_sql::sqlx::pool::PoolOptions;
use lockout_sql::sqlx::{AssertSqlSafe, Database, Error, Pool, Row as _, query_scalar, raw_sql};
use lockout_sql::{Dialect, SqlStore, SqlStoreBuilder};

/// Of a store that has to work, however busy the machine is.
pub const PATIENT: Duration = Duration::from_secs(60);

/// How much later than its timeout a store may answer on a busy machine.
pub const MARGIN: Duration = Duration::from_secs(10);

pub const NOON: Timestamp = Timestamp::from_millis(1_000_000_000_000);

/// Where databases differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Postgres,
    MySql,
    Sqlite,
}

/// A database that tests run on, and SQL beside the store's.
pub trait Tested: Dialect {
    const KIND: Kind;

    /// A database that is there, and a table in it that nobody else has.
    fn place() -> Place;

    /// Sends statements.
    fn run(
        connection: &mut <Self as Database>::Connection,
        sql: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// The only column of a query's rows, as numbers.
    fn numbers(
        connection: &mut <Self as Database>::Connection,
        sql: &str,
    ) -> impl Future<Output = Result<Vec<i64>, Error>> + Send;

    /// The only column of a query's rows, as texts.
    fn texts(
        connection: &mut <Self as Database>::Connection,
        sql: &str,
    ) -> impl Future<Output = Result<Vec<Option<String>>, Error>> + Send;

    /// What `EXPLAIN` and the like say.
    fn plan(foreign: &Foreign<Self>, sql: &str) -> impl Future<Output = String> + Send;
}

macro_rules! statements {
    () => {
        async fn run(connection: &mut Self::Connection, sql: &str) -> Result<(), Error> {
            raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.map(drop)
        }

        async fn numbers(connection: &mut Self::Connection, sql: &str) -> Result<Vec<i64>, Error> {
            query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await
        }

        async fn texts(
            connection: &mut Self::Connection,
            sql: &str,
        ) -> Result<Vec<Option<String>>, Error> {
            query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await
        }

        async fn plan(foreign: &Foreign<Self>, sql: &str) -> String {
            let mut connection = foreign.0.acquire().await.unwrap();
            let rows = raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut *connection);
            let rows = rows.await.expect(sql);
            // The column that is read by people is the last one.
            let lines = rows.iter().map(|row| row.get::<String, _>(row.len() - 1));
            lines.collect::<Vec<_>>().join("\n")
        }
    };
}

#[cfg(feature = "postgres")]
impl Tested for lockout_sql::sqlx::Postgres {
    const KIND: Kind = Kind::Postgres;

    fn place() -> Place {
        let shared = lockout_testkit::servers::TestPostgres::shared().expect("a server starts");
        Place { url: shared.url, table: shared.prefix, folder: None }
    }

    statements!();
}

#[cfg(feature = "mysql")]
impl Tested for lockout_sql::sqlx::MySql {
    const KIND: Kind = Kind::MySql;

    fn place() -> Place {
        let shared = lockout_testkit::servers::TestMariaDb::shared().expect("a server starts");
        Place { url: shared.url, table: shared.prefix, folder: None }
    }

    statements!();
}

#[cfg(feature = "sqlite")]
impl Tested for lockout_sql::sqlx::Sqlite {
    const KIND: Kind = Kind::Sqlite;

    fn place() -> Place {
        let folder = Folder::new();
        let file = folder.0.join("lockout.db");
        std::fs::File::create(&file).unwrap();
        let url = format!("sqlite://{}", file.display());
        Place { url, table: "lockout_test".into(), folder: Some(folder) }
    }

    statements!();
}

/// A database and a table in it that nobody else has.
#[derive(Debug)]
pub struct Place {
    pub url: String,
    pub table: String,
    /// Where the file is.
    pub folder: Option<Folder>,
}

impl Place {
    pub fn builder<D: Dialect>(&self) -> SqlStoreBuilder<D> {
        SqlStore::builder().table(&self.table).timeout(PATIENT)
    }

    /// A store whose tables are there.
    pub async fn store<D: Dialect>(&self) -> SqlStore<D> {
        let store = self.builder().open(&self.url).unwrap();
        store.migrate().await.unwrap();
        store
    }
}

/// A temporary folder, which goes with everything in it.
#[derive(Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("lockout-test-{:032x}", fastrand::u128(..)));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Somebody else's connection to a database.
#[derive(Debug)]
pub struct Foreign<D: Tested>(Pool<D>);

impl<D: Tested> Foreign<D> {
    pub fn to(url: &str) -> Self {
        let options = PoolOptions::new().max_connections(1).acquire_timeout(PATIENT);
        Self(options.connect_lazy(url).unwrap())
    }

    pub async fn try_run(&self, sql: &str) -> Result<(), Error> {
        D::run(&mut *self.0.acquire().await?, sql).await
    }

    pub async fn run(&self, sql: &str) {
        self.try_run(sql).await.expect(sql);
    }

    pub async fn numbers(&self, sql: &str) -> Vec<i64> {
        D::numbers(&mut *self.0.acquire().await.unwrap(), sql).await.expect(sql)
    }

    pub async fn number(&self, sql: &str) -> i64 {
        self.numbers(sql).await[0]
    }

    pub async fn texts(&self, sql: &str) -> Vec<Option<String>> {
        D::texts(&mut *self.0.acquire().await.unwrap(), sql).await.expect(sql)
    }

    /// A transaction that stays open until it is told to end, or dropped.
    pub async fn begin(&self, sql: &str) -> Open<D> {
        let mut connection = self.0.acquire().await.unwrap().detach();
        D::run(&mut connection, "BEGIN").await.unwrap();
        D::run(&mut connection, sql).await.expect(sql);
        Open(connection)
    }
}

/// An open transaction of somebody else.
pub struct Open<D: Tested>(<D as Database>::Connection);

impl<D: Tested> Open<D> {
    pub async fn end(mut self) {
        D::run(&mut self.0, "ROLLBACK").await.unwrap();
    }
}

/// Usernames, addresses or pairs, each locked by the failure after `limit` others.
pub fn policy(scopes: &[Scope], limit: u32) -> Policy {
    let rules = scopes.iter().map(|scope| Rule::builder(*scope).failure_limit(limit));
    rules.fold(Policy::builder(), |policy, rule| policy.rule(rule)).build().unwrap()
}

/// A guard that counts by username.
pub fn by_name<D: Dialect>(store: &SqlStore<D>, limit: u32) -> Guard {
    Guard::new(store.clone(), policy(&[Scope::Username], limit))
}

/// The same at a time that stands still.
pub fn at_noon<D: Dialect>(store: &SqlStore<D>, limit: u32) -> Guard {
    let clock = FakeClock::at(NOON);
    Guard::builder(store.clone(), policy(&[Scope::Username], limit)).clock(clock).build()
}

pub fn named(name: &str) -> Attempt {
    Attempt::new().username(name)
}

pub fn subject(name: &str) -> Subject {
    Subject::username(name).unwrap()
}

pub async fn admit(guard: &Guard, name: &str) -> Permit {
    guard.begin(&named(name)).await.unwrap().admitted().unwrap()
}

pub async fn fail(guard: &Guard, name: &str) {
    admit(guard, name).await.fail().await.unwrap();
}

/// The error of an attempt, which comes in time.
pub async fn error(guard: &Guard, name: &str, timeout: Duration) -> StoreError {
    let start = Instant::now();
    let error = guard.begin(&named(name)).await.expect_err("nobody is admitted");
    assert!(start.elapsed() < timeout + MARGIN, "{:?}: {error}", start.elapsed());
    error
}

/// The errors of everything that a guard asks of a store about `name`; `permit` is of a charge to it.
pub async fn errors(guard: &Guard, name: &str, permit: Option<Permit>) -> Vec<StoreError> {
    let mut errors = vec![
        guard.begin(&named(name)).await.map(drop).expect_err("begin"),
        guard.check(&named(name)).await.map(drop).expect_err("check"),
        guard.status(&[subject(name)]).await.map(drop).expect_err("status"),
        guard.lock(&subject(name), None).await.map(drop).expect_err("lock"),
        guard.unlock(&subject(name)).await.map(drop).expect_err("unlock"),
    ];
    if let Some(permit) = permit {
        errors.push(permit.succeed().await.map(drop).expect_err("succeed"));
    }
    errors
}

/// Asks again until the store answers, which it must do soon.
pub async fn answered(guard: &Guard, name: &str) -> Decision {
    let start = Instant::now();
    loop {
        match guard.begin(&named(name)).await {
            Ok(decision) => return decision,
            Err(error) => assert!(start.elapsed() < MARGIN, "it does not recover: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many of so many guesses at once are admitted, spread over stores that know nothing of each
/// other.
pub async fn guess_at_once<D: Dialect>(stores: &[SqlStore<D>], limit: u32, guesses: u32) -> u32 {
    let guards: Vec<_> = stores.iter().map(|store| at_noon(store, limit)).collect();
    let released = std::sync::Arc::new(tokio::sync::Barrier::new(guesses.try_into().unwrap()));
    let mut tasks = tokio::task::JoinSet::new();
    for guess in 0..guesses {
        let guard = guards[usize::try_from(guess).unwrap() % guards.len()].clone();
        let released = released.clone();
        tasks.spawn(async move {
            released.wait().await;
            match guard.begin(&named("victim")).await.expect("the store works") {
                Decision::Refused(_) => 0,
                Decision::Admitted(permit) => permit.fail().await.map(|_| 1).unwrap(),
            }
        });
    }
    tasks.join_all().await.into_iter().sum()
}

/// A test of each name for each database, which runs the function of that name.
macro_rules! on_each_database {
    ($($test:ident),+ $(,)?) => {
        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test::<lockout_sql::sqlx::Postgres>().await;
            })+
        }

        #[cfg(feature = "mysql")]
        mod mysql {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test::<lockout_sql::sqlx::MySql>().await;
            })+
        }

        #[cfg(feature = "sqlite")]
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test::<lockout_sql::sqlx::Sqlite>().await;
            })+
        }
    };
}

/// The same for those databases that are servers.
macro_rules! on_each_server {
    ($($test:ident),+ $(,)?) => {
        #[cfg(feature = "postgres")]
        mod postgres_server {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test::<lockout_sql::sqlx::Postgres>().await;
            })+
        }

        #[cfg(feature = "mysql")]
        mod mysql_server {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test::<lockout_sql::sqlx::MySql>().await;
            })+
        }
    };
}

pub(crate) use {on_each_database, on_each_server};
