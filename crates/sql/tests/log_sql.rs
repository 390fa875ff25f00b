//! The record of attempts beside whatever else goes on in its database.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod plain_sql;

use std::sync::Arc;
use std::time::Duration;

use lockout_core::{
    Attempt, AttemptEntry, AttemptLog, AttemptQuery, Clock as _, LoggedOutcome, SystemClock,
    Timestamp, Username, prune_all,
};
use lockout_sql::{Dialect, SqlStore, sqlx};
use plain_sql::{Kept, NOON, everywhere, failure};

fn after(millis: u64) -> Timestamp {
    Timestamp::from_millis(NOON.as_millis() + millis)
}

fn failures(millis: impl Iterator<Item = u64>) -> Vec<AttemptEntry> {
    millis.map(|millis| failure(millis, &format!("user-{millis}"))).collect()
}

/// The names of the pages that follow on `query`, three to a page.
async fn follow(log: &dyn AttemptLog, mut query: AttemptQuery) -> Vec<String> {
    let mut names = Vec::new();
    query.limit = 3;
    loop {
        let page = log.recent(&query).await.unwrap();
        names.extend(page.items.iter().map(|entry| entry.username().unwrap().as_str().to_owned()));
        match page.next {
            None => return names,
            next => query.after = next,
        }
    }
}

#[cfg(any(feature = "mysql", feature = "postgres"))]
#[tokio::test]
async fn what_others_commit_late_is_seen_once_or_not_and_hides_nothing() {
    for kept in everywhere().await {
        if kept.database.name() == "sqlite" {
            // Nobody else can write there meanwhile.
            continue;
        }
        kept.log.append(&failures(0..10)).await.unwrap();
        let insert = format!(
            "INSERT INTO {{attempts}} (at, outcome, username) VALUES ({}, 'failed', 'late'), \
             ({}, 'failed', 'same'), ({}, 'failed', 'newer')",
            after(5).as_millis(),
            after(17).as_millis(),
            after(30).as_millis()
        );
        // Its numbers come before those of the next ten.
        let held = kept.database.hold(&kept.named(&insert)).await;
        kept.log.append(&failures(10..20)).await.unwrap();
        let query = AttemptQuery { limit: 3, ..AttemptQuery::default() };
        let first = kept.log.recent(&query).await.unwrap();
        assert_eq!(first.items.last().map(|entry| entry.at), Some(after(17)));
        held.commit().await;
        let rest = follow(&kept.log, AttemptQuery { after: first.next, ..query }).await;
        let users = |millis: std::ops::Range<u64>| millis.rev().map(|at| format!("user-{at}"));
        let expected = ["same".to_owned()].into_iter().chain(users(6..17));
        let expected = expected.chain(["late".to_owned()]).chain(users(0..6));
        let expected: Vec<_> = expected.collect();
        assert_eq!(rest, expected, "{kept:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_prune_beside_logins_and_count_each_row_once() {
    for kept in everywhere().await {
        for from in 0..10 {
            kept.log.append(&failures(from * 1_000..(from + 1) * 1_000)).await.unwrap();
        }
        let prunes: Vec<_> = (0..4)
            .map(|_| {
                let log = Arc::clone(&kept.log);
                tokio::spawn(async move {
                    let pruned = prune_all(&log, after(9_500), 700, |_| ()).await.unwrap();
                    // Whoever is told that none is left can count on it.
                    let old = AttemptQuery { until: Some(after(9_500)), ..AttemptQuery::default() };
                    assert_eq!(log.recent(&old).await.unwrap().items, []);
                    pruned
                })
            })
            .collect();
        for from in 10..20 {
            kept.log.append(&failures(from * 1_000..from * 1_000 + 100)).await.unwrap();
        }
        let mut pruned = 0;
        for prune in prunes {
            pruned += prune.await.unwrap();
        }
        assert_eq!(pruned, 9_500, "{kept:?}");
        assert_eq!(kept.count().await, 1_500, "{kept:?}");
    }
}

#[tokio::test]
async fn more_than_one_statement_deletes_is_pruned_by_one_call() {
    for kept in everywhere().await {
        kept.log.append(&failures(0..3_000)).await.unwrap();
        assert_eq!(kept.log.prune(after(2_800), 2_500).await.unwrap(), 2_500, "{kept:?}");
        assert_eq!(kept.log.prune(after(2_800), 2_500).await.unwrap(), 300, "{kept:?}");
        assert_eq!(kept.count().await, 200, "{kept:?}");
    }
}

#[tokio::test]
async fn a_rare_outcome_is_looked_for_a_bounded_number_of_rows_at_a_time() {
    for kept in everywhere().await {
        let alice = Attempt::new().username("alice");
        let rare = AttemptEntry::new(NOON, &alice, LoggedOutcome::Succeeded);
        kept.log.append(std::slice::from_ref(&rare)).await.unwrap();
        let common: Vec<_> = (1..12_000).map(|millis| failure(millis, "alice")).collect();
        for entries in common.chunks(2_000) {
            kept.log.append(entries).await.unwrap();
        }
        let mut query = AttemptQuery {
            username: Username::new("alice"),
            outcome: Some(LoggedOutcome::Succeeded),
            ..AttemptQuery::default()
        };
        let mut found = Vec::new();
        let mut calls = 0;
        loop {
            let page = kept.log.recent(&query).await.unwrap();
            calls += 1;
            found.extend(page.items);
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        assert_eq!((found, calls), (vec![rare], 3), "{kept:?}");
    }
}

#[tokio::test]
async fn an_append_that_fails_writes_nothing() {
    for kept in everywhere().await {
        let constraint = "CREATE UNIQUE INDEX {name}_once ON {attempts} (path)";
        let constraint = match kept.database.name() {
            "mysql" => constraint.replace("(path)", "(path(100))"),
            _ => constraint.to_owned(),
        };
        kept.database.run(&kept.named(&constraint)).await;
        let entries: Vec<_> = (0..20).map(|millis| failure(millis, "alice")).collect();
        kept.log.append(&entries).await.unwrap_err();
        assert_eq!(kept.count().await, 0, "{kept:?}");
    }
}

#[tokio::test]
async fn a_number_is_never_given_twice() {
    for kept in everywhere().await {
        kept.log.append(&failures(0..5)).await.unwrap();
        let last = kept.named("SELECT max(id) FROM {attempts}");
        let before = kept.database.number(&last).await;
        kept.log.prune(after(100), 100).await.unwrap();
        kept.log.append(&failures(0..1)).await.unwrap();
        assert!(kept.database.number(&last).await > before, "{kept:?}");
    }
}

/// Ten stores that make the same tables at once, under the longest name that there is.
async fn migrate_ten_times<D: Dialect>(url: &str, table: &str) -> SqlStore<D> {
    let table = format!("{table}{}", "x".repeat(48 - table.len()));
    let open = || {
        let builder = SqlStore::<D>::builder().table(table.as_str());
        builder.timeout(Duration::from_secs(60)).open(url).unwrap()
    };
    let migrating: Vec<_> = (0..10)
        .map(|_| {
            let store = open();
            tokio::spawn(async move { store.migrate().await })
        })
        .collect();
    for migrating in migrating {
        migrating.await.unwrap().unwrap();
    }
    let store = open();
    store.check().await.unwrap();
    let log = store.log();
    log.append(&[failure(1, "alice"), failure(2, "bob")]).await.unwrap();
    assert_eq!(follow(&log, AttemptQuery::default()).await, ["bob", "alice"]);
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_who_make_the_tables_at_once_make_them_once() {
    #[cfg(feature = "postgres")]
    {
        let server = lockout_testkit::servers::TestPostgres::shared().unwrap();
        let store = migrate_ten_times::<sqlx::Postgres>(&server.url, &server.prefix).await;
        drop(store);
    }
    #[cfg(feature = "mysql")]
    {
        let server = lockout_testkit::servers::TestMariaDb::shared().unwrap();
        migrate_ten_times::<sqlx::MySql>(&server.url, &server.prefix).await;
    }
    #[cfg(feature = "sqlite")]
    {
        let folder = plain_sql::Folder::new();
        migrate_ten_times::<sqlx::Sqlite>(&folder.url(), "lockout").await;
    }
}

const README: &str = include_str!("../README.md");

/// What the README shows operators: for every database, or for the one that its first line names.
async fn ask_as_the_readme_does(kept: &Kept) -> usize {
    let (_, section) = README.split_once("# The record of attempts").unwrap();
    let blocks = section.split("```sql\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    let mut asked = 0;
    for block in blocks {
        let (first, rest) = block.split_once('\n').unwrap();
        let database = match first {
            "-- PostgreSQL" => "postgres",
            "-- MySQL, MariaDB" => "mysql",
            "-- SQLite" => "sqlite",
            _ => "",
        };
        let (is_ours, text) = match database {
            "" => (true, block),
            database => (database == kept.database.name(), rest),
        };
        if !is_ours {
            continue;
        }
        let text = text.replace("lockout_attempts", &format!("{}_attempts", kept.table));
        for query in text.split(";\n").filter(|query| !query.trim().is_empty()) {
            let rows = kept.database.texts(query).await;
            assert!(!rows.is_empty(), "{}: {query}", kept.database.name());
            asked += 1;
        }
    }
    asked
}

#[tokio::test]
async fn what_the_readme_asks_in_sql_has_an_answer() {
    for kept in everywhere().await {
        let now = SystemClock.now().as_millis();
        let attempt = Attempt::new().username("alice").ip([203, 0, 113, 7]).user_agent("curl");
        let outcomes = [LoggedOutcome::Failed, LoggedOutcome::Failed, LoggedOutcome::Succeeded];
        for (age, outcome) in (0..3).rev().zip(outcomes) {
            let at = Timestamp::from_millis(now - age);
            kept.log.append(&[AttemptEntry::new(at, &attempt, outcome)]).await.unwrap();
        }
        assert!(ask_as_the_readme_does(&kept).await >= 4);
    }
}
