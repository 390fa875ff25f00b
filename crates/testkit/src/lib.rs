#![doc = include_str!("../README.md")]

pub mod conformance;
pub mod differential;
pub mod guarding;
pub mod lists;
pub mod logs;
#[cfg(feature = "servers")]
pub mod servers;
pub mod stampede;
pub mod wrong;
pub mod wrong_lists;
pub mod wrong_logs;

#[doc(hidden)]
pub use lockout_core;
