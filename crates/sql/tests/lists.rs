//! Lists against the suite, on real databases; and what their table is to an operator.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use common::{Foreign, Kind, NOON, Place, Tested, on_each_database};
use lockout_core::{
    Access, AccessLists, Cursor, ListEntry, ListName, ListStore, Names, Page, Result,
    StoreErrorKind, Timestamp,
};
use lockout_sql::{Dialect, SqlStore};
use lockout_testkit::list_suite;

/// A store, and the folder of its file if it has one, which goes with it.
#[derive(Debug)]
struct Fresh<D: Dialect> {
    store: SqlStore<D>,
    _place: Place,
}

async fn fresh<D: Tested>() -> Fresh<D> {
    let place = D::place();
    Fresh { store: place.store().await, _place: place }
}

#[async_trait::async_trait]
impl<D: Dialect> ListStore for Fresh<D> {
    async fn put(&self, list: &ListName, entry: &ListEntry) -> Result<()> {
        self.store.put(list, entry).await
    }

    async fn remove(&self, list: &ListName, key: &str) -> Result<bool> {
        self.store.remove(list, key).await
    }

    async fn get(&self, list: &ListName, key: &str, now: Timestamp) -> Result<Option<ListEntry>> {
        self.store.get(list, key, now).await
    }

    async fn entries(
        &self,
        list: &ListName,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<ListEntry>> {
        self.store.entries(list, after, limit, now).await
    }

    async fn version(&self, list: &ListName) -> Result<u64> {
        self.store.version(list).await
    }
}

#[cfg(feature = "sqlite")]
async fn in_memory() -> lockout_sql::SqliteStore {
    let store = SqlStore::builder().timeout(common::PATIENT).open("sqlite::memory:").unwrap();
    store.migrate().await.unwrap();
    store
}

#[cfg(feature = "sqlite")]
list_suite!(sqlite_in_memory, in_memory().await);
#[cfg(feature = "sqlite")]
list_suite!(sqlite_in_a_file, fresh::<lockout_sql::sqlx::Sqlite>().await);
#[cfg(feature = "postgres")]
list_suite!(on_postgres, fresh::<lockout_sql::sqlx::Postgres>().await);
#[cfg(feature = "mysql")]
list_suite!(on_mysql, fresh::<lockout_sql::sqlx::MySql>().await);

fn later(seconds: u64) -> Timestamp {
    NOON.saturating_add(Duration::from_secs(seconds))
}

fn devices() -> ListName {
    "devices".parse().unwrap()
}

async fn put<D: Dialect>(store: &SqlStore<D>, key: &str, until: Option<Timestamp>) {
    store.put(&devices(), &ListEntry::new(key, "some value", until).unwrap()).await.unwrap();
}

async fn an_operator_reads_and_changes_a_list_in_plain_sql<D: Tested>() {
    let place = D::place();
    let store = place.store::<D>().await;
    put(&store, "alice ", Some(later(60))).await;
    put(&store, "bob", None).await;
    let foreign = Foreign::<D>::to(&place.url);
    let entry = match D::KIND {
        Kind::MySql => "CONVERT(entry USING utf8mb4)",
        _ => "entry",
    };
    let lists = format!("{}_lists", place.table);
    let texts =
        format!("SELECT {entry} FROM {lists} WHERE list = 'devices' AND entry <> '' ORDER BY 1");
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(foreign.texts(&texts).await, [some("alice "), some("bob")]);
    let ends = format!("SELECT until FROM {lists} WHERE list = 'devices' AND until IS NOT NULL");
    assert_eq!(foreign.number(&ends).await.unsigned_abs(), later(60).as_millis());
    foreign.run(&format!("DELETE FROM {lists} WHERE list = 'devices' AND entry = 'bob'")).await;
    assert_eq!(store.get(&devices(), "bob", NOON).await.unwrap(), None);
}

async fn a_list_that_was_lost_and_made_anew_has_another_version<D: Tested>() {
    let place = D::place();
    let store = place.store::<D>().await;
    put(&store, "alice", None).await;
    let before = store.version(&devices()).await.unwrap();
    Foreign::<D>::to(&place.url).run(&format!("DELETE FROM {}_lists", place.table)).await;
    assert_eq!(store.version(&devices()).await.unwrap(), 0);
    put(&store, "alice", None).await;
    assert!(store.version(&devices()).await.unwrap().abs_diff(before) > 1);
}

async fn what_is_over_is_swept_in_batches_and_changes_nothing<D: Tested>() {
    let place = D::place();
    let store = place.store::<D>().await;
    for number in 0..30 {
        put(&store, &format!("over-{number:02}"), Some(later(number))).await;
    }
    put(&store, "later", Some(later(30))).await;
    put(&store, "stays", None).await;
    let version = store.version(&devices()).await.unwrap();
    let foreign = Foreign::<D>::to(&place.url);
    let rows = format!("SELECT count(*) FROM {}_lists", place.table);
    // Ten minutes for clocks that are behind.
    let end = later(600 + 29);
    assert_eq!(store.sweep_lists(100, later(599)).await.unwrap(), 0);
    let swept = store.sweep(None, 7, end).await.unwrap();
    assert_eq!((swept.deleted, swept.entries, swept.next), (0, 7, None));
    assert_eq!(store.sweep_lists(20, end).await.unwrap(), 20);
    assert_eq!(store.sweep_lists(0, end).await.unwrap(), 1);
    assert_eq!(store.sweep_lists(20, end).await.unwrap(), 2);
    assert_eq!(store.sweep_lists(20, end).await.unwrap(), 0);
    // The two that are left, and the list's version.
    assert_eq!(foreign.number(&rows).await, 3);
    assert_eq!(store.version(&devices()).await.unwrap(), version);
    assert_eq!(store.entries(&devices(), None, 10, NOON).await.unwrap().items.len(), 2);
}

async fn sweepers_among_those_who_change_lists_lose_nothing<D: Tested>() {
    let place = D::place();
    let store = place.store::<D>().await;
    let sweeping = place.builder::<D>().open(&place.url).unwrap();
    let sweeper = tokio::spawn(async move {
        loop {
            sweeping.sweep_lists(3, later(10_000)).await.unwrap();
        }
    });
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let store = store.clone();
        tasks.spawn(async move {
            for number in 0..12 {
                let key = format!("device-{task}-{number}");
                put(&store, &key, Some(NOON)).await;
                put(&store, &key, None).await;
            }
        });
    }
    tasks.join_all().await;
    sweeper.abort();
    assert_eq!(store.entries(&devices(), None, 1000, NOON).await.unwrap().items.len(), 96);
}

async fn tables_of_version_1_say_so_and_are_brought_up_to_date<D: Tested>() {
    let place = D::place();
    let store = place.store::<D>().await;
    common::fail(&common::at_noon(&store, 3), "alice").await;
    let (foreign, table) = (Foreign::<D>::to(&place.url), &place.table);
    foreign.run(&format!("DROP TABLE {table}_lists")).await;
    let told = |result: Result<()>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Config, "{error:?}");
        assert!(error.to_string().contains("migrate()"), "{error}");
    };
    told(store.check().await);
    foreign.run(&format!("DELETE FROM {table}_migrations WHERE version = 2")).await;
    let store = place.builder::<D>().open(&place.url).unwrap();
    let error = store.check().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Config);
    assert!(error.to_string().contains("are of version 1, this program needs 2: call migrate()"));
    let entry = ListEntry::new("a", "", None).unwrap();
    told(store.put(&devices(), &entry).await);
    told(store.remove(&devices(), "a").await.map(drop));
    told(store.get(&devices(), "a", NOON).await.map(drop));
    told(store.entries(&devices(), None, 1, NOON).await.map(drop));
    told(store.version(&devices()).await.map(drop));
    told(store.sweep_lists(1, NOON).await.map(drop));
    // Logins need no list.
    let left = common::admit(&common::at_noon(&store, 3), "alice").await.failures_left();
    assert_eq!(left, Some(1));
    store.migrate().await.unwrap();
    store.put(&devices(), &entry).await.unwrap();
    let left = common::admit(&common::at_noon(&store, 3), "alice").await.failures_left();
    assert_eq!(left, Some(0), "no record is lost");
}

async fn what_something_else_writes_to_a_list_is_corrupt<D: Tested>() {
    let place = D::place();
    let store = place.store::<D>().await;
    put(&store, "alice", None).await;
    let foreign = Foreign::<D>::to(&place.url);
    let lists = format!("{}_lists", place.table);
    for junk in ["until = -1 WHERE entry = 'alice'", "value = '1\n2' WHERE entry = 'alice'"] {
        foreign.run(&format!("UPDATE {lists} SET {junk}")).await;
        let error = store.get(&devices(), "alice", NOON).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{junk}");
        put(&store, "alice", None).await;
    }
    foreign.run(&format!("UPDATE {lists} SET value = 'x' WHERE entry = ''")).await;
    let error = store.version(&devices()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
}

async fn nodes_share_an_access_list<D: Tested>() {
    let place = D::place();
    let (one, two) = (place.store::<D>().await, place.store::<D>().await);
    let (one, two) = (AccessLists::shared(one), AccessLists::shared(two));
    let names = Names::default();
    one.set(&"username:Mallory".parse().unwrap(), Access::Deny, None).await.unwrap();
    two.refresh(&names, NOON).await.unwrap();
    for lists in [&one, &two] {
        let (list, error) = lists.current(&names, NOON).await;
        let name = names.username("mallory").unwrap();
        assert_eq!(list.of_username(&name), Some(Access::Deny));
        assert!(error.is_none());
    }
}

on_each_database!(
    an_operator_reads_and_changes_a_list_in_plain_sql,
    a_list_that_was_lost_and_made_anew_has_another_version,
    what_is_over_is_swept_in_batches_and_changes_nothing,
    sweepers_among_those_who_change_lists_lose_nothing,
    tables_of_version_1_say_so_and_are_brought_up_to_date,
    what_something_else_writes_to_a_list_is_corrupt,
    nodes_share_an_access_list,
);
