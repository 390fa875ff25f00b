//! Who is never refused, and who always is.

mod list;
mod lists;
mod shared;
mod target;

pub use self::list::{AccessList, Verdict};
pub use self::lists::{AccessLists, Listed};
pub use self::target::{Access, Target, TargetError, UnknownAccess};
