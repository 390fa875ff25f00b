//! What is measured: named scenarios, each with its floor.
//!
//! A floor is the least that any implementation would have to do on the same structure. It runs in
//! the same process and in turn with ours, so that a ratio means something on a noisy machine.

pub mod engine;
pub mod moka;
pub mod scenario;
