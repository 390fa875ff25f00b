//! Stores in several processes share one limit and one set of tables.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::process::{Command, Output, Stdio};

use common::{Foreign, Kind, PATIENT, Place, Tested, on_each_database};
use lockout_core::{Attempt, Decision, Guard, Policy};
use lockout_sql::SqlStore;

const URL: &str = "LOCKOUT_TEST_PROCESS_URL";
const TABLE: &str = "LOCKOUT_TEST_PROCESS_TABLE";

const GUESSES: u8 = 167;

/// If this process is one of those that a test has started: where its table is.
fn told() -> Option<(String, String)> {
    Some((std::env::var(URL).ok()?, std::env::var(TABLE).ok()?))
}

/// Runs the test that this is in so many other processes at once; what they write.
fn processes<D: Tested>(count: usize, test: &str, place: &Place) -> Vec<Output> {
    let module = match D::KIND {
        Kind::Postgres => "postgres",
        Kind::MySql => "mysql",
        Kind::Sqlite => "sqlite",
    };
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--nocapture", "--exact", &format!("{module}::{test}")]);
        command.env(URL, &place.url).env(TABLE, &place.table);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let processes: Vec<_> = (0..count).map(|_| start()).collect();
    processes.into_iter().map(|process| process.wait_with_output().unwrap()).collect()
}

/// What each of the processes does: guesses as fast as it can, from one address each.
async fn guess<D: Tested>(url: &str, table: &str) -> usize {
    let store = SqlStore::<D>::builder().table(table).timeout(PATIENT).open(url).unwrap();
    let guard = Guard::new(store, Policy::default());
    let guess = |host| {
        let guard = guard.clone();
        async move {
            let attempt = Attempt::new().username("victim").ip([198, 51, 100, host]);
            match guard.begin(&attempt).await.expect("the store works") {
                Decision::Refused(_) => 0,
                Decision::Admitted(permit) => permit.fail().await.map(|_| 1).unwrap(),
            }
        }
    };
    futures_util::future::join_all((0..GUESSES).map(guess)).await.into_iter().sum()
}

async fn five_hundred_guesses_through_three_processes_admit_limit_plus_one<D: Tested>() {
    if let Some((url, table)) = told() {
        println!("admitted={}", guess::<D>(&url, &table).await);
        return;
    }
    let place = D::place();
    place.store::<D>().await;
    let test = "five_hundred_guesses_through_three_processes_admit_limit_plus_one";
    let mut admitted = 0;
    for output in processes::<D>(3, test, &place) {
        let text = String::from_utf8_lossy(&output.stdout);
        let count = text.split_once("admitted=").map(|(_, rest)| rest.split_whitespace().next());
        let count = count.flatten().and_then(|count| count.parse::<u32>().ok());
        admitted += count.unwrap_or_else(|| panic!("{output:?}"));
    }
    assert_eq!(admitted, Policy::default().rules()[0].failure_limit() + 1);
}

async fn ten_processes_that_migrate_at_once_all_succeed_and_make_each_table_once<D: Tested>() {
    if let Some((url, table)) = told() {
        let store = SqlStore::<D>::builder().table(table).timeout(PATIENT).open(&url).unwrap();
        store.migrate().await.expect("others who migrate are waited for");
        println!("migrated");
        return;
    }
    let place = D::place();
    let test = "ten_processes_that_migrate_at_once_all_succeed_and_make_each_table_once";
    for output in processes::<D>(10, test, &place) {
        assert!(String::from_utf8_lossy(&output.stdout).contains("migrated"), "{output:?}");
    }
    let foreign = Foreign::<D>::to(&place.url);
    let table = &place.table;
    let rows = format!("SELECT count(*) FROM {table}_migrations");
    assert_eq!(foreign.number(&rows).await, 2, "each migration is noted once");
    let names = match D::KIND {
        Kind::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE type <> 'index' AND name LIKE '",
        _ => "SELECT count(*) FROM information_schema.tables WHERE table_name LIKE '",
    };
    let tables = format!("{names}{table}%'");
    assert_eq!(foreign.number(&tables).await, 5, "records, view, attempts, lists and migrations");
    place.builder::<D>().open(&place.url).unwrap().check().await.unwrap();
}

on_each_database!(
    five_hundred_guesses_through_three_processes_admit_limit_plus_one,
    ten_processes_that_migrate_at_once_all_succeed_and_make_each_table_once,
);
