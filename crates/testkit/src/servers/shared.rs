//! Servers that the tests of one process share.

use std::env;
use std::sync::{Mutex, PoisonError};

use super::token::token;
use super::{RedisServer, ServerError};

/// One server for all tests that do not stop it, each with keys of its own. It is never flushed.
#[derive(Clone, Debug)]
pub struct TestRedis {
    /// Where the server is.
    pub url: String,
    /// What the names of this test's keys begin with: `lockout`, then something random.
    pub prefix: String,
}

impl TestRedis {
    /// The server that `LOCKOUT_TEST_REDIS_URL` names; or else one that is started at the first call
    /// and that ends when the process ends. The prefix is another one at each call.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if Redis is not installed; others if it does not start.
    pub fn shared() -> Result<Self, ServerError> {
        static SERVER: Mutex<Option<RedisServer>> = Mutex::new(None);
        let url = match env::var("LOCKOUT_TEST_REDIS_URL") {
            Ok(url) => url,
            Err(_) => {
                let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
                match &mut *server {
                    Some(server) => server.url(),
                    none => none.insert(RedisServer::start()?).url(),
                }
            }
        };
        Ok(Self { url, prefix: prefix() })
    }
}

fn prefix() -> String {
    format!("lockout-test-{}:", token())
}
