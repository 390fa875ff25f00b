//! Measures what the SQL stores cost, in turn with their floors, each on a server of its own, and
//! prints a table.
//!
//! `sql [--json FILE]`

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use lockout_benches::call::Target;
use lockout_benches::row::{Row, json_file, write_json};
use lockout_benches::sql::bytes::{self, AtMost};
use lockout_benches::sql::{Bare, CONNECTIONS, TASKS, Targets, scenarios};
use lockout_benches::turns::Bench;
use lockout_sql::sqlx::pool::PoolOptions;
use lockout_sql::sqlx::postgres::PgConnectOptions;
use lockout_sql::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use lockout_sql::sqlx::{ConnectOptions, Database, Pool, query, query_scalar};
use lockout_sql::{Dialect, Durability, MySqlStore, PostgresStore, SqlStore, SqliteStore};
use lockout_testkit::servers::{MariaDbServer, PostgresServer};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sql: {error}");
            ExitCode::from(2)
        }
    }
}

/// A disk that stalls for a second shall not end the run.
const PATIENCE: Duration = Duration::from_secs(30);

const OPEN: Targets = Targets {
    begin: Target::Open,
    begin_beside_write: Target::Open,
    refused: Target::Open,
    hot: Target::Open,
};

/// Where a write does not wait for the disk.
const RELAXED: Targets =
    Targets { begin: Target::AtMost(1.15), refused: Target::AtMost(1.15), ..OPEN };

/// Where it does.
const FULL: Targets = Targets { begin_beside_write: Target::AtMost(1.3), ..OPEN };

fn run() -> Result<(), Box<dyn Error>> {
    let json = json_file("sql")?;
    let mut rows = Vec::new();
    Row::print_head();
    rows.extend(postgres("postgres, locks durable", Durability::Locks)?);
    rows.extend(postgres("postgres, all durable", Durability::Full)?);
    rows.extend(mariadb("mariadb, flushed each second", "2", RELAXED)?);
    rows.extend(mariadb("mariadb, all durable", "1", FULL)?);
    rows.extend(sqlite("sqlite, synchronous = normal", Durability::Relaxed, RELAXED)?);
    rows.extend(sqlite("sqlite, synchronous = full", Durability::Full, FULL)?);
    rows.extend(disk()?);
    json.map_or(Ok(()), |file| write_json(&rows, &file))
}

fn postgres(name: &'static str, durability: Durability) -> Result<Vec<Row>, Box<dyn Error>> {
    let server = PostgresServer::builder().durable().start()?;
    let (commit, targets) = match durability {
        Durability::Full => ("on", FULL),
        _ => ("off", Targets { hot: Target::AtLeast(0.3), ..RELAXED }),
    };
    let options = server.url().parse::<PgConnectOptions>()?;
    let options = options.options([("synchronous_commit", commit)]);
    measure(name, targets, options, || {
        Ok(PostgresStore::builder().timeout(PATIENCE).durability(durability).open(&server.url())?)
    })
}

fn mariadb(name: &'static str, flush: &str, targets: Targets) -> Result<Vec<Row>, Box<dyn Error>> {
    let builder = MariaDbServer::builder().durable();
    let server = builder.config("innodb_flush_log_at_trx_commit", flush).start()?;
    measure(name, targets, server.url().parse()?, || {
        Ok(MySqlStore::builder().timeout(PATIENCE).open(&server.url())?)
    })
}

fn sqlite(
    name: &'static str,
    durability: Durability,
    targets: Targets,
) -> Result<Vec<Row>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("lockout.db");
    let url = format!("sqlite://{}", file.display());
    let synchronous = match durability {
        Durability::Full => SqliteSynchronous::Full,
        _ => SqliteSynchronous::Normal,
    };
    let options = url.parse::<SqliteConnectOptions>()?.create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(synchronous);
    measure(name, targets, options, || {
        Ok(SqliteStore::builder().timeout(PATIENCE).durability(durability).open(&url)?)
    })
}

/// What each database keeps on disk, as it says itself.
fn disk() -> Result<Vec<Row>, Box<dyn Error>> {
    let runtime = Runtime::new()?;
    let postgres = PostgresServer::start()?;
    let mariadb = MariaDbServer::start()?;
    let folder = tempfile::tempdir()?;
    runtime.block_on(async {
        let store = PostgresStore::builder().timeout(PATIENCE).open(&postgres.url())?;
        let size = async || {
            let size = postgres.sql("SELECT pg_total_relation_size('lockout')")?;
            Ok(size.trim().parse()?)
        };
        let at_most = AtMost { fresh: 130.0, updated: 260.0 };
        let mut rows = bytes::rows("postgres", store, size, at_most).await?;

        let size = async || {
            mariadb.sql("ANALYZE TABLE lockout")?;
            let size = mariadb.sql(
                "SELECT data_length + index_length FROM information_schema.tables \
                 WHERE table_name = 'lockout' AND table_schema = 'lockout'",
            )?;
            Ok(size.trim().parse()?)
        };
        let at_most = AtMost { fresh: 240.0, updated: 240.0 };
        let store = MySqlStore::builder().timeout(PATIENCE).open(&mariadb.url())?;
        rows.extend(bytes::rows("mariadb", store, size, at_most).await?);

        let file = folder.path().join("lockout.db");
        let store = SqliteStore::builder()
            .timeout(PATIENCE)
            .durability(Durability::Relaxed)
            .open(&format!("sqlite://{}", file.display()))?;
        let pool = store.pool().clone();
        let size = async || {
            query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&pool).await?;
            let pages: i64 = query_scalar("PRAGMA page_count").fetch_one(&pool).await?;
            let size: i64 = query_scalar("PRAGMA page_size").fetch_one(&pool).await?;
            Ok(f64::from(i32::try_from(pages * size)?))
        };
        let at_most = AtMost { fresh: 64.0, updated: 64.0 };
        rows.extend(bytes::rows("sqlite", store, size, at_most).await?);
        Ok(rows.into_iter().map(Row::printed).collect())
    })
}

/// The rows of all scenarios, the floor over a pool of `options`.
fn measure<D: Dialect>(
    name: &'static str,
    targets: Targets,
    options: <<D as Database>::Connection as lockout_sql::sqlx::Connection>::Options,
    store: impl FnOnce() -> Result<SqlStore<D>, Box<dyn Error>>,
) -> Result<Vec<Row>, Box<dyn Error>>
where
    Pool<D>: Bare,
{
    let bench = Bench::new(name, TASKS, Runtime::new()?, ());
    let scenarios = bench.runtime().block_on(async {
        let pool = PoolOptions::<D>::new()
            .max_connections(CONNECTIONS)
            .test_before_acquire(false)
            .connect_lazy_with(options.disable_statement_logging());
        scenarios(store()?, pool, targets).await
    })?;
    let mut rows = Vec::new();
    for scenario in scenarios {
        rows.extend(bench.measure(&scenario)?.into_iter().map(Row::printed));
    }
    Ok(rows)
}
