//! The Redis store against the suite, on a real server.

use std::sync::Arc;

use lockout_core::LockoutStore;
use lockout_redis::RedisStore;
#[cfg(feature = "cluster")]
use lockout_testkit::servers::TestCluster;
use lockout_testkit::servers::TestRedis;
use lockout_testkit::{conformance_suite, guard_suite};

/// A store that is empty, since nobody else has its prefix.
fn store() -> RedisStore {
    let TestRedis { url, prefix } = TestRedis::shared().expect("a server starts");
    RedisStore::builder().prefix(prefix).open(&url).expect("a store")
}

conformance_suite!(redis, store());
conformance_suite!(shared, Arc::new(store()) as Arc<dyn LockoutStore>);
guard_suite!(guarding, store());

#[cfg(feature = "cluster")]
fn on_cluster() -> RedisStore {
    let TestCluster { urls, prefix } = TestCluster::shared().expect("a cluster starts");
    let urls = urls.iter().map(String::as_str);
    RedisStore::builder().prefix(prefix).open_cluster(urls).expect("a store")
}

#[cfg(feature = "cluster")]
conformance_suite!(cluster, on_cluster());

#[cfg(feature = "cluster")]
guard_suite!(guarding_in_a_cluster, on_cluster());
