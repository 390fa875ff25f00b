#![doc = include_str!("../README.md")]

mod builder;
mod call;
mod clock;
mod error;
mod keys;
mod link;
mod locked;
#[cfg(test)]
mod mutations;
mod packed;
mod scripts;
mod store;
mod unlocks;

pub use builder::RedisStoreBuilder;
pub use error::BuildError;
pub use lockout_core;
pub use redis;
pub use store::RedisStore;
pub use unlocks::UnlockWatch;
