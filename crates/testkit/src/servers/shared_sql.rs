//! Databases that the tests of one process share.

use std::env;
use std::sync::Mutex;

use super::shared::of_shared;
use super::token::token;
use super::{MariaDbServer, PostgresServer, ServerError};

/// One PostgreSQL for all tests that do not stop it, each with tables of its own. No test removes
/// those of others.
#[derive(Clone, Debug)]
pub struct TestPostgres {
    /// Where the database is.
    pub url: String,
    /// What the names of this test's tables begin with: `lockout_test_`, then something random; an
    /// SQL identifier of at most 40 characters.
    pub prefix: String,
}

impl TestPostgres {
    /// The database that `LOCKOUT_TEST_POSTGRES_URL` names; or else that of a server which is
    /// started at the first call and ends when the process ends. The prefix is another one at each
    /// call.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if PostgreSQL is not installed; others if it does not start.
    pub fn shared() -> Result<Self, ServerError> {
        static SERVER: Mutex<Option<PostgresServer>> = Mutex::new(None);
        let url = match env::var("LOCKOUT_TEST_POSTGRES_URL") {
            Ok(url) => url,
            Err(_) => of_shared(&SERVER, PostgresServer::start, PostgresServer::url)?,
        };
        Ok(Self { url, prefix: prefix() })
    }
}

/// One MariaDB for all tests that do not stop it, each with tables of its own. No test removes
/// those of others.
#[derive(Clone, Debug)]
pub struct TestMariaDb {
    /// Where the database is.
    pub url: String,
    /// What the names of this test's tables begin with: `lockout_test_`, then something random; an
    /// SQL identifier of at most 40 characters.
    pub prefix: String,
}

impl TestMariaDb {
    /// The database that `LOCKOUT_TEST_MYSQL_URL` names; or else that of a server which is started
    /// at the first call and ends when the process ends. The prefix is another one at each call.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if MariaDB is not installed; others if it does not start.
    pub fn shared() -> Result<Self, ServerError> {
        static SERVER: Mutex<Option<MariaDbServer>> = Mutex::new(None);
        let url = match env::var("LOCKOUT_TEST_MYSQL_URL") {
            Ok(url) => url,
            Err(_) => of_shared(&SERVER, MariaDbServer::start, MariaDbServer::url)?,
        };
        Ok(Self { url, prefix: prefix() })
    }
}

fn prefix() -> String {
    format!("lockout_test_{:.16}", token())
}
