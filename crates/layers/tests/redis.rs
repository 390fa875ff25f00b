//! The published suite over each layer, and over all of them, on a real Redis server.

use std::time::Duration;

use lockout_core::MapStore;
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
