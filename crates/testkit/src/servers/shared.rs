//! Redis servers that the tests of one process share.

use std::env;
use std::sync::{Mutex, PoisonError};

use super::token::token;
use super::{RedisCluster, RedisServer, ServerError};

/// One server for all tests that do not stop it, each with keys of its own. It is never flushed.
#[derive(Clone, Debug)]
pub struct TestRedis {
    /// Where the server is.
    pub url: String,
    /// What the names of this test's keys begin with: `lockout`, then something random.
    pub prefix: String,
}

impl TestRedis {
    /// The server that `LOCKOUT_TEST_REDIS_URL` names; or else one that is started at the first
    /// call and that ends when the process ends. The prefix is another one at each call.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if Redis is not installed; others if it does not start.
    pub fn shared() -> Result<Self, ServerError> {
        static SERVER: Mutex<Option<RedisServer>> = Mutex::new(None);
        let url = match env::var("LOCKOUT_TEST_REDIS_URL") {
            Ok(url) => url,
            Err(_) => of_shared(&SERVER, RedisServer::start, RedisServer::url)?,
        };
        Ok(Self { url, prefix: prefix() })
    }
}

/// One cluster for all tests that do not stop a node, each with keys of its own. It is never
/// flushed.
#[derive(Clone, Debug)]
pub struct TestCluster {
    /// Where the nodes are.
    pub urls: Vec<String>,
    /// What the names of this test's keys begin with: `lockout`, then something random, no braces.
    pub prefix: String,
}

impl TestCluster {
    /// The cluster that `LOCKOUT_TEST_REDIS_CLUSTER_URLS` names, separated by commas; or else one
    /// that is started at the first call, which takes seconds, and that ends when the process ends.
    /// The prefix is another one at each call.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if Redis is not installed; others if it does not start.
    pub fn shared() -> Result<Self, ServerError> {
        static CLUSTER: Mutex<Option<RedisCluster>> = Mutex::new(None);
        let urls = match env::var("LOCKOUT_TEST_REDIS_CLUSTER_URLS") {
            Ok(urls) => urls.split(',').map(|url| url.trim().to_owned()).collect(),
            Err(_) => of_shared(&CLUSTER, start_patient_cluster, RedisCluster::urls)?,
        };
        Ok(Self { urls, prefix: prefix() })
    }
}

/// In this one nobody fails over, even if the machine is too busy to let a node answer for a while.
fn start_patient_cluster() -> Result<RedisCluster, ServerError> {
    let cluster = RedisCluster::start()?;
    for node in cluster.masters().iter().chain(cluster.replicas()) {
        node.cli(&["CONFIG", "SET", "cluster-node-timeout", "15000"])?;
    }
    Ok(cluster)
}

/// What is asked of the thing that all share, which is started if it is not there.
pub(super) fn of_shared<S, T>(
    shared: &Mutex<Option<S>>,
    start: fn() -> Result<S, ServerError>,
    ask: fn(&S) -> T,
) -> Result<T, ServerError> {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    match &*shared {
        Some(server) => Ok(ask(server)),
        None => Ok(ask(shared.insert(start()?))),
    }
}

fn prefix() -> String {
    format!("lockout-test-{}", token())
}
