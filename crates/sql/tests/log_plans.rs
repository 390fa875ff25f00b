//! How the databases carry the statements of the record of attempts out: off one index, in its
//! order, whatever their statistics say.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod both_mysqls;
mod plain_sql;

use plain_sql::{Kept, NOON, everywhere};

const ROWS: u64 = 10_000;

/// A statement of a database's folder, the index that it is read off, and its first value.
struct Statement {
    text: &'static str,
    index: &'static str,
    /// As it stands in SQL.
    lead: Option<&'static str>,
}

macro_rules! statements {
    ($folder:literal, $time:literal) => {
        [
            Statement {
                text: include_str!(concat!("../src/sql/", $folder, "/recent.sql")),
                index: $time,
                lead: None,
            },
            Statement {
                text: include_str!(concat!("../src/sql/", $folder, "/recent_username.sql")),
                index: "by_username",
                lead: Some("'alice'"),
            },
            Statement {
                text: include_str!(concat!("../src/sql/", $folder, "/recent_ip.sql")),
                index: "by_ip",
                lead: Some("'192.0.2.1'"),
            },
            Statement {
                text: include_str!(concat!("../src/sql/", $folder, "/recent_outcome.sql")),
                index: "by_outcome",
                lead: Some("'failed'"),
            },
        ]
    };
}

impl Statement {
    /// The values of a page in the middle, as they stand in SQL.
    fn values(&self) -> Vec<String> {
        let at = NOON.as_millis() + ROWS / 2;
        let numbers = [0, at, at, 7, 101].map(|number: u64| number.to_string());
        self.lead.map(str::to_owned).into_iter().chain(numbers).collect()
    }
}

/// A record in which nearly everything is alice's, who fails.
async fn fill(kept: &Kept) {
    let begin = NOON.as_millis();
    let numbers = match kept.database.name() {
        "postgres" => format!("SELECT i FROM generate_series(1, {ROWS}) AS i"),
        _ => format!(
            "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < \
             {ROWS}) SELECT i FROM numbers"
        ),
    };
    let address = if kept.database.name() == "postgres" { "::inet" } else { "" };
    let insert = format!(
        "INSERT INTO {{attempts}} (at, outcome, ip, username)
        SELECT
            {begin} + i,
            CASE WHEN i % 50 = 0 THEN 'locked' ELSE 'failed' END,
            (CASE WHEN i % 50 = 1 THEN '192.0.2.2' ELSE '192.0.2.1' END){address},
            CASE WHEN i % 50 = 2 THEN 'bob' ELSE 'alice' END
        FROM ({numbers}) AS numbers"
    );
    let deep = if kept.database.name() == "mysql" { both_mysqls::DEEP } else { "" };
    kept.database.run(&kept.named(&format!("{deep} {insert}"))).await;
}

async fn analyze(kept: &Kept) {
    let table = if kept.database.name() == "mysql" { "TABLE " } else { "" };
    kept.database.run(&kept.named(&format!("ANALYZE {table}{{attempts}}"))).await;
}

/// The record on one database.
async fn on(name: &str) -> Kept {
    everywhere().await.into_iter().find(|kept| kept.database.name() == name).unwrap()
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_reads_every_page_off_one_index_in_order() {
    let kept = on("postgres").await;
    fill(&kept).await;
    for is_analyzed in [false, true] {
        if is_analyzed {
            analyze(&kept).await;
        }
        for mode in ["force_custom_plan", "force_generic_plan"] {
            for statement in statements!("postgres", "attempts_pkey") {
                let values = statement.values();
                let types = vec!["bigint"; values.len() - usize::from(statement.lead.is_some())];
                let types = statement.lead.map(|_| "text").into_iter().chain(types);
                let explain = format!(
                    "SET plan_cache_mode = {mode}; DEALLOCATE ALL; PREPARE page ({}) AS {}; \
                     EXPLAIN EXECUTE page ({})",
                    types.collect::<Vec<_>>().join(", "),
                    kept.named(statement.text),
                    values.join(", ")
                );
                let plan = kept.database.texts(&explain).await.join("\n");
                let said = format!("{mode}, analyzed: {is_analyzed}\n{plan}");
                assert!(plan.contains("Index Scan Backward using"), "{said}");
                assert!(plan.contains(statement.index), "{said}");
                assert!(!plan.contains("Sort") && !plan.contains("Filter"), "{said}");
            }
        }
        let prune = kept.named(include_str!("../src/sql/postgres/prune.sql"));
        let before = (NOON.as_millis() + ROWS / 2).to_string();
        let prune = prune.replace("$1", &before).replace("$2", "1000");
        let plan = kept.database.texts(&format!("EXPLAIN {prune}")).await.join("\n");
        assert!(plan.contains("Tid Scan"), "{plan}");
        // It may sort a table that it takes for small.
        let is_in_order = plan.contains("attempts_pkey") && !plan.contains("Sort");
        assert!(is_in_order || !is_analyzed, "{plan}");
    }
}

/// The statement with its values in it.
#[cfg(any(feature = "mysql", feature = "sqlite"))]
fn filled(text: &str, values: &[String]) -> String {
    let mut filled = String::new();
    let mut values = values.iter();
    for (number, part) in text.split('?').enumerate() {
        let part =
            if number > 0 { part.trim_start_matches(|c: char| c.is_ascii_digit()) } else { part };
        filled.push_str(part);
        if let Some(value) = values.next() {
            filled.push_str(value);
        }
    }
    filled
}

#[cfg(feature = "mysql")]
#[tokio::test]
async fn mariadb_reads_every_page_off_one_index_in_order() {
    let kept = on("mysql").await;
    fill(&kept).await;
    for is_analyzed in [false, true] {
        if is_analyzed {
            analyze(&kept).await;
        }
        let prune = Statement {
            text: include_str!("../src/sql/mysql/prune.sql"),
            index: "PRIMARY",
            lead: None,
        };
        let prune = (prune, vec![u64::MAX.to_string(), "1000".to_owned()]);
        let recent = statements!("mysql", "PRIMARY");
        let recent = recent.into_iter().map(|statement| {
            let values = statement.values();
            (statement, values)
        });
        for (statement, values) in recent.chain([prune]) {
            let text = filled(&kept.named(statement.text), &values);
            let plan = kept.database.texts(&both_mysqls::explain(&text)).await.join("\n");
            let plan = both_mysqls::done(&plan);
            assert!(plan.contains(&format!("\"key\": \"{}\"", statement.index)), "{plan}");
            assert!(!plan.contains("filesort") && !plan.contains("temporary"), "{plan}");
            if text.starts_with("SELECT") {
                assert!(plan.contains("\"access_type\": \"range\""), "{plan}");
            }
            // What it really did: no row is read that is not given, but for those of the same
            // millisecond and one at the end.
            let status = "SHOW STATUS LIKE 'Handler_read_%'";
            let counts = kept.database.texts(&format!("{status}; {text}; {status}")).await;
            let counts: Vec<u64> = counts.iter().filter_map(|count| count.parse().ok()).collect();
            let (before, after) = counts.split_at(counts.len() / 2);
            let read = after.iter().sum::<u64>() - before.iter().sum::<u64>();
            let rows = values.last().unwrap().parse::<u64>().unwrap();
            assert!(read <= rows + 5, "{read} rows were read\n{text}");
        }
        kept.database.run(&kept.named("DELETE FROM {attempts}")).await;
        fill(&kept).await;
    }
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn sqlite_reads_every_page_off_one_index_in_order() {
    let kept = on("sqlite").await;
    fill(&kept).await;
    for is_analyzed in [false, true] {
        if is_analyzed {
            analyze(&kept).await;
        }
        for statement in statements!("sqlite", "by_time") {
            let text = filled(&kept.named(statement.text), &statement.values());
            let plan = kept.database.texts(&format!("EXPLAIN QUERY PLAN {text}")).await;
            assert_eq!(plan.len(), 1, "{plan:?}");
            assert!(plan[0].starts_with("SEARCH"), "{plan:?}");
            assert!(plan[0].contains(&format!("lockout_{} (", statement.index)), "{plan:?}");
            assert!(plan[0].contains("at>? AND at<?"), "{plan:?}");
        }
        let prune = kept.named(include_str!("../src/sql/sqlite/prune.sql"));
        let prune = filled(&prune, &[NOON.as_millis().to_string(), "1000".to_owned()]);
        let plan = kept.database.texts(&format!("EXPLAIN QUERY PLAN {prune}")).await.join("\n");
        assert!(plan.contains("USING INTEGER PRIMARY KEY") && plan.contains("by_time"), "{plan}");
        assert!(!plan.contains("SCAN") && !plan.contains("ORDER BY"), "{plan}");
    }
}
