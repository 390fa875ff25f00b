//! Faults of one token, put into the statements one at a time: each must be found. Checks that
//! accept a wrong statement prove nothing about the right one.
//!
//! Not here, since they change no answer: the limit of a page, and what merely chooses an index.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lockout_core::{
    Clock as _, Decision, FakeClock, Guard, ListEntry, ListStore as _, LockedQuery,
    LockoutStore as _, Policy, Record, Rule, Scope, ServerTime as _, Subject, SystemClock,
    Timestamp,
};
use lockout_testkit::conformance::block_on;
use lockout_testkit::differential;
use lockout_testkit::lists::LIST_CASES;
use tokio::task::JoinSet;

use crate::dialect::{Dialect, Driver, Texts};
use crate::exchange::Value;
use crate::row::millis;
#[cfg(any(feature = "mysql", feature = "postgres"))]
use crate::row::{Change, Row};
use crate::store::SqlStore;
use crate::sweep::LINGERS;

const NOON: Timestamp = Timestamp::from_millis(1_000_000_000_000);

/// In which statement, what stands there once, and what is put in its place.
type Fault = (&'static str, &'static str, &'static str);

/// A database with the faults of its statements.
trait Mutated: Dialect {
    const FAULTS: &[Fault];

    fn place() -> Place;
}

struct Place {
    url: String,
    table: String,
    folder: Option<PathBuf>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// The statements, one of which is wrong.
fn texts<D: Driver>((name, right, wrong): Fault) -> Texts {
    let mut texts = D::TEXTS;
    let text = match name {
        "read" => &mut texts.read,
        "write" => &mut texts.write,
        "locked" => &mut texts.locked,
        "expired" => &mut texts.expired,
        "forget" => &mut texts.forget,
        "version" => &mut texts.version,
        "time" => &mut texts.time,
        "list_put" => &mut texts.lists.put,
        "list_touch" => &mut texts.lists.touch,
        "list_remove" => &mut texts.lists.remove,
        "list_get" => &mut texts.lists.get,
        "list_page" => &mut texts.lists.page,
        "list_sweep" => &mut texts.lists.sweep,
        _ => panic!("no statement is called {name}"),
    };
    assert_eq!(text.matches(right).count(), 1, "not once in {name}: {right}");
    *text = text.replace(right, wrong).leak();
    texts
}

impl Place {
    async fn store<D: Mutated>(&self, fault: Fault) -> SqlStore<D> {
        let builder = SqlStore::builder().table(&self.table).timeout(Duration::from_secs(5));
        let store = builder.open(&self.url).unwrap();
        store.migrate().await.unwrap();
        store.with_texts(&texts::<D>(fault))
    }
}

fn subject(number: u64) -> Subject {
    Subject::username(&format!("name-{number:03}")).unwrap()
}

/// A wrong statement may make a loop of its store endless.
async fn ends(check: impl Future<Output = bool>) -> bool {
    tokio::time::timeout(Duration::from_secs(10), check).await.unwrap_or(false)
}

/// Whether the list has each lock once, in the order in which they end, on pages of any size.
async fn lists<D: Mutated>(store: &SqlStore<D>) -> bool {
    let mut expected = Vec::new();
    for number in 0..24_u64 {
        // Several end together, some never, and three are over at noon.
        let seconds = Duration::from_secs(number / 4);
        let until = (number < 20).then(|| NOON.saturating_add(seconds));
        let since = Timestamp::from_millis(NOON.as_millis() - 1);
        store.lock(&subject(100 - number), until, since).await.unwrap();
        if number >= 4 {
            expected.push((until.map_or(u64::MAX, Timestamp::as_millis), subject(100 - number)));
        }
    }
    expected.sort();
    for limit in [1, 2, 3, 5, 100] {
        let mut query = LockedQuery { limit, ..LockedQuery::default() };
        let mut listed = Vec::new();
        loop {
            let page = store.locked(&query, NOON).await.unwrap();
            listed.extend(page.items.into_iter().map(|lockout| {
                (lockout.until.map_or(u64::MAX, Timestamp::as_millis), lockout.subject)
            }));
            query.after = page.next;
            if query.after.is_none() || listed.len() > expected.len() {
                break;
            }
        }
        if listed != expected {
            return false;
        }
    }
    true
}

/// Whether exactly what has expired is swept, in batches that end.
async fn sweeps<D: Mutated>(store: &SqlStore<D>) -> bool {
    let end = NOON.saturating_add(Duration::from_secs(60));
    let gone = end.saturating_add(Record::GRACE + LINGERS);
    let before = Timestamp::from_millis(gone.as_millis() - 1);
    for number in 0..9_u64 {
        let later = Duration::from_millis(number % 3);
        let until = (number < 6).then(|| end.saturating_add(later));
        store.lock(&subject(number), until, NOON).await.unwrap();
    }
    let deleted_at = async |now| {
        let (mut after, mut deleted) = (None, 0);
        for _ in 0..6 {
            let swept = store.sweep(after.as_ref(), 2, now).await.unwrap();
            (after, deleted) = (swept.next, deleted + swept.deleted);
            if after.is_none() {
                return Some(deleted);
            }
        }
        None
    };
    for (now, expected) in [(before, 0), (gone, 2), (gone, 0)] {
        if deleted_at(now).await != Some(expected) {
            return false;
        }
    }
    // What is taken up anew after it was found to have expired.
    let parts = store.parts();
    let forget = |subject: String, now| {
        let values = vec![Value::Text(format!("[\"{subject}\"]")), Value::Number(millis(now))];
        D::execute(&parts.pool, parts.statements.forget.clone(), values)
    };
    let row = end.saturating_add(Record::GRACE + Duration::from_millis(1));
    let earlier = Timestamp::from_millis(row.as_millis() - 1);
    forget(subject(1).to_string(), earlier).await.unwrap() == 0
        && forget(subject(8).to_string(), row).await.unwrap() == 0
        && forget(subject(1).to_string(), row).await.unwrap() == 1
        && deleted_at(gone.saturating_add(Duration::from_millis(9))).await == Some(3)
}

/// Whether versions begin again after the last one.
async fn turns<D: Mutated>(store: &SqlStore<D>) -> bool {
    let guard = guard(store);
    drop(guard.begin(&named("turning")).await.unwrap());
    let parts = store.parts();
    for version in [8_388_606, -8_388_606] {
        let text = format!("UPDATE {{table}} SET version = {version}");
        D::execute(&parts.pool, parts.names.put_into(&text), Vec::new()).await.unwrap();
        if guard.begin(&named("turning")).await.is_err() {
            return false;
        }
    }
    true
}

async fn is_known_by_version<D: Mutated>(store: &SqlStore<D>) -> bool {
    let parts = store.parts();
    let run = async |text: &str| {
        D::execute(&parts.pool, parts.names.put_into(text), Vec::new()).await.unwrap();
    };
    let is_right = store.check().await.is_ok();
    run("INSERT INTO {migrations} (version) VALUES (99)").await;
    let is_newer = store.check().await.is_err();
    run("DELETE FROM {migrations}").await;
    let is_empty = store.check().await.is_err_and(|error| error.to_string().contains("version 0"));
    is_right && is_newer && is_empty
}

/// What of the suite for lists is asked: each of these on tables of its own.
const LIST_CASES_ASKED: [&str; 8] = [
    "what_is_put_again_is_replaced",
    "what_is_removed_is_gone_and_can_be_put_again",
    "lists_do_not_mix",
    "an_entry_is_over_at_its_very_instant",
    "pages_follow_one_another_in_the_order_of_keys",
    "a_version_differs_after_each_change_and_not_without",
    "a_version_is_of_its_own_list",
    "a_version_is_never_that_of_another_time",
];

/// Panics unless lists are kept as they ought to be.
async fn keeps_lists<D: Mutated>(fault: Fault) {
    for case in LIST_CASES.iter().filter(|case| LIST_CASES_ASKED.contains(&case.name)) {
        let place = D::place();
        let store = place.store::<D>(fault).await;
        (case.examine)(Arc::new(store)).await;
    }
    let place = D::place();
    let (store, list) = (place.store::<D>(fault).await, "devices".parse().unwrap());
    for number in 0..4_u64 {
        let until = (number < 3).then(|| NOON.saturating_add(Duration::from_millis(number)));
        let entry = ListEntry::new(format!("key-{number}"), "", until).unwrap();
        store.put(&list, &entry).await.unwrap();
    }
    let end = NOON.saturating_add(LINGERS + Duration::from_millis(1));
    assert_eq!(store.sweep_lists(1, end).await.unwrap(), 1);
    assert_eq!(store.sweep_lists(5, end).await.unwrap(), 1);
    let left = store.entries(&list, None, 10, Timestamp::from_millis(0)).await.unwrap();
    assert_eq!(left.items.iter().map(ListEntry::key).collect::<Vec<_>>(), ["key-2", "key-3"]);
}

async fn tells_the_time<D: Mutated>(store: &SqlStore<D>) -> bool {
    let (told, own) = (store.server_time().await.unwrap(), SystemClock.now());
    told.as_millis().abs_diff(own.as_millis()) < 60_000
}

fn named(name: &str) -> lockout_core::Attempt {
    lockout_core::Attempt::new().username(name)
}

fn guard<D: Mutated>(store: &SqlStore<D>) -> Guard {
    let name = Rule::builder(Scope::Username).failure_limit(3);
    let policy = Policy::builder().rule(name).build().unwrap();
    Guard::builder(store.clone(), policy).clock(FakeClock::at(NOON)).build()
}

/// Whether stores that know nothing of each other admit as many as the limit says.
async fn counts_at_once<D: Mutated>(place: &Place, fault: Fault) -> bool {
    let mut guards = Vec::new();
    for _ in 0..4 {
        guards.push(guard(&place.store::<D>(fault).await));
    }
    for round in 0..4 {
        let mut guesses = JoinSet::new();
        for guess in 0..32 {
            let guard = guards[guess % guards.len()].clone();
            guesses.spawn(async move {
                match guard.begin(&named(&format!("victim-{round}"))).await.unwrap() {
                    Decision::Refused(_) => 0,
                    Decision::Admitted(permit) => permit.fail().await.map(|_| 1).unwrap(),
                }
            });
        }
        if guesses.join_all().await.into_iter().sum::<u32>() != 4 {
            return false;
        }
    }
    true
}

/// Whether one of the checks tells such a store from a right one.
fn is_found<D: Mutated>(fault: Fault, seeds: u64) -> bool {
    let works = || {
        block_on(async {
            let of_its_own = async || {
                let place = D::place();
                let store = place.store::<D>(fault).await;
                (place, store)
            };
            if fault == NONE || fault.0.starts_with("list_") {
                keeps_lists::<D>(fault).await;
            }
            if fault.0.starts_with("list_") {
                return true;
            }
            let (_place, store) = of_its_own().await;
            if !(tells_the_time(&store).await
                && ends(lists(&store)).await
                && turns(&store).await
                && is_known_by_version(&store).await)
            {
                return false;
            }
            let (_place, store) = of_its_own().await;
            if !ends(sweeps(&store)).await || !counts_at_once::<D>(&D::place(), fault).await {
                return false;
            }
            let (_place, store) = of_its_own().await;
            for seed in 0..seeds {
                differential::run(Arc::new(store.clone()), 0x5eed + seed, 2).await;
            }
            true
        })
    };
    !catch_unwind(AssertUnwindSafe(works)).unwrap_or(false)
}

/// Whether those that write the same rows get into each other's way within so many rounds; if they
/// are not `in_order`, every other one names them backwards.
#[cfg(any(feature = "mysql", feature = "postgres"))]
async fn meet_a_deadlock<D: Mutated>(in_order: bool, rounds: u32) -> bool {
    let place = D::place();
    let mut stores = Vec::new();
    let mut texts = D::TEXTS;
    // Whoever waits, waits until the database says that he would do so for ever.
    texts.relaxed = texts.relaxed.replace("250ms", "0").leak();
    for _ in 0..4 {
        stores.push(place.store::<D>(NONE).await.with_texts(&texts));
    }
    for round in 0..rounds {
        let row = Row { version: Some(-5), ..Row::default() };
        let names: Vec<_> = (0..1_000).map(|name| format!("username:{round}-{name:04}")).collect();
        let changes: Vec<_> = names.iter().filter_map(|name| Change::of(name, &row)).collect();
        let forwards: Vec<_> = changes.iter().flat_map(Change::values).collect();
        let backwards: Vec<_> = changes.iter().rev().flat_map(Change::values).collect();
        let orders = if in_order { [&forwards, &forwards] } else { [&forwards, &backwards] };
        let mut writes = JoinSet::new();
        let released = Arc::new(tokio::sync::Barrier::new(stores.len()));
        for (store, values) in stores.iter().cloned().zip(orders.into_iter().cycle().cloned()) {
            let released = released.clone();
            writes.spawn(async move {
                released.wait().await;
                let parts = store.parts();
                let written = D::execute(&parts.pool, parts.statements.write.about(1_000), values);
                let error = written.await.err();
                let failure = error.as_ref().and_then(|error| error.as_database_error());
                // The states of a deadlock on PostgreSQL and on MySQL.
                let state = failure.and_then(|failure| failure.code());
                matches!(state.as_deref(), Some("40P01" | "40001"))
            });
        }
        if writes.join_all().await.contains(&true) {
            return true;
        }
    }
    false
}

/// Those that all databases have.
const LIST_FAULTS: &[Fault] = &[
    ("list_put", "= ''", "<> ''"),
    ("list_put", "+ 1", "+ 0"),
    ("list_touch", "= ''", "<> ''"),
    ("list_touch", "+ 1", "+ 0"),
    ("list_touch", "list =", "list <>"),
    ("list_remove", "list =", "list <>"),
    ("list_remove", "entry =", "entry <>"),
    ("list_get", "list =", "list <>"),
    ("list_get", "entry =", "entry <>"),
    ("list_page", "list =", "list <>"),
    ("list_page", "entry >", "entry >="),
    ("list_page", "until >", "until >="),
    ("list_page", "IS NULL", "IS NOT NULL"),
    ("list_page", "ORDER BY entry", "ORDER BY entry DESC"),
    ("list_sweep", "until <=", "until <"),
    ("list_sweep", "until <=", "until >="),
];

const NONE: Fault = ("time", "SELECT", "SELECT");

fn every_fault_is_found<D: Mutated>() {
    assert!(!is_found::<D>(NONE, 4), "the right statements are found wrong");
    let missed = |fault: &&Fault| !is_found::<D>(**fault, 15);
    let faults: Vec<_> = D::FAULTS.iter().chain(LIST_FAULTS).copied().collect();
    let half = faults.len() / 2;
    let missed: Vec<_> = std::thread::scope(|scope| {
        // Most of the time is waiting for what never works.
        let parts = [&faults[..half], &faults[half..]];
        let parts =
            parts.map(|part| scope.spawn(|| part.iter().filter(missed).collect::<Vec<_>>()));
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert!(missed.is_empty(), "{missed:#?}");
}

#[cfg(any(feature = "mysql", feature = "postgres"))]
fn whoever_takes_rows_in_another_order_is_in_the_way<D: Mutated>() {
    assert!(!block_on(meet_a_deadlock::<D>(true, 10)), "in one order");
    // Where the writes are spread in time by a busy machine, only some rounds have one.
    assert!(block_on(meet_a_deadlock::<D>(false, 60)), "without order");
}

#[cfg(feature = "postgres")]
mod postgres {
    use lockout_testkit::servers::TestPostgres;

    use super::{Fault, Mutated, Place};

    impl Mutated for sqlx::Postgres {
        const FAULTS: &[Fault] = &[
            ("list_put", "until = excluded", "until = kept"),
            ("list_put", "ELSE excluded.value", "ELSE kept.value"),
            ("read", "subject IN (", "subject NOT IN ("),
            ("read", "failures::bigint, charged", "charged, failures::bigint"),
            ("read", "expires_at, locked_until", "locked_until, expires_at"),
            ("write", "expires_at, locked_until", "locked_until, expires_at"),
            ("write", "failures, charged", "charged, failures"),
            ("write", "abs(kept.version)", "kept.version"),
            ("write", "abs(kept.version) % 8388606 + 1", "excluded.version"),
            ("write", "% 8388606", "% 8388607"),
            ("write", "+ 1 = excluded", "+ 2 = excluded"),
            ("write", "= excluded.version THEN", "<> excluded.version THEN"),
            ("write", "THEN excluded.version", "THEN kept.version"),
            ("write", "failures = excluded.failures", "failures = kept.failures"),
            ("write", "charged = excluded.charged", "charged = kept.charged"),
            ("write", "touched = excluded.touched", "touched = kept.touched"),
            ("write", "expires_at = excluded.expires_at", "expires_at = kept.expires_at"),
            ("write", "locked_until = excluded.locked", "locked_until = kept.locked"),
            ("write", "state = excluded.state", "state = kept.state"),
            ("locked", ") > (", ") >= ("),
            ("locked", "($1, $2)", "($1, '')"),
            ("locked", ">= $3", "> $3"),
            ("locked", "BY locked_until, s", "BY locked_until DESC, s"),
            ("expired", "subject > $1", "subject >= $1"),
            ("expired", "ORDER BY subject", "ORDER BY subject DESC"),
            ("expired", "<= $3", "< $3"),
            ("expired", "<= $3", ">= $3"),
            ("expired", "max(", "min("),
            ("forget", "<= $2", "< $2"),
            ("forget", " AND expires_at <= $2", " AND $2 > 0::bigint"),
            ("version", "max(", "min("),
            ("version", "), 0)", "), 1)"),
            ("time", "* 1000", "* 1001"),
        ];

        fn place() -> Place {
            let TestPostgres { url, prefix } = TestPostgres::shared().expect("a server starts");
            Place { url, table: prefix, folder: None }
        }
    }

    #[test]
    fn every_fault_of_one_token_is_found() {
        super::every_fault_is_found::<sqlx::Postgres>();
    }

    #[test]
    fn whoever_takes_rows_in_another_order_is_in_the_way() {
        super::whoever_takes_rows_in_another_order_is_in_the_way::<sqlx::Postgres>();
    }
}

#[cfg(feature = "mysql")]
mod mysql {
    use lockout_testkit::servers::TestMariaDb;

    use super::{Fault, Mutated, Place};

    impl Mutated for sqlx::MySql {
        const FAULTS: &[Fault] = &[
            ("list_put", "until = VALUES(until)", "until = until"),
            ("list_put", "ELSE VALUES(value)", "ELSE value"),
            ("list_page", "CONVERT(entry USING utf8mb4)", "list"),
            ("read", "subject IN", "subject NOT IN"),
            ("read", "failures, charged", "charged, failures"),
            ("read", "expires_at, locked_until", "locked_until, expires_at"),
            ("write", "expires_at, locked_until", "locked_until, expires_at"),
            ("write", "failures, charged", "charged, failures"),
            ("write", "ABS(version) % 8388606 + 1", "VALUES(version)"),
            ("write", "ABS(version)", "(version)"),
            ("write", "% 8388606", "% 8388607"),
            ("write", "+ 1 = VALUES", "+ 2 = VALUES"),
            ("write", "= VALUES(version) THEN", "<> VALUES(version) THEN"),
            ("write", "THEN VALUES(version)", "THEN version"),
            ("write", "failures = VALUES(failures)", "failures = failures"),
            ("write", "charged = VALUES(charged)", "charged = charged"),
            ("write", "touched = VALUES(touched)", "touched = touched"),
            ("write", "expires_at = VALUES(expires_at)", "expires_at = expires_at"),
            ("write", "locked_until = VALUES(locked", "locked_until = (locked"),
            ("write", "state = VALUES(state)", "state = state"),
            ("locked", "locked_until = ?", "locked_until < ?"),
            ("locked", "locked_until > ?", "locked_until >= ?"),
            ("locked", "subject > ?", "subject >= ?"),
            ("locked", " OR ", " AND "),
            ("locked", "BY locked_until, s", "BY locked_until DESC, s"),
            ("expired", "subject > ?", "subject >= ?"),
            ("expired", "ORDER BY subject", "ORDER BY subject DESC"),
            ("expired", "<= ?", "< ?"),
            ("expired", "<= ?", ">= ?"),
            ("expired", "MAX(", "MIN("),
            ("forget", "<= ?", "< ?"),
            ("forget", "kept.expires_at <= ?", "? > 0"),
            ("version", "max(", "min("),
            ("version", "), 0)", "), 1)"),
            ("time", "DIV 1000", "DIV 1001"),
        ];

        fn place() -> Place {
            let TestMariaDb { url, prefix } = TestMariaDb::shared().expect("a server starts");
            Place { url, table: prefix, folder: None }
        }
    }

    #[test]
    fn every_fault_of_one_token_is_found() {
        super::every_fault_is_found::<sqlx::MySql>();
    }

    #[test]
    fn whoever_takes_rows_in_another_order_is_in_the_way() {
        super::whoever_takes_rows_in_another_order_is_in_the_way::<sqlx::MySql>();
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::{Fault, Mutated, Place};

    impl Mutated for sqlx::Sqlite {
        const FAULTS: &[Fault] = &[
            ("list_put", "until = excluded", "until = kept"),
            ("list_put", "ELSE excluded.value", "ELSE kept.value"),
            ("read", "subject IN", "subject NOT IN"),
            ("read", "failures, charged", "charged, failures"),
            ("read", "expires_at, locked_until", "locked_until, expires_at"),
            ("write", "expires_at, locked_until", "locked_until, expires_at"),
            ("write", "failures, charged", "charged, failures"),
            ("write", "abs(kept.version) % 8388606 + 1", "excluded.version"),
            ("write", "abs(kept.version)", "kept.version"),
            ("write", "% 8388606", "% 8388607"),
            ("write", "+ 1 = excluded", "+ 2 = excluded"),
            ("write", "= excluded.version THEN", "<> excluded.version THEN"),
            ("write", "THEN excluded.version", "THEN kept.version"),
            ("write", "failures = excluded.failures", "failures = kept.failures"),
            ("write", "charged = excluded.charged", "charged = kept.charged"),
            ("write", "touched = excluded.touched", "touched = kept.touched"),
            ("write", "expires_at = excluded.expires_at", "expires_at = kept.expires_at"),
            ("write", "locked_until = excluded.locked", "locked_until = kept.locked"),
            ("write", "state = excluded.state", "state = kept.state"),
            ("locked", ") > (", ") >= ("),
            ("locked", "(?1, ?2)", "(?1, '')"),
            ("locked", ">= ?3", "> ?3"),
            ("locked", "BY locked_until, s", "BY locked_until DESC, s"),
            ("expired", "subject > ?1", "subject >= ?1"),
            ("expired", "ORDER BY subject", "ORDER BY subject DESC"),
            ("expired", "<= ?3", "< ?3"),
            ("expired", "<= ?3", ">= ?3"),
            ("expired", "max(", "min("),
            ("forget", "<= ?", "< ?"),
            ("forget", "expires_at <= ?", "? > 0"),
            ("version", "max(", "min("),
            ("version", "), 0)", "), 1)"),
            ("time", "2440587.5", "2440587.6"),
        ];

        fn place() -> Place {
            let folder = format!("lockout-test-{:032x}", fastrand::u128(..));
            let folder = std::env::temp_dir().join(folder);
            std::fs::create_dir(&folder).unwrap();
            let url = format!("sqlite://{}/lockout.db", folder.display());
            Place { url, table: "lockout".into(), folder: Some(folder) }
        }
    }

    #[test]
    fn every_fault_of_one_token_is_found() {
        super::every_fault_is_found::<sqlx::Sqlite>();
    }
}
