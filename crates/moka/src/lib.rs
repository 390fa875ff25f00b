#![doc = include_str!("../README.md")]

mod builder;
mod locked;
mod newcomer;
mod overflow;
mod shard;
mod store;

pub use builder::{BuildError, MokaStoreBuilder};
pub use lockout_core;
pub use moka;
pub use store::{MokaStore, Stats};
