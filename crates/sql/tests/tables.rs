//! What lies in the tables: whose it is, and what an operator reads there.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{
    Foreign, Kind, NOON, Place, Tested, admit, at_noon, by_name, fail, on_each_database, subject,
};
use lockout_core::{
    Clock as _, FakeClock, Guard, LockedQuery, LockoutStore as _, Names, Policy, Rule, Scope,
    Subject, SystemClock, Timestamp,
};
use lockout_sql::SqlStore;

const HOUR: Duration = Duration::from_secs(3600);

async fn listed<D: Tested>(store: &SqlStore<D>) -> Vec<Subject> {
    let page = store.locked(&LockedQuery::default(), NOON).await.unwrap();
    page.items.into_iter().map(|lockout| lockout.subject).collect()
}

async fn stores_with_two_tables_know_nothing_of_each_other<D: Tested>() {
    let place = D::place();
    let other = Place { url: place.url.clone(), table: format!("{}_2", place.table), folder: None };
    let (one, two) = (place.store::<D>().await, other.store::<D>().await);
    fail(&at_noon(&one, 3), "alice").await;
    assert_eq!(admit(&at_noon(&two, 3), "alice").await.failures_left(), Some(2));
    assert!(one.lock(&subject("bob"), None, NOON).await.unwrap());
    assert_eq!(listed(&two).await, []);
    assert_eq!(two.status(&[subject("bob")], NOON).await.unwrap(), [None]);
    assert!(!two.clear(&subject("bob"), NOON).await.unwrap());
    let much_later = NOON.saturating_add(1_000 * HOUR);
    assert_eq!(two.sweep(None, 100, much_later).await.unwrap().deleted, 1, "its own alice");
    assert_eq!(listed(&one).await, [subject("bob")]);
    assert_eq!(admit(&at_noon(&one, 3), "alice").await.failures_left(), Some(1));
}

async fn stores_with_one_table_share_everything<D: Tested>() {
    let place = D::place();
    let (one, two) = (place.store::<D>().await, place.store::<D>().await);
    fail(&at_noon(&one, 3), "alice").await;
    assert_eq!(admit(&at_noon(&two, 3), "alice").await.failures_left(), Some(1));
    assert!(one.lock(&subject("bob"), None, NOON).await.unwrap());
    assert!(two.clear(&subject("bob"), NOON).await.unwrap());
    assert_eq!(listed(&one).await, []);
}

#[cfg(any(feature = "mysql", feature = "postgres"))]
async fn a_table_in_a_schema_is_another_one<D: Tested>() {
    let place = D::place();
    let foreign = Foreign::<D>::to(&place.url);
    let schema = if D::KIND == Kind::Postgres {
        foreign.run(&format!("CREATE SCHEMA {}_schema", place.table)).await;
        format!("{}_schema", place.table)
    } else {
        // A schema is a database there, and this user has one.
        foreign.texts("SELECT DATABASE()").await[0].clone().unwrap()
    };
    let table = format!("{schema}.{}", place.table);
    let inside = Place { url: place.url.clone(), table: table.clone(), folder: None };
    let inside = inside.store::<D>().await;
    fail(&at_noon(&inside, 3), "alice").await;
    let lock = inside.lock(&subject("bob"), None, NOON).await.unwrap();
    assert!(lock);
    assert_eq!(foreign.number(&format!("SELECT count(*) FROM {table}")).await, 2);
    assert_eq!(foreign.number(&format!("SELECT count(*) FROM {table}_locked")).await, 1);
    assert_eq!(listed(&inside).await, [subject("bob")]);
    if D::KIND == Kind::Postgres {
        let outside = place.store::<D>().await;
        assert_eq!(admit(&at_noon(&outside, 3), "alice").await.failures_left(), Some(2));
        assert_eq!(listed(&outside).await, []);
        foreign.run(&format!("DROP SCHEMA {schema} CASCADE")).await;
    }
}

/// A time of the view, in milliseconds.
fn millis<D: Tested>(column: &str) -> String {
    match D::KIND {
        Kind::Postgres => format!("(extract(epoch FROM {column}) * 1000)::bigint"),
        Kind::MySql => format!("CAST(UNIX_TIMESTAMP({column}) * 1000 AS SIGNED)"),
        Kind::Sqlite => format!("CAST(strftime('%s', {column}) AS INTEGER) * 1000"),
    }
}

/// A rule that locks at once, for so long, and leaves so much time to look at a password.
fn strict<D: Tested>(store: &SqlStore<D>, now: Timestamp, lease: Duration) -> Guard {
    let rule = Rule::builder(Scope::Username).failure_limit(0).cooloff(3 * HOUR);
    let policy = Policy::builder().rule(rule).lease(lease).build().unwrap();
    Guard::builder(store.clone(), policy).clock(FakeClock::at(now)).build()
}

async fn an_operator_reads_in_the_view_who_is_locked_since_when_until_when_and_by_whom<
    D: Tested,
>() {
    let place = D::place();
    let store = place.store::<D>().await;
    // The view goes by the server's clock, which is this machine's.
    let now = SystemClock.now();
    let earlier = Timestamp::from_millis(now.as_millis() - 3_600_000);
    fail(&strict(&store, earlier, HOUR), "by_rule").await;
    store.lock(&subject("by_operator"), Some(now.saturating_add(HOUR)), earlier).await.unwrap();
    store.lock(&subject("endless"), None, earlier).await.unwrap();
    let over = earlier.saturating_add(Duration::from_secs(5));
    store.lock(&subject("over"), Some(over), earlier).await.unwrap();
    let under_way = admit(&strict(&store, now, 2 * HOUR), "under_way").await;
    // Whose outcome nobody has told in time.
    drop(admit(&strict(&store, earlier, Duration::from_secs(5)), "lapsed").await);
    fail(&by_name(&store, 3), "free").await;

    let foreign = Foreign::<D>::to(&place.url);
    let view = format!("{}_locked", place.table);
    let column = async |column: &str, name: &str| {
        let row = format!("SELECT {column} FROM {view} WHERE subject = 'username:{name}'");
        foreign.texts(&row).await
    };
    let subjects = foreign.texts(&format!("SELECT subject FROM {view}")).await;
    let subjects: BTreeSet<_> = subjects.into_iter().flatten().collect();
    let expected = ["by_rule", "by_operator", "endless", "lapsed"];
    assert_eq!(subjects, expected.iter().map(|name| format!("username:{name}")).collect());
    for (name, by) in [("by_rule", "rule"), ("by_operator", "operator"), ("lapsed", "rule")] {
        assert_eq!(column("locked_by", name).await, [Some(by.to_owned())], "{name}");
    }
    for (name, since, until) in [
        ("by_rule", earlier, earlier.saturating_add(3 * HOUR)),
        ("by_operator", earlier, now.saturating_add(HOUR)),
        ("lapsed", earlier, earlier.saturating_add(3 * HOUR)),
    ] {
        for (field, time) in [("locked_since", since), ("locked_until", until)] {
            let row = format!(
                "SELECT {} FROM {view} WHERE subject = 'username:{name}'",
                millis::<D>(field)
            );
            let shown = foreign.number(&row).await.unsigned_abs();
            // SQLite shows whole seconds.
            assert!(time.as_millis().abs_diff(shown) < 1_000, "{name} {field}: {shown} {time:?}");
        }
    }
    let endless = match D::KIND {
        Kind::Postgres => column("locked_until::text", "endless").await,
        Kind::MySql => column("CAST(locked_until AS CHAR)", "endless").await,
        Kind::Sqlite => column("locked_until", "endless").await,
    };
    let infinity = (D::KIND == Kind::Postgres).then(|| "infinity".to_owned());
    assert_eq!(endless, [infinity]);
    let failures = match D::KIND {
        Kind::MySql => "CAST(failures AS CHAR)",
        _ => "CAST(failures AS text)",
    };
    let failures = format!("SELECT {failures} FROM {view} ORDER BY subject");
    let failures: Vec<_> = foreign.texts(&failures).await.into_iter().flatten().collect();
    assert_eq!(failures, ["0", "1", "0", "1"], "by_operator, by_rule, endless, lapsed");

    under_way.fail().await.unwrap();
    assert_eq!(column("locked_by", "under_way").await, [Some("rule".to_owned())]);
    store.clear(&subject("endless"), now).await.unwrap();
    assert_eq!(column("locked_by", "endless").await, []);
}

async fn no_name_reaches_another_subject<D: Tested>() {
    let place = D::place();
    let store = place.store::<D>().await;
    let long = "x".repeat(255);
    let other_long = format!("{}y", "x".repeat(254));
    let names = [
        "alice",
        "alice'",
        "alice''",
        "alice\"",
        "alice\\",
        "alice\\'",
        "alice`",
        "alice\0",
        "alice\u{1}",
        "alice\u{1}0",
        "ali\0ce",
        "ali ce",
        "ali\tce",
        "alice%",
        "al%",
        "al_ce",
        "alice--",
        "alice;drop table lockout",
        "älice",
        "a\u{308}lice",
        "álice",
        "ａｌｉｃｅ",
        "ß",
        "ss",
        "ı",
        "i",
        "🦀",
        "🦀🦀",
        "👩\u{200d}🔬",
        "alice\u{200b}",
        "alice\u{feff}",
        "{}",
        "[1]",
        "null",
        "$1",
        "?1",
        "{table}",
        "\u{fffd}",
        "\u{10ffff}",
        &long,
        &other_long,
    ];
    let mut subjects: Vec<_> =
        names.iter().map(|name| format!("username:{name}").parse().unwrap()).collect();
    // A space at the end that is not trimmed: the name of a pair is not the end of its text.
    for token in ["token", "token ", "TOKEN", "token\0"] {
        subjects.extend(Subject::opaque(Scope::Username, token).ok());
    }
    let count = subjects.len();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), count, "each is another one");
    for (index, one) in subjects.iter().enumerate() {
        let until = NOON.saturating_add(Duration::from_secs(60 + u64::try_from(index).unwrap()));
        assert!(store.lock(one, Some(until), NOON).await.unwrap(), "{one:?} was locked before");
    }
    let status = store.status(&subjects, NOON).await.unwrap();
    for ((index, one), lockout) in subjects.iter().enumerate().zip(status) {
        let lockout = lockout.unwrap_or_else(|| panic!("{one:?} is not locked"));
        let until = NOON.saturating_add(Duration::from_secs(60 + u64::try_from(index).unwrap()));
        assert_eq!((&lockout.subject, lockout.until), (one, Some(until)));
    }
    assert_eq!(listed(&store).await, subjects);
    let mut query = LockedQuery { limit: 1, ..LockedQuery::default() };
    for one in &subjects {
        let page = store.locked(&query, NOON).await.unwrap();
        assert_eq!(&page.items[0].subject, one);
        query.after = page.next;
    }
    for (index, one) in subjects.iter().enumerate() {
        assert!(store.clear(one, NOON).await.unwrap(), "{one:?} was unlocked with another one");
        assert_eq!(listed(&store).await, subjects[index + 1..]);
    }
    let rule = Rule::builder(Scope::Username);
    let policy = Policy::builder().names(Names::Exact).rule(rule).build().unwrap();
    let guard = Guard::builder(store.clone(), policy).clock(FakeClock::at(NOON)).build();
    // No attempt has a name with control characters.
    for name in names.into_iter().filter(|name| !name.contains(char::is_control)) {
        assert_eq!(admit(&guard, name).await.failures_left(), Some(2), "{name:?}");
    }
    let much_later = NOON.saturating_add(1_000 * HOUR);
    let swept = store.sweep(None, 10_000, much_later).await.unwrap();
    assert_eq!(swept.deleted, u64::try_from(count).unwrap());
}

async fn migrating_touches_no_table_of_the_application<D: Tested>() {
    let place = D::place();
    let foreign = Foreign::<D>::to(&place.url);
    let theirs =
        "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version bigint PRIMARY KEY, note text)";
    foreign.run(theirs).await;
    let mine = fastrand::i64(1..i64::MAX);
    foreign
        .run(&format!("INSERT INTO _sqlx_migrations VALUES ({mine}, 'of the application')"))
        .await;
    let others = match D::KIND {
        Kind::Sqlite => {
            // The sequence is SQLite's own.
            "SELECT name FROM sqlite_schema \
             WHERE name NOT LIKE 'lockout_test%' AND name <> 'sqlite_sequence' ORDER BY 1"
        }
        Kind::MySql => {
            "SELECT table_name FROM information_schema.tables \
             WHERE table_name NOT LIKE 'lockout_test%' AND table_schema = DATABASE() ORDER BY 1"
        }
        Kind::Postgres => {
            "SELECT table_name FROM information_schema.tables \
              WHERE table_name NOT LIKE 'lockout_test%' ORDER BY 1"
        }
    };
    let before = foreign.texts(others).await;
    let store = place.store::<D>().await;
    store.migrate().await.unwrap();
    fail(&by_name(&store, 3), "alice").await;
    assert_eq!(foreign.texts(others).await, before);
    let rows = format!(
        "SELECT count(*) FROM _sqlx_migrations WHERE version = {mine} AND note = 'of the application'"
    );
    assert_eq!(foreign.number(&rows).await, 1);
    let noted = format!("SELECT count(*) FROM {}_migrations", place.table);
    assert_eq!(foreign.number(&noted).await, 2, "migrating again notes nothing");
    assert_eq!(admit(&by_name(&store, 3), "alice").await.failures_left(), Some(1));
}

on_each_database!(
    stores_with_two_tables_know_nothing_of_each_other,
    stores_with_one_table_share_everything,
    an_operator_reads_in_the_view_who_is_locked_since_when_until_when_and_by_whom,
    no_name_reaches_another_subject,
    migrating_touches_no_table_of_the_application,
);

#[cfg(any(feature = "mysql", feature = "postgres"))]
common::on_each_server!(a_table_in_a_schema_is_another_one);
