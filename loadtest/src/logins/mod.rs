//! Logins without an attack: how long they take, how many a site can take, and what that costs, with
//! every contender under the same loads.
//!
//! [`measure`] starts all sites beside one another, and takes turns: A B C, A B C, … so that what
//! changes with time changes them all. Turns are kept as they are; medians are taken when they are
//! read.

mod figure;
mod measure;
mod plan;
mod scenario;

pub use self::figure::{LoginFigure, Measured};
pub use self::measure::{bar, measure};
pub use self::plan::{Cell, Load, Plan};
pub use self::scenario::{Scenario, WRONG};
