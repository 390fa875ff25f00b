#![doc = include_str!("../README.md")]

mod attic;
mod builder;
mod locked;
mod shard;
mod store;

pub use builder::{BuildError, MokaStoreBuilder};
pub use lockout_core;
pub use moka;
pub use store::{MokaStore, Stats};
