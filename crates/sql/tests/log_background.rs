//! The record of attempts behind a log in the background: what is lost is counted, and nothing else
//! is.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod plain_sql;

use std::time::Duration;

use lockout_core::AttemptLog;
use lockout_layers::BackgroundLog;
#[cfg(feature = "mysql")]
use lockout_testkit::servers::MariaDbServer;
#[cfg(feature = "postgres")]
use lockout_testkit::servers::PostgresServer;
use plain_sql::{everywhere, failure};

#[tokio::test]
async fn closing_writes_everything_that_waits() {
    for kept in everywhere().await {
        let log = BackgroundLog::start(kept.log.clone()).unwrap();
        for number in 0..10_000 {
            log.try_append(failure(number, &format!("user-{number}"))).unwrap();
        }
        assert_eq!(log.close().await, 0, "{kept:?}");
        assert_eq!(kept.count().await, 10_000, "{kept:?}");
        let names = kept.named("SELECT count(DISTINCT username) FROM {attempts}");
        assert_eq!(kept.database.number(&names).await, 10_000, "{kept:?}");
    }
}

/// Floods `log` while `kill` and then `restart` are called, and gives how many it says were lost of
/// how many.
#[cfg(any(feature = "mysql", feature = "postgres"))]
async fn flood(
    log: impl AttemptLog,
    kill: impl FnOnce() + Send + 'static,
    restart: impl FnOnce() + Send + 'static,
) -> (u64, u64) {
    const BATCH: u64 = 200;
    const BATCHES: u64 = 150;
    let log = BackgroundLog::builder(log).capacity(5_000).batch(500).start().unwrap();
    let server = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        tokio::task::spawn_blocking(kill).await.unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
        tokio::task::spawn_blocking(restart).await.unwrap();
    });
    for number in 0..BATCHES * BATCH {
        log.try_append(failure(number, &format!("user-{number}"))).unwrap();
        if number % BATCH == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    server.await.unwrap();
    (log.close().await, BATCHES * BATCH)
}

/// What is in the table, of one batch perhaps twice, since nobody knew whether it was written.
#[cfg(any(feature = "mysql", feature = "postgres"))]
fn assert_adds_up((lost, sent): (u64, u64), counted: &str) {
    let counted: Vec<u64> =
        counted.split(['|', '\t']).map(|count| count.parse().unwrap()).collect();
    let (rows, names) = (counted[0], counted[1]);
    assert_eq!(lost + names, sent, "{rows} rows");
    assert!(rows - names <= 500, "{rows} rows of {names}");
    assert!(names > 0 && lost > 0, "{lost} lost of {sent}: nothing was examined");
}

#[cfg(any(feature = "mysql", feature = "postgres"))]
const COUNTS: &str = "SELECT count(*), count(DISTINCT username) FROM lockout_attempts";

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_uncounted_when_postgres_is_killed_in_a_flood() {
    use std::sync::{Arc, Mutex};

    use lockout_sql::{Durability, PostgresStore};

    let server = PostgresServer::builder().durable().start().unwrap();
    let store = PostgresStore::builder().durability(Durability::Full).open(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let server = Arc::new(Mutex::new(server));
    let (killed, restarted) = (Arc::clone(&server), Arc::clone(&server));
    let flooded = flood(
        store.log(),
        move || killed.lock().unwrap().kill(),
        move || restarted.lock().unwrap().restart().unwrap(),
    );
    let flooded = flooded.await;
    assert_adds_up(flooded, &server.lock().unwrap().sql(COUNTS).unwrap());
}

#[cfg(feature = "mysql")]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_uncounted_when_mariadb_is_killed_in_a_flood() {
    use std::sync::{Arc, Mutex};

    let server = MariaDbServer::builder().durable().start().unwrap();
    let store = lockout_sql::MySqlStore::open(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let server = Arc::new(Mutex::new(server));
    let (killed, restarted) = (Arc::clone(&server), Arc::clone(&server));
    let flooded = flood(
        store.log(),
        move || killed.lock().unwrap().kill(),
        move || restarted.lock().unwrap().restart().unwrap(),
    );
    let flooded = flooded.await;
    assert_adds_up(flooded, &server.lock().unwrap().sql(COUNTS).unwrap());
}
