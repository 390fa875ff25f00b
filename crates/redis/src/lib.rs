#![doc = include_str!("../README.md")]

mod apart;
mod builder;
mod call;
mod clock;
#[cfg(feature = "cluster")]
mod cluster;
mod connection;
mod error;
mod keys;
mod link;
mod lists;
mod locked;
mod log;
#[cfg(test)]
mod mutations;
mod origin;
mod packed;
mod renewed;
mod scripts;
#[cfg(feature = "sentinel")]
mod sentinel;
mod store;
mod unlocks;
mod wait;

pub use builder::RedisStoreBuilder;
pub use error::BuildError;
pub use lockout_core;
pub use log::RedisLog;
pub use redis;
pub use store::RedisStore;
pub use unlocks::UnlockWatch;
