#![doc = include_str!("../README.md")]

#[cfg(feature = "background-log")]
mod background_log;
mod breaker;
#[cfg(feature = "deadline")]
mod deadline;
#[cfg(feature = "hashed")]
mod hashed;
#[cfg(feature = "lock-cache")]
mod lock_cache;
#[cfg(feature = "metered")]
mod metered;
mod on_outage;
mod outage;

#[cfg(feature = "background-log")]
pub use background_log::{BackgroundLog, BackgroundLogBuilder, NoRuntime};
pub use breaker::Breaker;
#[cfg(feature = "deadline")]
pub use deadline::Deadline;
#[cfg(feature = "hashed")]
pub use hashed::{HashKey, HashKeyError, Hashed};
#[cfg(feature = "lock-cache")]
pub use lock_cache::{LockCache, LockCacheHandle};
pub use lockout_core;
#[cfg(feature = "metered")]
pub use metered::Metered;
pub use on_outage::{FailClosed, FailOpen, Fallback, OnOutage, StandIn};
