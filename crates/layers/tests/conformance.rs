//! The published suite over each layer, and over all of them.

use std::time::Duration;

use lockout_core::MapStore;
use lockout_layers::{Breaker, Deadline, HashKey, Hashed, LockCache, Metered, OnOutage};
use lockout_testkit::{conformance_suite, guard_suite};

mod common;

use common::{AttemptsFail, Revealing};

const LIMIT: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(86_400);

fn key(byte: u8) -> HashKey {
    HashKey::new([byte; 32]).expect("a key of 32 bytes")
}

fn hashed() -> Hashed<MapStore> {
    Hashed::new(MapStore::new(), key(1))
}

fn stack() -> impl lockout_core::LockoutStore {
    let store = Deadline::new(MapStore::new(), LIMIT);
    let store = Hashed::new(LockCache::new(Breaker::new(store)), key(1));
    Metered::new(OnOutage::fall_back_to(store, MapStore::new()), "login")
}

guard_suite!(guarding_a_stack, stack());
conformance_suite!(deadline, Deadline::new(MapStore::new(), LIMIT));
conformance_suite!(breaker, Breaker::new(MapStore::new()));
conformance_suite!(fail_open, OnOutage::fail_open(MapStore::new()));
conformance_suite!(fail_closed, OnOutage::fail_closed(MapStore::new()));
conformance_suite!(fall_back, OnOutage::fall_back_to(MapStore::new(), MapStore::new()));
// Every attempt meets an outage, and the fallback decides as exactly as a store.
conformance_suite!(fallen_back, AttemptsFail::falling_back());
conformance_suite!(metered, Metered::new(MapStore::new(), "map"));
conformance_suite!(lock_cache, LockCache::new(MapStore::new()));
conformance_suite!(lock_cache_for_long, LockCache::new(MapStore::new()).max_stale(LONG));
conformance_suite!(lock_cache_without_room, LockCache::with_capacity(MapStore::new(), 0));
// A list can only name opaque subjects; the suite wants to read it.
conformance_suite!(hashed_store, Revealing::new(hashed(), hashed()));
conformance_suite!(
    hashed_with_old_keys,
    Revealing::new(hashed().old_key(key(2)).old_key(key(3)), hashed())
);
conformance_suite!(whole_stack, Revealing::new(stack(), hashed()));
