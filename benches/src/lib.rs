//! What is measured: named scenarios, each with its floor.
//!
//! A floor is the least that any implementation would have to do on the same structure. It runs in
//! the same process and in turn with ours, so that a ratio means something on a noisy machine.

pub mod attempts;
pub mod call;
pub mod devices;
pub mod engine;
pub mod lists;
pub mod logged;
pub mod measure;
pub mod moka;
pub mod redis;
pub mod row;
pub mod scenario;
pub mod sql;
pub mod turns;

/// The project's documents, whose code is compiled here since this package knows every other.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    mod readme {}
    #[doc = include_str!("../../docs/architecture.md")]
    mod architecture {}
    #[doc = include_str!("../../docs/guarantees.md")]
    mod guarantees {}
    #[doc = include_str!("../../docs/operations.md")]
    mod operations {}
    #[doc = include_str!("../../docs/choosing-a-backend.md")]
    mod choosing {}
    #[doc = include_str!("../../CONTRIBUTING.md")]
    mod contributing {}
}
