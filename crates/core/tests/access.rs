//! Access lists that nodes share through a store.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use async_trait::async_trait;
use lockout_core::{
    Access, AccessLists, Clock as _, Cursor, Effect, FakeClock, ListEntry, ListName, ListStore,
    MapStore, Names, Page, Result, StoreError, StoreErrorKind, Target, Timestamp,
};

const NOON: Timestamp = Timestamp::from_millis(1_000_000_000_000);

fn target(text: &str) -> Target {
    text.parse().unwrap()
}

fn name() -> ListName {
    AccessLists::DEFAULT_NAME.parse().unwrap()
}

/// What the lists say of an address, and the error that came with it.
async fn said(
    lists: &AccessLists,
    clock: &FakeClock,
    ip: [u8; 4],
) -> (Option<Access>, Option<StoreErrorKind>) {
    let (list, error) = lists.current(&Names::default(), clock.now()).await;
    (list.of_ip(ip.into()), error.map(|error| error.kind()))
}

/// A store that fails or waits when it is told to, and counts how often it is asked.
#[derive(Debug, Default)]
struct Moody {
    store: MapStore,
    fails: AtomicBool,
    waits: AtomicBool,
    versions: AtomicU32,
    pages: AtomicU32,
}

impl Moody {
    async fn mood(&self) -> Result<()> {
        if self.waits.load(Ordering::SeqCst) {
            std::future::poll_fn(|_| {
                let waits = self.waits.load(Ordering::SeqCst);
                if waits { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
            })
            .await;
        }
        match self.fails.load(Ordering::SeqCst) {
            true => Err(StoreError::new(StoreErrorKind::Unavailable, Effect::None, "moody", "no")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl ListStore for Moody {
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
        self.pages.fetch_add(1, Ordering::SeqCst);
        let page = self.store.entries(list, after, limit, now).await;
        // What was read is out of date by the time it arrives.
        self.mood().await?;
        page
    }

    async fn version(&self, list: &ListName) -> Result<u64> {
        self.versions.fetch_add(1, Ordering::SeqCst);
        if !self.waits.load(Ordering::SeqCst) {
            self.mood().await?;
        }
        self.store.version(list).await
    }
}

#[tokio::test]
async fn a_change_is_seen_here_at_once_and_elsewhere_within_the_period() {
    let (store, clock) = (Arc::new(MapStore::new()), FakeClock::at(NOON));
    let here = AccessLists::shared(Arc::clone(&store));
    let there = AccessLists::shared(store);
    for lists in [&here, &there] {
        assert_eq!(said(lists, &clock, [10, 0, 0, 1]).await, (None, None));
    }
    here.set(&target("network:10.0.0.0/8"), Access::Deny, None).await.unwrap();
    assert_eq!(said(&here, &clock, [10, 0, 0, 1]).await, (Some(Access::Deny), None));
    assert_eq!(said(&here.clone(), &clock, [10, 0, 0, 1]).await, (Some(Access::Deny), None));
    clock.advance(AccessLists::DEFAULT_REFRESH - Duration::from_millis(1));
    assert_eq!(said(&there, &clock, [10, 0, 0, 1]).await, (None, None));
    clock.advance(Duration::from_millis(1));
    assert_eq!(said(&there, &clock, [10, 0, 0, 1]).await, (Some(Access::Deny), None));

    assert!(there.remove(&target("network:10.0.0.0/8")).await.unwrap());
    assert!(!there.remove(&target("network:10.0.0.0/8")).await.unwrap());
    assert_eq!(said(&there, &clock, [10, 0, 0, 1]).await, (None, None));
    clock.advance(AccessLists::DEFAULT_REFRESH);
    assert_eq!(said(&here, &clock, [10, 0, 0, 1]).await, (None, None));
}

#[tokio::test]
async fn fixed_entries_hold_beside_shared_ones_and_the_stricter_of_two_holds() {
    let clock = FakeClock::at(NOON);
    let lists = AccessLists::shared(MapStore::new())
        .named("others/access".parse().unwrap())
        .entry(target("network:192.0.2.1"), Access::Allow)
        .entry(target("network:10.0.0.1"), Access::Deny);
    lists.set(&target("network:192.0.2.1"), Access::Deny, None).await.unwrap();
    lists.set(&target("network:10.0.0.1"), Access::Allow, None).await.unwrap();
    assert_eq!(said(&lists, &clock, [192, 0, 2, 1]).await.0, Some(Access::Deny));
    assert_eq!(said(&lists, &clock, [10, 0, 0, 1]).await.0, Some(Access::Deny));
    assert_eq!(lists.fixed_entries().len(), 2);
}

#[tokio::test]
async fn names_are_made_by_whoever_asks() {
    let lists = AccessLists::fixed([(target("username:Alice"), Access::Deny)]);
    for (names, typed, expected) in [
        (Names::Precis, "ALICE", Some(Access::Deny)),
        (Names::Exact, "alice", None),
        (Names::Exact, "Alice", Some(Access::Deny)),
        (Names::AsciiLowercase, "aLICE", Some(Access::Deny)),
    ] {
        let (list, _) = lists.current(&names, NOON).await;
        assert_eq!(list.of_username(&names.username(typed).unwrap()), expected, "{names:?}");
    }
    for round in 0..20 {
        let names = Names::custom(move |typed| Some(format!("{typed}-{round}")));
        let (list, _) = lists.current(&names, NOON).await;
        assert_eq!(list.of_username(&names.username("Alice").unwrap()), Some(Access::Deny));
    }
}

#[tokio::test]
async fn the_list_is_read_only_when_its_version_differs() {
    let (store, clock) = (Arc::new(Moody::default()), FakeClock::at(NOON));
    let lists = AccessLists::shared(Arc::clone(&store)).refresh_every(Duration::from_secs(1));
    for _ in 0..10 {
        for _ in 0..10 {
            said(&lists, &clock, [10, 0, 0, 1]).await;
        }
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(store.versions.load(Ordering::SeqCst), 10);
    assert_eq!(store.pages.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_store_that_fails_leaves_the_list_as_it_was_and_is_told_of_once_a_period() {
    let (store, clock) = (Arc::new(Moody::default()), FakeClock::at(NOON));
    let lists = AccessLists::shared(Arc::clone(&store))
        .entry(target("network:192.0.2.1"), Access::Allow)
        .refresh_every(Duration::from_secs(1));
    let entry = ListEntry::new("network:10.0.0.0/8", "deny", None).unwrap();
    store.put(&name(), &entry).await.unwrap();
    store.fails.store(true, Ordering::SeqCst);
    let down = Some(StoreErrorKind::Unavailable);
    // Nothing was ever read: the fixed entries alone.
    assert!(lists.refresh(&Names::default(), clock.now()).await.is_err());
    assert_eq!(said(&lists, &clock, [10, 0, 0, 1]).await, (None, None));
    assert_eq!(said(&lists, &clock, [192, 0, 2, 1]).await, (Some(Access::Allow), None));
    clock.advance(Duration::from_secs(1));
    assert_eq!(said(&lists, &clock, [10, 0, 0, 1]).await, (None, down));
    store.fails.store(false, Ordering::SeqCst);
    lists.refresh(&Names::default(), clock.now()).await.unwrap();
    assert_eq!(said(&lists, &clock, [10, 0, 0, 1]).await, (Some(Access::Deny), None));
    store.fails.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        clock.advance(Duration::from_secs(1));
        assert_eq!(said(&lists, &clock, [10, 0, 0, 1]).await, (Some(Access::Deny), down));
        assert_eq!(said(&lists, &clock, [10, 0, 0, 1]).await, (Some(Access::Deny), None));
    }
}

/// Lets a future begin.
fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn one_looks_while_others_go_on_and_nothing_that_was_changed_here_meanwhile_is_lost() {
    let (store, clock) = (Arc::new(Moody::default()), FakeClock::at(NOON));
    let lists = AccessLists::shared(Arc::clone(&store)).refresh_every(Duration::from_secs(1));
    let say = |ip| match poll(pin!(said(&lists, &clock, ip))) {
        std::task::Poll::Ready(said) => said,
        std::task::Poll::Pending => panic!("only one waits"),
    };
    let change = |text, access: Option<Access>| {
        let target = target(text);
        let done = match access {
            Some(access) => poll(pin!(lists.set(&target, access, None))).map_ok(drop),
            None => poll(pin!(lists.remove(&target))).map_ok(drop),
        };
        assert!(matches!(done, std::task::Poll::Ready(Ok(()))));
    };
    change("network:10.0.0.1", Some(Access::Allow));
    change("network:10.0.0.2", Some(Access::Allow));
    store.waits.store(true, Ordering::SeqCst);
    let names = Names::default();
    {
        let mut looking = pin!(lists.current(&names, clock.now()));
        assert!(poll(looking.as_mut()).is_pending());
        assert_eq!(say([10, 0, 0, 1]), (Some(Access::Allow), None));
        // He has read the entries as they are now.
        change("network:10.0.0.1", Some(Access::Deny));
        change("network:10.0.0.2", None);
        change("network:10.0.0.3", Some(Access::Deny));
        store.waits.store(false, Ordering::SeqCst);
        assert!(poll(looking.as_mut()).is_ready());
    }
    let all = || [1, 2, 3].map(|host| say([10, 0, 0, host]).0);
    assert_eq!(all(), [Some(Access::Deny), None, Some(Access::Deny)]);
    clock.advance(Duration::from_secs(1));
    assert_eq!(all(), [Some(Access::Deny), None, Some(Access::Deny)]);

    // Whoever goes away while he looks leaves his turn to the next one.
    let entry = ListEntry::new("network:10.0.0.4", "deny", None).unwrap();
    assert!(poll(pin!(store.put(&name(), &entry))).is_ready());
    clock.advance(Duration::from_secs(1));
    store.waits.store(true, Ordering::SeqCst);
    assert!(poll(pin!(lists.current(&names, clock.now()))).is_pending());
    store.waits.store(false, Ordering::SeqCst);
    assert_eq!(say([10, 0, 0, 4]), (Some(Access::Deny), None));
}

#[tokio::test]
async fn an_entry_is_over_within_a_period_of_its_end_though_nobody_changes_the_list() {
    let (store, clock) = (Arc::new(Moody::default()), FakeClock::at(NOON));
    let here = AccessLists::shared(Arc::clone(&store));
    let there = AccessLists::shared(Arc::clone(&store));
    let end = NOON.saturating_add(Duration::from_secs(60));
    here.set(&target("network:10.0.0.0/8"), Access::Deny, Some(end)).await.unwrap();
    clock.advance(Duration::from_millis(59_999));
    for lists in [&here, &there] {
        assert_eq!(said(lists, &clock, [10, 0, 0, 1]).await.0, Some(Access::Deny));
    }
    // Whether or not the store works.
    store.fails.store(true, Ordering::SeqCst);
    clock.advance(AccessLists::DEFAULT_REFRESH);
    for lists in [&here, &there] {
        assert_eq!(said(lists, &clock, [10, 0, 0, 1]).await.0, None);
    }
    // What is over does not come back when something else is changed.
    here.set(&target("network:192.0.2.1"), Access::Allow, None).await.unwrap();
    assert_eq!(said(&here, &clock, [10, 0, 0, 1]).await.0, None);
    assert_eq!(said(&here, &clock, [192, 0, 2, 1]).await.0, Some(Access::Allow));
}

#[test]
fn many_who_change_a_list_at_once_each_see_their_change() {
    let lists = AccessLists::shared(MapStore::new());
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let lists = lists.clone();
            scope.spawn(move || {
                let clock = FakeClock::at(NOON);
                for host in 0..100 {
                    clock.advance(Duration::from_secs(1));
                    let set = target(&format!("network:10.0.{thread}.{host}"));
                    let done = poll(pin!(lists.set(&set, Access::Deny, None)));
                    assert!(matches!(done, std::task::Poll::Ready(Ok(()))));
                    let said = poll(pin!(said(&lists, &clock, [10, 0, thread, host])));
                    assert_eq!(said, std::task::Poll::Ready((Some(Access::Deny), None)));
                }
            });
        }
    });
}

#[tokio::test]
async fn what_is_no_entry_of_an_access_list_is_told_and_the_others_hold() {
    let (store, clock) = (Arc::new(MapStore::new()), FakeClock::at(NOON));
    for (key, value) in
        [("network:10.0.0.0/8", "deny"), ("network:10.0.0.0/8", "deny"), ("device:1", "deny")]
    {
        store.put(&name(), &ListEntry::new(key, value, None).unwrap()).await.unwrap();
    }
    store.put(&name(), &ListEntry::new("username:bob", "tarpit", None).unwrap()).await.unwrap();
    let lists = AccessLists::shared(store);
    let corrupt = Some(StoreErrorKind::Corrupt);
    assert_eq!(said(&lists, &clock, [10, 0, 0, 1]).await, (Some(Access::Deny), corrupt));
    assert_eq!(said(&lists, &clock, [10, 0, 0, 1]).await, (Some(Access::Deny), None));
    assert_eq!(lists.entries(None, 10, NOON).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn what_no_list_can_hold_is_a_mistake_and_changes_nothing() {
    let lists = AccessLists::shared(MapStore::new());
    let long = format!("username:{}", "x".repeat(300));
    for (text, access) in [
        ("username:alice", Access::Proxy),
        ("username:a\0b", Access::Deny),
        (long.as_str(), Access::Deny),
    ] {
        let error = lists.set(&target(text), access, None).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Config, "{text}: {error}");
        assert!(!lists.remove(&target(text)).await.unwrap());
    }
    let (list, error) = lists.current(&Names::default(), NOON).await;
    assert!(list.is_empty() && error.is_none());
    let fixed = AccessLists::fixed([]);
    let error = fixed.set(&target("network:10.0.0.1"), Access::Deny, None).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Config);
    assert!(fixed.is_empty() && !lists.is_empty());
    assert!(fixed.current(&Names::default(), NOON).await.0.is_empty());
}

#[tokio::test]
async fn a_long_list_is_read_whole_and_paged() {
    let (store, clock) = (Arc::new(MapStore::new()), FakeClock::at(NOON));
    for number in 0..2_500_u32 {
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
        let entry = ListEntry::new(format!("network:{address}"), "deny", None).unwrap();
        store.put(&name(), &entry).await.unwrap();
    }
    let lists = AccessLists::shared(store);
    assert_eq!(said(&lists, &clock, [10, 0, 9, 195]).await, (Some(Access::Deny), None));
    assert_eq!(lists.current(&Names::default(), NOON).await.0.len(), 2_500);
    let (mut after, mut seen) = (None, 0);
    loop {
        let page = lists.entries(after.as_ref(), 700, NOON).await.unwrap();
        seen += page.items.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, 2_500);
}
