//! The stores that are measured, each on a server or file of its own.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use lockout_core::{Guard, LockoutStore};
use lockout_moka::MokaStore;
use lockout_redis::RedisStore;
use lockout_sql::sqlx::{query, query_scalar};
use lockout_sql::{Durability, MySqlStore, PostgresStore, SqliteStore};
use lockout_testkit::servers::{MariaDbServer, PostgresServer, RedisServer};
use tempfile::TempDir;

use super::figures::BytesAre;
use super::usage;
use super::{crowd, plan::Plan};
use crate::Error;

/// A disk that stalls for a while shall not end the run.
const PATIENCE: Duration = Duration::from_secs(30);

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In the memory of the process.
    Moka,
    /// Redis, which writes nothing to disk.
    Redis,
    /// PostgreSQL, where locks are durable.
    Postgres,
    /// MariaDB, where everything is durable.
    MariaDb,
    /// A file, where everything is durable.
    Sqlite,
}

impl Kind {
    /// All of them. Moka comes first: how much memory of the process it takes can be told best
    /// while nobody else has been there.
    pub const ALL: [Self; 5] =
        [Self::Moka, Self::Redis, Self::Postgres, Self::MariaDb, Self::Sqlite];

    /// Those that several processes can share.
    pub const SHARED: [Self; 4] = [Self::Redis, Self::Postgres, Self::MariaDb, Self::Sqlite];

    /// Its name in figures and arguments.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Moka => "moka",
            Self::Redis => "redis",
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::Sqlite => "sqlite",
        }
    }

    /// What its bytes are.
    #[must_use]
    pub const fn bytes_are(self) -> BytesAre {
        match self {
            Self::Moka => BytesAre::ProcessMemory,
            Self::Redis => BytesAre::ServerMemory,
            Self::Postgres | Self::MariaDb | Self::Sqlite => BytesAre::Disk,
        }
    }

    /// From how many subjects on its bytes say something of theirs: a process has other memory too,
    /// and MariaDB makes a file longer by megabytes at a time.
    pub(crate) const fn tells_from(self) -> u64 {
        match self {
            Self::Moka | Self::MariaDb => 100_000,
            Self::Redis | Self::Postgres | Self::Sqlite => Plan::FEW,
        }
    }

    /// A guard over the store of a URL, whose tables are there.
    pub(crate) fn guard(self, url: &str) -> Result<Guard, Error> {
        let policy = crowd::policy()?;
        Ok(match self {
            Self::Moka => return Err("no two processes share their memory".into()),
            Self::Redis => Guard::new(RedisStore::builder().timeout(PATIENCE).open(url)?, policy),
            Self::Postgres => {
                Guard::new(PostgresStore::builder().timeout(PATIENCE).open(url)?, policy)
            }
            Self::MariaDb => Guard::new(MySqlStore::builder().timeout(PATIENCE).open(url)?, policy),
            Self::Sqlite => Guard::new(SqliteStore::builder().timeout(PATIENCE).open(url)?, policy),
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == name);
        kind.ok_or_else(|| format!("{name}: no such store").into())
    }
}

/// A store, and what it is kept in for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) kind: Kind,
    /// What everybody calls.
    pub(crate) guard: Guard,
    /// The same store to be filled through, many subjects at a time and without waiting for the
    /// disk; absent where a guard is fast enough.
    pub(crate) filler: Option<Arc<dyn LockoutStore>>,
    /// Where other processes find it.
    pub(crate) url: Option<String>,
    keeper: Keeper,
}

/// What keeps the records.
#[derive(Debug)]
enum Keeper {
    Process,
    Redis(RedisServer),
    Postgres(PostgresServer),
    MariaDb(MariaDbServer),
    Sqlite(SqliteStore, #[expect(dead_code, reason = "it is there as long as this")] TempDir),
}

impl Home {
    /// An empty store with room for `subjects`.
    pub(crate) async fn start(kind: Kind, subjects: u64) -> Result<Self, Error> {
        match kind {
            Kind::Moka => Self::moka(subjects),
            Kind::Redis => {
                let server = RedisServer::builder().config("maxmemory", "0").start()?;
                let url = server.url();
                let filler = RedisStore::builder().timeout(PATIENCE).open(&url)?;
                Self::served(kind, url, Arc::new(filler), Keeper::Redis(server))
            }
            Kind::Postgres => {
                let server = PostgresServer::builder().durable();
                let server =
                    server.config("shared_buffers", "1GB").config("max_wal_size", "8GB").start()?;
                let url = server.url();
                let filler = PostgresStore::builder().durability(Durability::Relaxed);
                let filler = filler.timeout(PATIENCE).open(&url)?;
                filler.migrate().await?;
                Self::served(kind, url, Arc::new(filler), Keeper::Postgres(server))
            }
            Kind::MariaDb => {
                let server = MariaDbServer::builder().durable();
                let server = server
                    // The others have the cache of the system besides.
                    .config("innodb-buffer-pool-size", "4G")
                    .config("innodb-log-file-size", "1G")
                    .start()?;
                let url = server.url();
                let filler = MySqlStore::builder().timeout(PATIENCE).open(&url)?;
                filler.migrate().await?;
                Self::served(kind, url, Arc::new(filler), Keeper::MariaDb(server))
            }
            Kind::Sqlite => {
                let folder = tempfile::tempdir()?;
                let url = format!("sqlite://{}", folder.path().join("lockout.db").display());
                let filler = SqliteStore::builder().durability(Durability::Relaxed);
                let filler = filler.timeout(PATIENCE).open(&url)?;
                filler.migrate().await?;
                Self::served(kind, url, Arc::new(filler.clone()), Keeper::Sqlite(filler, folder))
            }
        }
    }

    /// Some more places than subjects: no shard may be full.
    fn moka(subjects: u64) -> Result<Self, Error> {
        let places = usize::try_from(subjects.max(Plan::FEW) / 8 * 10)?;
        let store = MokaStore::builder().capacity(places).build()?;
        let guard = Guard::new(store, crowd::policy()?);
        Ok(Self { kind: Kind::Moka, guard, filler: None, url: None, keeper: Keeper::Process })
    }

    fn served(
        kind: Kind,
        url: String,
        filler: Arc<dyn LockoutStore>,
        keeper: Keeper,
    ) -> Result<Self, Error> {
        let guard = kind.guard(&url)?;
        Ok(Self { kind, guard, filler: Some(filler), url: Some(url), keeper })
    }

    /// The server, if it is Redis.
    pub(crate) const fn redis(&self) -> Option<&RedisServer> {
        if let Keeper::Redis(server) = &self.keeper { Some(server) } else { None }
    }

    /// The server's process, if there is a server.
    pub(crate) fn pid(&self) -> Option<u32> {
        match &self.keeper {
            Keeper::Process | Keeper::Sqlite(..) => None,
            Keeper::Redis(server) => Some(server.pid()),
            Keeper::Postgres(server) => Some(server.pid()),
            Keeper::MariaDb(server) => Some(server.pid()),
        }
    }

    /// The bytes that everything takes.
    pub(crate) async fn bytes(&self) -> Result<u64, Error> {
        Ok(match &self.keeper {
            Keeper::Process => usage::resident_bytes()?,
            Keeper::Redis(server) => {
                let info = server.cli(&["INFO", "memory"])?;
                let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
                used.ok_or("INFO without used_memory")?.trim().parse()?
            }
            Keeper::Postgres(server) => {
                server.sql("SELECT pg_total_relation_size('lockout')")?.trim().parse()?
            }
            Keeper::MariaDb(server) => {
                let size = "SELECT file_size FROM information_schema.innodb_sys_tablespaces \
                            WHERE name = 'lockout/lockout'";
                server.sql(size)?.trim().parse()?
            }
            Keeper::Sqlite(store, _) => {
                query("PRAGMA wal_checkpoint(TRUNCATE)").execute(store.pool()).await?;
                let pages: i64 = query_scalar("PRAGMA page_count").fetch_one(store.pool()).await?;
                let size: i64 = query_scalar("PRAGMA page_size").fetch_one(store.pool()).await?;
                u64::try_from(pages * size)?
            }
        })
    }

    /// Before it is filled: lets writes not wait for the disk.
    pub(crate) fn relax(&self) -> Result<(), Error> {
        self.flush_each_commit(false)
    }

    /// After it was filled: does at once what the server would do by and by, in the middle of what
    /// is measured.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        if let Keeper::Postgres(server) = &self.keeper {
            server.sql("VACUUM ANALYZE lockout")?;
            server.sql("CHECKPOINT")?;
        }
        if let Keeper::MariaDb(server) = &self.keeper {
            // Writes what of the table is in memory alone.
            server.sql("FLUSH TABLES lockout FOR EXPORT; UNLOCK TABLES")?;
            server.sql("ANALYZE TABLE lockout")?;
        }
        self.flush_each_commit(true)
    }

    /// The other databases know it by connection.
    fn flush_each_commit(&self, does: bool) -> Result<(), Error> {
        if let Keeper::MariaDb(server) = &self.keeper {
            let does = u8::from(does);
            server.sql(&format!("SET GLOBAL innodb_flush_log_at_trx_commit = {does}"))?;
        }
        Ok(())
    }
}
