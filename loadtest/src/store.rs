//! The servers that contenders keep their counts in.

use std::path::PathBuf;

use lockout_testkit::servers::{MariaDbServer, PostgresServer, RedisServer};
use tempfile::TempDir;

use crate::Result;
use crate::contender::Storage;
use crate::usage::Usage;

/// A throw-away store: empty at first, gone when dropped.
#[derive(Debug)]
pub enum Store {
    /// None is needed.
    InProcess,
    /// A Redis server.
    Redis(RedisServer),
    /// A PostgreSQL server that flushes what it says is committed.
    Postgres(PostgresServer),
    /// A MariaDB server that does.
    Mariadb(MariaDbServer),
    /// A folder for an SQLite file.
    Sqlite(TempDir),
}

impl Store {
    /// Starts one.
    ///
    /// # Errors
    /// If the server is not installed or does not start.
    pub fn start(storage: Storage) -> Result<Self> {
        Ok(match storage {
            Storage::InProcess => Self::InProcess,
            Storage::Redis => Self::Redis(RedisServer::start()?),
            Storage::Postgres => Self::Postgres(PostgresServer::builder().durable().start()?),
            Storage::Mariadb => Self::Mariadb(MariaDbServer::builder().durable().start()?),
            Storage::Sqlite => Self::Sqlite(tempfile::tempdir()?),
        })
    }

    /// Where it is, if it is anywhere.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        match self {
            Self::InProcess => None,
            Self::Redis(server) => Some(server.url()),
            Self::Postgres(server) => Some(server.url()),
            Self::Mariadb(server) => Some(server.url()),
            Self::Sqlite(folder) => Some(format!("sqlite://{}", file(folder).display())),
        }
    }

    /// What the server has used so far; nothing if there is no server.
    ///
    /// # Errors
    /// If it does not run.
    pub fn usage(&self) -> Result<Usage> {
        self.pid().map_or_else(|| Ok(Usage::default()), Usage::of_tree)
    }

    /// The number of the server's first process, if there is a server.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        match self {
            Self::InProcess | Self::Sqlite(_) => None,
            Self::Redis(server) => Some(server.pid()),
            Self::Postgres(server) => Some(server.pid()),
            Self::Mariadb(server) => Some(server.pid()),
        }
    }

    /// Kills the server, as a power cut does. False if there is none that can be killed.
    pub fn kill(&mut self) -> bool {
        match self {
            Self::InProcess | Self::Sqlite(_) => return false,
            Self::Redis(server) => server.kill(),
            Self::Postgres(server) => server.kill(),
            Self::Mariadb(server) => server.kill(),
        }
        true
    }

    /// Starts it again, at the same place.
    ///
    /// # Errors
    /// If it does not start.
    pub fn restart(&mut self) -> Result<()> {
        match self {
            Self::InProcess | Self::Sqlite(_) => {}
            Self::Redis(server) => server.restart()?,
            Self::Postgres(server) => server.restart()?,
            Self::Mariadb(server) => server.restart()?,
        }
        Ok(())
    }
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("lockout.db")
}
