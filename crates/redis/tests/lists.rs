//! Lists on a real server and on a Cluster.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::Duration;

use lockout_core::{
    Access, AccessLists, ListEntry, ListName, ListStore, Names, StoreErrorKind, Timestamp,
};
use lockout_redis::RedisStore;
use lockout_testkit::list_suite;
#[cfg(feature = "cluster")]
use lockout_testkit::servers::TestCluster;
use lockout_testkit::servers::{RedisServer, TestRedis};

const NOON: Timestamp = Timestamp::from_millis(1_000_000_000_000);

/// A store that is empty, since nobody else has its prefix.
fn store() -> RedisStore {
    let TestRedis { url, prefix } = TestRedis::shared().expect("a server starts");
    // The machine may be busy.
    let builder = RedisStore::builder().prefix(prefix).timeout(Duration::from_secs(10));
    builder.open(&url).expect("a store")
}

list_suite!(redis, store());
list_suite!(shared, Arc::new(store()) as Arc<dyn ListStore>);

#[cfg(feature = "cluster")]
fn on_cluster() -> RedisStore {
    let TestCluster { urls, prefix } = TestCluster::shared().expect("a cluster starts");
    let urls = urls.iter().map(String::as_str);
    let builder = RedisStore::builder().prefix(prefix).timeout(Duration::from_secs(10));
    builder.open_cluster(urls).expect("a store")
}

#[cfg(feature = "cluster")]
list_suite!(cluster, on_cluster());

fn devices() -> ListName {
    "devices".parse().unwrap()
}

async fn version(store: &RedisStore) -> u64 {
    store.version(&devices()).await.unwrap()
}

#[tokio::test]
async fn what_is_over_goes_when_others_are_put_and_nothing_else_is_left_of_it() {
    let server = RedisServer::start().unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    let after = |seconds| NOON.saturating_add(Duration::from_secs(seconds));
    let put = async |key: String, until| {
        store.put(&devices(), &ListEntry::new(key, "", until).unwrap()).await.unwrap();
    };
    for number in 0..100 {
        put(format!("over-{number:02}"), Some(after(number))).await;
    }
    put("stays".into(), None).await;
    // Whoever reads tells the time, which the store has from nowhere else.
    store.get(&devices(), "stays", after(700)).await.unwrap();
    for number in 0..20 {
        put(format!("new-{number:02}"), Some(after(10_000))).await;
    }
    let count = |part: &str| {
        let key = format!("lockout:{{list.devices}}:{part}");
        server.cli(&["ZCARD", &key]).unwrap().trim().parse::<u32>().unwrap()
    };
    // Ten minutes for clocks that are behind: numbers 0 to 100.
    assert_eq!((count("entries"), count("ends")), (21, 20));
    let left = store.entries(&devices(), None, 100, NOON).await.unwrap();
    assert_eq!(left.items.len(), 21);
    assert_eq!(server.cli(&["TTL", "lockout:{list.devices}:entries"]).unwrap().trim(), "-1");
}

#[tokio::test]
async fn a_list_that_was_lost_and_made_anew_has_another_version() {
    let server = RedisServer::start().unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    let entry = ListEntry::new("a", "", None).unwrap();
    store.put(&devices(), &entry).await.unwrap();
    let before = version(&store).await;
    server.cli(&["FLUSHALL"]).unwrap();
    assert_eq!(version(&store).await, 0);
    store.put(&devices(), &entry).await.unwrap();
    assert!(version(&store).await > before);
    store.put(&devices(), &entry).await.unwrap();
    assert!(version(&store).await > before + 1);
}

#[tokio::test]
async fn what_something_else_writes_to_a_list_is_corrupt() {
    let server = RedisServer::start().unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    for (command, errors) in [
        (&["ZADD", "lockout:{list.devices}:entries", "0", "a"][..], [true, false]),
        (&["SET", "lockout:{list.devices}:entries", "a"], [true, false]),
        (&["SET", "lockout:{list.devices}:version", "a"], [false, true]),
    ] {
        server.cli(&["FLUSHALL"]).unwrap();
        server.cli(command).unwrap();
        let page = store.entries(&devices(), None, 10, NOON).await.map(drop);
        let version = store.version(&devices()).await.map(drop);
        for (result, is_error) in [page, version].into_iter().zip(errors) {
            let kind = result.err().map(|error| error.kind());
            assert_eq!(kind, is_error.then_some(StoreErrorKind::Corrupt), "{command:?}");
        }
    }
}

#[tokio::test]
async fn nodes_share_an_access_list() {
    let TestRedis { url, prefix } = TestRedis::shared().unwrap();
    let node = || {
        let store = RedisStore::builder().prefix(&prefix).open(&url).unwrap();
        AccessLists::shared(store)
    };
    let (one, two, names) = (node(), node(), Names::default());
    let target = "network:2001:db8::/32".parse().unwrap();
    one.set(&target, Access::Deny, None).await.unwrap();
    two.refresh(&names, NOON).await.unwrap();
    for lists in [&one, &two] {
        let (list, error) = lists.current(&names, NOON).await;
        assert_eq!(list.of_ip("2001:db8::1".parse().unwrap()), Some(Access::Deny));
        assert!(error.is_none());
    }
}
