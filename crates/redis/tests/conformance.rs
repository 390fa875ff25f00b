//! The Redis store against the suite, on a real server.

use std::sync::Arc;

use lockout_core::LockoutStore;
use lockout_redis::RedisStore;
use lockout_testkit::conformance_suite;
use lockout_testkit::servers::TestRedis;

/// A store that is empty, since nobody else has its prefix.
fn store() -> RedisStore {
    let TestRedis { url, prefix } = TestRedis::shared().expect("a server starts");
    RedisStore::builder().prefix(prefix).open(&url).expect("a store")
}

conformance_suite!(redis, store());
conformance_suite!(shared, Arc::new(store()) as Arc<dyn LockoutStore>);
