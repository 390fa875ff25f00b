//! How a [`SqlStore`] is made.

use std::marker::PhantomData;
use std::time::Duration;

use sqlx::Pool;
use sqlx::pool::PoolOptions;

use crate::dialect::Dialect;
use crate::error::BuildError;
use crate::statements::Names;
use crate::store::SqlStore;
use crate::table::Table;

/// What a crash of the database's server, or of its machine, may lose.
///
/// Nothing is lost by a crash of the application. What is lost was always the latest: the
/// database itself stays whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// Nothing that was answered. Each write waits for the disk, and others wait for its rows
    /// meanwhile, which a much-used address feels most.
    Full,
    /// No lockout that was told, no lock or unlock by an operator; only charges, and entries of the
    /// record of attempts, of the last moment (PostgreSQL: three times `wal_writer_delay`, 0.6 s by
    /// default). On SQLite as `Full`.
    #[default]
    Locks,
    /// Everything of the last moment, locks too. On SQLite what was written since the last
    /// checkpoint, and only if the machine loses power or its kernel stops.
    Relaxed,
}

/// What a pool of the store's own is made with.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) table: String,
    pub(crate) timeout: Duration,
    pub(crate) durability: Durability,
    pub(crate) max_connections: u32,
}

/// Makes a [`SqlStore`].
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing until a database is given"]
pub struct SqlStoreBuilder<D> {
    settings: Settings,
    dialect: PhantomData<fn() -> D>,
}

impl<D: Dialect> SqlStoreBuilder<D> {
    /// The default [table](Self::table).
    pub const DEFAULT_TABLE: &str = "lockout";

    /// The default [timeout](Self::timeout).
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

    /// The default [`max_connections`](Self::max_connections).
    pub const DEFAULT_MAX_CONNECTIONS: u32 = 10;

    pub(crate) fn new() -> Self {
        let settings = Settings {
            table: Self::DEFAULT_TABLE.into(),
            timeout: Self::DEFAULT_TIMEOUT,
            durability: Durability::default(),
            max_connections: Self::DEFAULT_MAX_CONNECTIONS,
        };
        Self { settings, dialect: PhantomData }
    }

    /// Keeps the records in the table `table`, its view in `table_locked`, attempts in
    /// `table_attempts`, lists in `table_lists` and its version in `table_migrations`. Stores with one
    /// table share everything. Default `lockout`; 1 to 48 of the
    /// characters `a-z 0-9 _`. But on SQLite, a schema (MySQL: a database) that exists may stand
    /// before it: `auth.lockout`.
    pub fn table(mut self, table: impl Into<String>) -> Self {
        self.settings.table = table.into();
        self
    }

    /// Lets no call take longer than this, connecting and trying again included. Default one second.
    ///
    /// The server may still carry out what timed out: the attempt then stays charged.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Opens at most so many connections, if the store is made of a URL. Default ten; on SQLite
    /// never more than four, in memory one.
    pub const fn max_connections(mut self, max_connections: u32) -> Self {
        self.settings.max_connections = max_connections;
        self
    }

    /// The store in the database of a URL. Connections are made when they are needed, and again by
    /// themselves when they are lost. Its tables are made by [`SqlStore::migrate`].
    ///
    /// # Errors
    /// If the URL or a setting is wrong, or outside a tokio runtime.
    pub fn open(self, url: &str) -> Result<SqlStore<D>, BuildError> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(BuildError::NoRuntime);
        }
        self.examine()?;
        // The driver of SQLite takes every URL for the name of a file.
        let is_ours = D::URL_SCHEMES
            .iter()
            .any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| rest.starts_with(':')));
        if !is_ours {
            return Err(BuildError::Url(D::URL));
        }
        let options = PoolOptions::<D>::new()
            .max_connections(self.settings.max_connections)
            .acquire_timeout(self.settings.timeout)
            // It is a round trip for each call, and a connection that broke is found out anyway.
            .test_before_acquire(false);
        let pool = D::pool(url, &self.settings, options)?;
        self.pool(pool)
    }

    /// The store over a pool that the application already has.
    ///
    /// Turn its `test_before_acquire` off, which costs every call a round trip. On MySQL its
    /// connections should have `innodb_lock_wait_timeout = 1`, on SQLite WAL and a busy timeout
    /// that is shorter than [`timeout`](Self::timeout).
    ///
    /// # Errors
    /// If a setting is wrong.
    pub fn pool(self, pool: Pool<D>) -> Result<SqlStore<D>, BuildError> {
        let table = self.examine()?;
        let names = Names { table, quote: D::QUOTE, has_numbers: D::HAS_NUMBERS };
        Ok(SqlStore::new(pool, names, &self.settings))
    }

    fn examine(&self) -> Result<Table, BuildError> {
        let Settings { table, timeout, max_connections, .. } = &self.settings;
        if timeout.is_zero() {
            return Err(BuildError::Timeout);
        }
        if *max_connections == 0 {
            return Err(BuildError::MaxConnections);
        }
        Table::parse(table, D::HAS_SCHEMAS).ok_or_else(|| BuildError::Table(table.clone()))
    }
}

#[cfg(feature = "postgres")]
impl SqlStoreBuilder<sqlx::Postgres> {
    /// What a crash of the server may lose. Default [`Durability::Locks`]. It is asked for by each
    /// write, also over a pool that the application has. `Full` is what the server is set to.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.settings.durability = durability;
        self
    }
}

#[cfg(feature = "sqlite")]
impl SqlStoreBuilder<sqlx::Sqlite> {
    /// What a loss of power may lose. Default [`Durability::Locks`], which is `Full` here. It is a
    /// setting of the connections, so only for a store that is made of a URL.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.settings.durability = durability;
        self
    }
}
