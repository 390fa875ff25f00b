//! Servers of a test's own, which may be killed.

use std::net::SocketAddr;

use lockout_sql::SqlStoreBuilder;
use lockout_testkit::servers::{MariaDbServer, PostgresServer, ServerError};
use tokio::sync::{Mutex, MutexGuard};

use super::Tested;

/// A database that is a server's.
pub trait Served: Tested {
    type Server: Server;

    /// Lets a store lose nothing that was answered.
    fn full(builder: SqlStoreBuilder<Self>) -> SqlStoreBuilder<Self>;
}

#[cfg(feature = "postgres")]
impl Served for lockout_sql::sqlx::Postgres {
    type Server = PostgresServer;

    fn full(builder: SqlStoreBuilder<Self>) -> SqlStoreBuilder<Self> {
        builder.durability(lockout_sql::Durability::Full)
    }
}

#[cfg(feature = "mysql")]
impl Served for lockout_sql::sqlx::MySql {
    type Server = MariaDbServer;

    fn full(builder: SqlStoreBuilder<Self>) -> SqlStoreBuilder<Self> {
        builder
    }
}

/// A server that a test may do anything with.
pub trait Server: Sized + Send + Sync {
    /// One that keeps what it has committed.
    fn durable() -> Self;
    /// The same with settings.
    fn with(settings: &[(&str, &str)]) -> Self;
    /// One that takes so few connections that a test can take them all.
    fn narrow() -> Self;
    fn pid(&self) -> u32;
    fn url(&self) -> String;
    fn address(&self) -> SocketAddr;
    fn kill(&mut self);
    fn restart(&mut self);
    fn pause(&self);
    fn resume(&self);
    fn sql(&self, sql: &str) -> Result<String, ServerError>;
}

macro_rules! server {
    ($server:ty, narrow: $narrow:expr) => {
        impl Server for $server {
            fn durable() -> Self {
                Self::with(&[])
            }

            fn with(settings: &[(&str, &str)]) -> Self {
                let builder = <$server>::builder().durable();
                let builder = settings
                    .iter()
                    .fold(builder, |builder, (key, value)| builder.config(key, value));
                builder.start().expect("a server starts")
            }

            fn narrow() -> Self {
                Self::with(&[("max_connections", $narrow)])
            }

            fn pid(&self) -> u32 {
                <$server>::pid(self)
            }

            fn url(&self) -> String {
                <$server>::url(self)
            }

            fn address(&self) -> SocketAddr {
                <$server>::address(self)
            }

            fn kill(&mut self) {
                <$server>::kill(self);
            }

            fn restart(&mut self) {
                <$server>::restart(self).expect("the server starts again");
            }

            fn pause(&self) {
                <$server>::pause(self);
            }

            fn resume(&self) {
                <$server>::resume(self);
            }

            fn sql(&self, sql: &str) -> Result<String, ServerError> {
                <$server>::sql(self, sql)
            }
        }
    };
}

// Three more are kept free for superusers.
server!(PostgresServer, narrow: "13");
server!(MariaDbServer, narrow: "10");

/// Lets one test at a time have servers of its own: they are started from nothing, and several at
/// once would make each other slow.
pub async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}
