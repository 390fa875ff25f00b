//! Who sends logins, and what they gave.
//!
//! - [`Client`]: one connection; [`Logins`]: what is to be sent;
//! - [`Closed`]: each connection sends its next login when the last one is answered: how many logins
//!   a site can take;
//! - [`Open`]: logins come at a fixed rate whatever the site does, as people do: how long they wait;
//! - [`beside()`]: one login at a time to several sites in turn: what differs by microseconds;
//! - [`Turn`]: the figures.
//!
//! All of it runs on the [`runtime()`] of one thread, so that the rest of the machine is the site's,
//! and nothing wakes another thread between an answer and its time.

mod beside;
mod client;
mod closed;
mod line;
mod logins;
mod open;
mod pace;
mod processor;
mod tally;
mod turn;

pub use self::beside::beside;
pub use self::client::{Answer, Client, Login, Protocol};
pub use self::closed::Closed;
pub use self::logins::Logins;
pub use self::open::Open;
pub use self::tally::Tally;
pub use self::turn::Turn;

use crate::Result;

/// Where a driver runs.
///
/// # Errors
/// If the system refuses.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
