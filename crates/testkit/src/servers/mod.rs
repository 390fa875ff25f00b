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
mod port;
mod process;
mod proxy;
mod redis;
mod relay;
mod resp;
mod sentinels;
mod shared;
mod token;
mod wait;

pub use builder::RedisServerBuilder;
pub use cluster::RedisCluster;
pub use error::ServerError;
pub use proxy::Proxy;
pub use redis::RedisServer;
pub use sentinels::RedisSentinels;
pub use shared::{TestCluster, TestRedis};
