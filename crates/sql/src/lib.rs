#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(dead_code, unused_macros, reason = "without a database there is nobody to use it")
)]

mod builder;
mod clock;
mod dialect;
mod error;
mod exchange;
mod gate;
mod keys;
mod lists;
mod locked;
mod log;
mod migrate;
#[cfg(all(test, any(feature = "mysql", feature = "postgres", feature = "sqlite")))]
mod mutations;
mod pending;
mod round;
mod row;
mod statements;
mod store;
mod sweep;
mod table;

pub use builder::{Durability, SqlStoreBuilder};
pub use dialect::Dialect;
pub use error::BuildError;
pub use lockout_core;
pub use log::SqlLog;
pub use sqlx;
pub use store::SqlStore;
pub use sweep::Swept;

/// The store on PostgreSQL.
#[cfg(feature = "postgres")]
pub type PostgresStore = SqlStore<sqlx::Postgres>;

/// The store on MySQL or MariaDB.
#[cfg(feature = "mysql")]
pub type MySqlStore = SqlStore<sqlx::MySql>;

/// The store on SQLite, in a file or in memory.
#[cfg(feature = "sqlite")]
pub type SqliteStore = SqlStore<sqlx::Sqlite>;

/// The record of attempts on PostgreSQL.
#[cfg(feature = "postgres")]
pub type PostgresLog = SqlLog<sqlx::Postgres>;

/// The record of attempts on MySQL or MariaDB.
#[cfg(feature = "mysql")]
pub type MySqlLog = SqlLog<sqlx::MySql>;

/// The record of attempts on SQLite.
#[cfg(feature = "sqlite")]
pub type SqliteLog = SqlLog<sqlx::Sqlite>;
