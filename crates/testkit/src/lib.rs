#![doc = include_str!("../README.md")]

pub mod conformance;
pub mod differential;
#[cfg(feature = "servers")]
pub mod servers;
pub mod stampede;
pub mod wrong;

#[doc(hidden)]
pub use lockout_core;
