//! A full disk: nobody is charged, whoever is locked stays locked, and there is room again later.
//!
//! No real disk is filled, which only root could do without harm: SQLite has a limit of its own,
//! MariaDB a file that may not grow, and PostgreSQL's processes a limit on the size of a file, whose
//! effect is the same short write.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{Tested, answered, at_noon, fail, named};
use lockout_core::{Decision, Effect, Guard, StoreError, StoreErrorKind};
use lockout_sql::SqlStore;

/// Charges new names until there is no room for one more.
async fn fill(guard: &Guard) -> StoreError {
    for number in 0..30_000 {
        let name = format!("{number}-{}", "x".repeat(200));
        if let Err(error) = guard.begin(&named(&name)).await.map(drop) {
            return error;
        }
    }
    panic!("it does not become full");
}

/// `room` is asked to make room again.
async fn is_full<D: Tested>(store: &SqlStore<D>, full: impl FnOnce(), room: impl AsyncFnOnce()) {
    let guard = at_noon(store, 3);
    for _ in 0..4 {
        fail(&guard, "locked").await;
    }
    fail(&guard, "alice").await;
    full();
    let error = fill(&guard).await;
    assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Unavailable, Effect::None));
    assert!(error.to_string().contains("the disk is full"), "{error:?}");
    let refused = guard.begin(&named("locked")).await.unwrap();
    assert!(matches!(refused, Decision::Refused(_)), "{refused:?}");
    room().await;
    for (name, left) in [("alice", 1), ("carol", 2)] {
        let Decision::Admitted(permit) = answered(&guard, name).await else { panic!() };
        assert_eq!(permit.failures_left(), Some(left));
    }
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_sqlite_charges_nobody_and_keeps_its_locks() {
    use lockout_sql::SqliteStore;
    use lockout_sql::sqlx::Sqlite;
    use lockout_sql::sqlx::sqlite::SqlitePoolOptions;

    let place = Sqlite::place();
    place.store::<Sqlite>().await;
    let pool = SqlitePoolOptions::new().max_connections(1).connect(&place.url).await.unwrap();
    let store: SqliteStore = place.builder().pool(pool.clone()).unwrap();
    let set = async |sql: &str| {
        <Sqlite as Tested>::run(&mut *pool.acquire().await.unwrap(), sql).await.unwrap();
    };
    set("PRAGMA max_page_count = 40").await;
    is_full(&store, || {}, async || set("PRAGMA max_page_count = 4000").await).await;
}

#[cfg(feature = "mysql")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_mariadb_charges_nobody_and_keeps_its_locks() {
    use std::cell::RefCell;
    use std::path::Path;

    use lockout_sql::MySqlStore;
    use lockout_testkit::servers::MariaDbServer;

    let server = MariaDbServer::builder()
        .config("innodb-file-per-table", "0")
        .config("innodb-data-file-path", "ibdata1:12M")
        .durable()
        .start()
        .unwrap();
    let store = MySqlStore::builder().timeout(common::PATIENT).open(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let ballast = "CREATE TABLE ballast (text LONGTEXT) ENGINE = InnoDB";
    server.sql(ballast).unwrap();
    let server = RefCell::new(server);
    let weigh = |size: u32| {
        let server = server.borrow();
        while server.sql(&format!("INSERT INTO ballast VALUES (repeat('x', {size}))")).is_ok() {}
    };
    let full = || {
        weigh(1 << 18);
        weigh(1 << 14);
    };
    is_full(&store, full, async || {
        // Whatever gives room back needs some itself: so the file may grow from now on.
        let mut server = server.borrow_mut();
        let data = server.sql("SELECT @@datadir").unwrap();
        let file = Path::new(&data).parent().unwrap().join("my.cnf");
        let settings = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, settings.replace("ibdata1:12M", "ibdata1:12M:autoextend")).unwrap();
        server.restart().unwrap();
    })
    .await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_postgresql_charges_nobody_and_keeps_its_locks() {
    use std::process::Command;

    use lockout_sql::PostgresStore;
    use lockout_testkit::servers::PostgresServer;

    let server = PostgresServer::builder().config("autovacuum", "off").start().unwrap();
    let store = PostgresStore::builder().timeout(common::PATIENT).max_connections(2);
    let store = store.open(&server.url()).unwrap();
    store.migrate().await.unwrap();
    // Half a page more than the server needs for a file of its log.
    let limit = |bytes: &str| {
        let pids = server.sql("SELECT pid FROM pg_stat_activity").unwrap();
        for pid in pids.lines().map(str::to_owned).chain([server.pid().to_string()]) {
            let limit = format!("prlimit --pid {pid} --fsize={bytes}:");
            // Root itself may not do so in every container; whose processes they are may.
            let as_their_owner = format!(
                "{limit} || setpriv --reuid postgres --regid postgres --clear-groups {limit}"
            );
            // One that has just ended needs no limit.
            Command::new("sh").args(["-c", &as_their_owner]).output().unwrap();
        }
    };
    let full = || {
        let rows = "INSERT INTO lockout (subject, version, failures, charged, touched) \
                    SELECT 'username:ballast-' || n, 1, 1, 1, 1 FROM generate_series(1, 150000) n";
        server.sql(rows).unwrap();
        limit(&(16 * 1024 * 1024 + 4096).to_string());
    };
    is_full(&store, full, async || limit("unlimited")).await;
}
