//! What the program can be told to do, a file each.

mod attack;
mod compare;
mod report;
mod serve;

pub(crate) use self::attack::Attack;
pub(crate) use self::compare::Compare;
pub(crate) use self::report::Report;
pub(crate) use self::serve::Serve;
