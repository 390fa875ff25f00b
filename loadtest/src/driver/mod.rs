//! Who sends logins.

mod client;

pub use self::client::{Answer, Client, Login, Protocol};
