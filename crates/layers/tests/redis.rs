//! The published suite over each layer, and over all of them, on a real Redis server.

use std::time::Duration;

use lockout_core::{Attempt, Guard, MapStore, Policy, Rule, Scope, Subject, UnlockNotice};
use lockout_layers::{Breaker, Deadline, HashKey, Hashed, LockCache, Metered, OnOutage};
use lockout_redis::RedisStore;
use lockout_testkit::conformance_suite;
use lockout_testkit::servers::TestRedis;

mod common;

use common::Revealing;

const LIMIT: Duration = Duration::from_secs(60);

/// A store that is empty, since nobody else has its prefix.
fn redis() -> RedisStore {
    let TestRedis { url, prefix } = TestRedis::shared().expect("a server starts");
    RedisStore::builder().prefix(prefix).open(&url).expect("a store")
}

fn key() -> HashKey {
    HashKey::new([1; 32]).expect("a key of 32 bytes")
}

fn names() -> Hashed<MapStore> {
    Hashed::new(MapStore::new(), key())
}

fn stack() -> impl lockout_core::LockoutStore {
    let store = Hashed::new(LockCache::new(Breaker::new(Deadline::new(redis(), LIMIT))), key());
    Metered::new(OnOutage::fall_back_to(store, MapStore::new()), "login")
}

conformance_suite!(deadline, Deadline::new(redis(), LIMIT));
conformance_suite!(breaker, Breaker::new(redis()));
conformance_suite!(on_outage, OnOutage::fall_back_to(redis(), MapStore::new()));
conformance_suite!(metered, Metered::new(redis(), "redis"));
conformance_suite!(lock_cache, LockCache::new(redis()));
conformance_suite!(hashed, Revealing::new(Hashed::new(redis(), key()), names()));
conformance_suite!(whole_stack, Revealing::new(stack(), names()));

#[tokio::test(flavor = "multi_thread")]
async fn an_unlock_on_another_node_reaches_the_cache_at_once() {
    let TestRedis { url, prefix } = TestRedis::shared().expect("a server starts");
    let node = || RedisStore::builder().prefix(&*prefix).open(&url).expect("a store");
    let day = Duration::from_secs(86_400);
    let store = node();
    let cache = LockCache::new(store.clone()).max_stale(day);
    let (told, mut notices) = tokio::sync::mpsc::unbounded_channel();
    let handle = cache.handle();
    let _watch = store
        .watch_unlocks(move |notice| {
            handle.notice(&notice);
            let _ = told.send(notice);
        })
        .expect("a store of a URL subscribes");
    // What was locked or unlocked before the subscription began is not told.
    assert_eq!(notices.recv().await, Some(UnlockNotice::Missed));
    let policy = || Policy::builder().rule(Rule::builder(Scope::Username).failure_limit(0)).build();
    let here = Guard::new(cache, policy().expect("a policy"));
    let there = Guard::new(node(), policy().expect("a policy"));
    let alice = Attempt::new().username("alice");
    let subject = Subject::username("alice").expect("a name");
    let fail = here.begin(&alice).await.expect("the store works").admitted().expect("a place");
    fail.fail().await.expect("the store works");
    assert!(here.begin(&alice).await.expect("the store works").admitted().is_err());
    assert!(there.unlock(&subject).await.expect("the store works"));
    assert_eq!(notices.recv().await, Some(UnlockNotice::Unlocked(subject)));
    assert!(here.begin(&alice).await.expect("the store works").admitted().is_ok());
}
