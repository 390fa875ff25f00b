//! Logins under load and under attack: the sample app with every store and without any, what other
//! people install, and the driver that sends both the same.
//!
//! - [`contender`]: who is compared; [`site`]: one of them, running;
//! - [`app`]: the sample login;
//! - [`driver`]: who sends logins to it; [`logins`]: honest ones, measured; [`compare`]: a table of
//!   them; [`attacks`]: others;
//! - [`peers`]: what other people install;
//! - [`growth`]: when there is more of everything; [`throughput`]: the libraries without an app;
//! - [`usage`]: what that costs; [`machine`]: on what;
//! - [`number`]: what is done with figures; [`report`]: all of it as a page.

pub mod app;
pub mod attacks;
pub mod compare;
pub mod contender;
pub mod driver;
pub mod growth;
pub mod logins;
pub mod machine;
pub mod number;
pub mod peers;
pub mod report;
pub mod site;
pub mod store;
pub mod throughput;
pub mod usage;

/// What ends a run: the message says what was being done, and what to do if something can be done.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What a run gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;
