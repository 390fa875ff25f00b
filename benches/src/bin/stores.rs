//! Measures one `begin` over three subjects on every store, in turn with Redis, each on a server of
//! its own, and prints a table.
//!
//! `stores [--json FILE]`

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use lockout_benches::call::{Call, Figure, Scenario, Target, admitted, for_all, guarded, index};
use lockout_benches::row::{Row, json_file, write_json};
use lockout_benches::scenario::{attempts, policy};
use lockout_benches::sql::TASKS;
use lockout_benches::turns::Bench;
use lockout_core::{Guard, LockoutStore};
use lockout_moka::MokaStore;
use lockout_redis::RedisStore;
use lockout_sql::{Dialect, Durability, MySqlStore, PostgresStore, SqlStore, SqliteStore};
use lockout_testkit::servers::{MariaDbServer, PostgresServer, RedisServer};
use tokio::runtime::Runtime;

/// How many attempts there are: each has three subjects.
const ATTEMPTS: u32 = 10_000;

/// A disk that stalls for a second shall not end the run.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stores: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let json = json_file("stores")?;
    let bench = Bench::new("begin", TASKS, Runtime::new()?, ());
    let redis = RedisServer::start()?;
    let postgres = PostgresServer::builder().durable().start()?;
    let mariadb = MariaDbServer::builder().durable().start()?;
    let folder = tempfile::tempdir()?;
    let file = format!("sqlite://{}", folder.path().join("lockout.db").display());
    let scenarios = bench.runtime().block_on(async {
        let redis = begin(RedisStore::open(&redis.url())?).await?;
        let table = |name| PostgresStore::builder().timeout(PATIENCE).table(name);
        let stores = [
            ("MokaStore", begin(MokaStore::new()).await?),
            (
                "PostgresStore, locks durable",
                begin(made(table("locks").open(&postgres.url())?).await?).await?,
            ),
            (
                "PostgresStore, all durable",
                begin(
                    made(table("full").durability(Durability::Full).open(&postgres.url())?).await?,
                )
                .await?,
            ),
            (
                "MySqlStore on MariaDB, all durable",
                begin(made(MySqlStore::builder().timeout(PATIENCE).open(&mariadb.url())?).await?)
                    .await?,
            ),
            (
                "SqliteStore, all durable",
                begin(made(SqliteStore::builder().timeout(PATIENCE).open(&file)?).await?).await?,
            ),
        ];
        let beside_redis = |(name, begin): &(&'static str, Call)| {
            let figures = [(Figure::Latency, Target::Open), (Figure::Throughput, Target::Open)];
            Scenario::new(("RedisStore", &redis), (name, begin), &figures)
        };
        Ok::<_, Box<dyn Error>>(stores.iter().map(beside_redis).collect::<Vec<_>>())
    })?;
    let mut rows = Vec::new();
    Row::print_head();
    for scenario in scenarios {
        rows.extend(bench.measure(&scenario)?.into_iter().map(Row::printed));
    }
    json.map_or(Ok(()), |file| write_json(&rows, &file))
}

/// The store with its tables.
async fn made<D: Dialect>(store: SqlStore<D>) -> Result<SqlStore<D>, Box<dyn Error>> {
    store.migrate().await?;
    Ok(store)
}

/// An attempt that begins and that nobody settles, of subjects that the store knows.
async fn begin(store: impl LockoutStore) -> Result<Call, Box<dyn Error>> {
    let guard = Guard::new(store, policy(3, u32::MAX));
    let begin = guarded(&guard, &attempts()[..index(ATTEMPTS)], |guard, attempt| async move {
        drop(admitted(&guard, &attempt).await);
    });
    for_all(&begin, ATTEMPTS, TASKS).await?;
    Ok(begin)
}
