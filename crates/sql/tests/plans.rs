//! Which indexes the databases use beside a hundred thousand rows that nobody asks for.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod both_mysqls;
mod common;

use std::time::Duration;

use both_mysqls::DEEP;
use common::{Foreign, Kind, NOON, Tested, on_each_database, subject};
use lockout_core::{LockedQuery, LockoutStore as _};

const OTHERS: i64 = 100_000;

/// A table with so many rows that are not locked.
async fn filled<D: Tested>() -> (common::Place, lockout_sql::SqlStore<D>, Foreign<D>) {
    let place = D::place();
    let store = place.store::<D>().await;
    let foreign = Foreign::<D>::to(&place.url);
    let (name, deep) = match D::KIND {
        Kind::MySql => ("concat('username:other-', n)", DEEP),
        _ => ("'username:other-' || n", ""),
    };
    let (before, between) = match D::KIND {
        Kind::MySql => ("", "WITH RECURSIVE numbers (n) AS"),
        _ => ("WITH RECURSIVE numbers (n) AS", ""),
    };
    let numbers = format!("(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {OTHERS})");
    let (first, second) = if before.is_empty() { ("", &*numbers) } else { (&*numbers, "") };
    let table = &place.table;
    foreign
        .run(&format!(
            "{deep} {before} {first} \
             INSERT INTO {table} (subject, version, failures, charged, touched, expires_at) \
             {between} {second} SELECT {name}, 1, 1, 5, 5, {} FROM numbers",
            i64::MAX / 2
        ))
        .await;
    for number in 0..200_u64 {
        let until = NOON.saturating_add(Duration::from_secs(60 + number));
        store.lock(&subject(&format!("locked-{number}")), Some(until), NOON).await.unwrap();
    }
    foreign
        .run(&match D::KIND {
            Kind::MySql => format!("ANALYZE TABLE {table}"),
            _ => format!("ANALYZE {table}"),
        })
        .await;
    (place, store, foreign)
}

fn named(text: &str, table: &str) -> String {
    text.replace("{table}", table).replace("{lists}", &format!("{table}_lists"))
}

/// A statement of the store, with values in the places of its parameters.
fn statement<D: Tested>(text: &str, table: &str, values: &[&str]) -> String {
    let mut statement = named(text, table);
    for (number, value) in values.iter().enumerate().rev() {
        let number = number + 1;
        statement = statement.replace(&format!("${number}"), value);
        statement = statement.replace(&format!("?{number}"), value);
    }
    // Those without numbers come in order.
    for value in values {
        statement = statement.replacen('?', value, 1);
    }
    statement
}

fn text<D: Tested>(name: &str) -> String {
    let folder = match D::KIND {
        Kind::Postgres => "postgres",
        Kind::MySql => "mysql",
        Kind::Sqlite => "sqlite",
    };
    let file = format!("{}/src/sql/{folder}/{name}.sql", env!("CARGO_MANIFEST_DIR"));
    let keys = if matches!(D::KIND, Kind::Postgres) { "$1, $2, $3" } else { "?, ?, ?" };
    std::fs::read_to_string(file).unwrap().replace("{keys}", keys)
}

/// How the database goes about a statement, also when it does not know the values.
async fn plans<D: Tested>(
    foreign: &Foreign<D>,
    name: &str,
    table: &str,
    values: &[&str],
) -> Vec<String> {
    let known = statement::<D>(&text::<D>(name), table, values);
    let lines = async |sql: String| D::plan(foreign, &sql).await;
    match D::KIND {
        Kind::Postgres => {
            let unknown = named(&text::<D>(name), table);
            foreign.run("SET plan_cache_mode = force_generic_plan").await;
            foreign.run(&format!("PREPARE {name} AS {unknown}")).await;
            let values = values.join(", ");
            vec![
                lines(format!("EXPLAIN {known}")).await,
                lines(format!("EXPLAIN EXECUTE {name} ({values})")).await,
            ]
        }
        Kind::MySql => vec![both_mysqls::done(&lines(both_mysqls::explain(&known)).await)],
        Kind::Sqlite => vec![lines(format!("EXPLAIN QUERY PLAN {known}")).await],
    }
}

/// Whether a plan goes by the primary key.
fn is_by_key<D: Tested>(plan: &str, table: &str) -> bool {
    match D::KIND {
        Kind::Postgres => plan.contains(&format!("{table}_pkey")) && !plan.contains("Seq Scan"),
        Kind::MySql => plan.contains("\"key\": \"PRIMARY\""),
        Kind::Sqlite => {
            plan.contains("USING PRIMARY KEY") && !plan.contains(&format!("SCAN {table}"))
        }
    }
}

async fn listing_reads_the_locked_and_nobody_else<D: Tested>() {
    let (place, store, foreign) = filled::<D>().await;
    let noon = NOON.as_millis().to_string();
    for plan in plans::<D>(&foreign, "locked", &place.table, &[&noon, "''", &noon, "31"]).await {
        let is_by_end = match D::KIND {
            Kind::Postgres => {
                plan.contains("_by_end") && !plan.contains("Seq Scan") && !plan.contains("Sort")
            }
            Kind::MySql => plan.contains("\"key\": \"by_end\"") && !plan.contains("filesort"),
            Kind::Sqlite => plan.contains("_by_end") && !plan.contains("TEMP B-TREE"),
        };
        assert!(is_by_end, "{plan}");
    }
    let query = LockedQuery { limit: 30, ..LockedQuery::default() };
    let page = store.locked(&query, NOON).await.unwrap();
    assert_eq!(page.items.len(), 30);
    let query = LockedQuery { after: page.next, ..query };
    assert_eq!(store.locked(&query, NOON).await.unwrap().items.len(), 30);
}

async fn attempts_and_sweeps_go_by_the_primary_key<D: Tested>() {
    let (place, store, foreign) = filled::<D>().await;
    let table = &place.table;
    let subjects = r#"'["username:other-5","username:nobody","ip:192.0.2.1"]'"#;
    for (name, values) in [
        ("read", vec!["'username:other-5'", "'username:nobody'", "'ip:192.0.2.1'"]),
        ("forget", vec![subjects, "7"]),
        ("expired", vec!["'username:other-5'", "1000", "7"]),
    ] {
        for plan in plans::<D>(&foreign, name, table, &values).await {
            assert!(is_by_key::<D>(&plan, table), "{name}: {plan}");
        }
    }
    // And they still do what they are for.
    assert_eq!(store.sweep(None, 1_000, NOON).await.unwrap().deleted, 0);
}

/// A list with so many entries, each with an end.
async fn with_a_list<D: Tested>() -> (common::Place, Foreign<D>) {
    let place = D::place();
    place.store::<D>().await;
    let foreign = Foreign::<D>::to(&place.url);
    let table = format!("{}_lists", place.table);
    let numbers = format!(
        "WITH RECURSIVE numbers (n) AS \
         (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {OTHERS})"
    );
    let columns = "(list, entry, value, until)";
    foreign
        .run(&match D::KIND {
            Kind::MySql => format!(
                "{DEEP} INSERT INTO {table} {columns} {numbers} SELECT \
                 'devices', concat('key-', n), '', n FROM numbers; ANALYZE TABLE {table}"
            ),
            _ => format!(
                "{numbers} INSERT INTO {table} {columns} \
                 SELECT 'devices', 'key-' || n, '', n FROM numbers; ANALYZE {table}"
            ),
        })
        .await;
    (place, foreign)
}

async fn a_list_is_read_off_its_key_and_swept_by_its_ends<D: Tested>() {
    let (place, foreign) = with_a_list::<D>().await;
    let lists = format!("{}_lists", place.table);
    for (name, values) in [
        ("list_get", &["'devices'", "'key-7'"][..]),
        ("list_page", &["'devices'", "'key-5'", "7", "100"]),
    ] {
        for plan in plans::<D>(&foreign, name, &place.table, values).await {
            assert!(is_by_key::<D>(&plan, &lists), "{name}: {plan}");
            assert!(!plan.to_lowercase().contains("sort"), "{name}: {plan}");
        }
    }
    for plan in plans::<D>(&foreign, "list_sweep", &place.table, &["7", "100"]).await {
        let by_end = match D::KIND {
            Kind::MySql => "\"key\": \"by_end\"".to_owned(),
            _ => format!("{lists}_by_end"),
        };
        assert!(plan.contains(&by_end) && !plan.contains("Seq Scan"), "{plan}");
    }
}

on_each_database!(
    a_list_is_read_off_its_key_and_swept_by_its_ends,
    listing_reads_the_locked_and_nobody_else,
    attempts_and_sweeps_go_by_the_primary_key,
);
