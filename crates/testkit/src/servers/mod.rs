//! Throw-away servers for tests, and a proxy that breaks the connection to one. Linux only.
//!
//! A server listens on a free port of the loopback interface, keeps everything in a temporary
//! folder of its own, and is ready when `start` returns. Calls block the thread, for milliseconds
//! with one server and for seconds with a set of them.
//!
//! Nothing is left behind: a server ends and its folder goes when its value is dropped, and also
//! when the test process ends in whatever way, `kill -9` included. A server that is not installed
//! is an error, never a test that is skipped.

mod builder;
mod certificate;
mod cluster;
mod error;
mod mariadb;
mod mariadb_builder;
mod other;
mod port;
mod postgres;
mod postgres_builder;
mod process;
mod program;
mod proxy;
mod redis;
mod relay;
mod resp;
mod sentinels;
mod shared;
mod shared_sql;
mod sql;
mod token;
mod wait;
mod watchdog;

pub use builder::RedisServerBuilder;
pub use cluster::{RedisCluster, RedisClusterBuilder};
pub use error::ServerError;
pub use mariadb::MariaDbServer;
pub use mariadb_builder::MariaDbServerBuilder;
pub use other::OtherServer;
pub use postgres::PostgresServer;
pub use postgres_builder::PostgresServerBuilder;
pub use proxy::Proxy;
pub use redis::RedisServer;
pub use sentinels::RedisSentinels;
pub use shared::{TestCluster, TestRedis};
pub use shared_sql::{TestMariaDb, TestPostgres};
