//! [`RedisLog`]: attempts in streams.

mod packed;
mod place;
mod reading;
mod streams;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lockout_core::{
    ATTEMPT_EXPIRATION, AttemptEntry, AttemptLog, AttemptQuery, Page, Result, Timestamp,
};

use crate::scripts::{LOG_APPEND, LOG_PRUNE, Script};
use crate::store::{Parts, RedisStore};

/// Attempts on a Redis server or Cluster: a stream of all of them, and 256 that index them by
/// username and by address, so that a page of one name reads one of these and no more. Clones share
/// the connection.
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lockout_redis::BuildError> {
/// use lockout_core::{Guard, Policy};
/// use lockout_redis::RedisStore;
///
/// let store = RedisStore::open("redis://lockout:secret@127.0.0.1:6379/0")?;
/// let log = store.log(); // without a guard over the store it is a log alone
/// let guard = Guard::builder(store, Policy::default()).log(log).build();
/// # Ok(()) }
/// ```
///
/// It waits for the server, so a login does too: `BackgroundLog` of `lockout-layers` over it lets
/// nobody wait, and writes the attempts of dropped permits, which this one alone cannot.
///
/// - It keeps about [100,000](Self::DEFAULT_CAPACITY) entries, and each for about
///   [a day](ATTEMPT_EXPIRATION); what is over goes by itself, however many names a flood makes up.
///   [`prune`](AttemptLog::prune) deletes to the point.
/// - Of the usernames that share an index, the last [1,000](Self::DEFAULT_EACH) entries or so are
///   found by name; addresses likewise. A flood at one name hides older entries of others there,
///   which a list of all still shows.
/// - An append is not atomic: after an error, some entries may be there, and not in every index.
/// - In a stream time does not run back. What comes late is listed where it came, but with its own
///   time; a query with `until` finds what came up to [a minute](Self::LATEST) late.
/// - A call of [`recent`](AttemptLog::recent) reads about [2,000](Self::LOOKED_AT) entries at most.
#[derive(Clone)]
pub struct RedisLog(Arc<LogParts>);

#[derive(Clone)]
struct LogParts {
    store: Arc<Parts>,
    append: Arc<Script>,
    prune: Arc<Script>,
    capacity: usize,
    each: usize,
    expiration: Duration,
}

impl RedisLog {
    /// How many entries are kept, unless [`capacity`](Self::capacity) says otherwise.
    pub const DEFAULT_CAPACITY: usize = 100_000;

    /// How many entries each index keeps, unless [`each`](Self::each) says otherwise.
    pub const DEFAULT_EACH: usize = 1_000;

    /// How late an entry may come, or how far ahead of the server's clock it may be, to be found by
    /// its time for certain.
    pub const LATEST: Duration = Duration::from_secs(60);

    /// The most entries, or entries of an index, that one call of [`recent`](AttemptLog::recent)
    /// reads, but for some hundreds.
    pub const LOOKED_AT: usize = 2_000;

    /// Keeps about this many entries, at least one; the server lets some dozens more stand.
    #[must_use]
    pub fn capacity(self, entries: usize) -> Self {
        self.with(|parts| parts.capacity = entries.max(1))
    }

    /// Keeps about this many entries in each index, at least one.
    #[must_use]
    pub fn each(self, entries: usize) -> Self {
        self.with(|parts| parts.each = entries.max(1))
    }

    /// Keeps entries for about this long, at least a second, though nobody prunes. Default
    /// [a day](ATTEMPT_EXPIRATION). A stream to which nothing comes is gone after a quarter more.
    #[must_use]
    pub fn expiration(self, expiration: Duration) -> Self {
        self.with(|parts| parts.expiration = expiration.max(Duration::from_secs(1)))
    }

    fn with(self, change: impl FnOnce(&mut LogParts)) -> Self {
        let mut parts = Arc::unwrap_or_clone(self.0);
        change(&mut parts);
        Self(Arc::new(parts))
    }
}

impl RedisStore {
    /// A log of attempts under the same prefix and over the same connection.
    #[must_use]
    pub fn log(&self) -> RedisLog {
        RedisLog(Arc::new(LogParts {
            store: Arc::clone(&self.0),
            append: Arc::new(Script::new(LOG_APPEND)),
            prune: Arc::new(Script::new(LOG_PRUNE)),
            capacity: RedisLog::DEFAULT_CAPACITY,
            each: RedisLog::DEFAULT_EACH,
            expiration: ATTEMPT_EXPIRATION,
        }))
    }
}

#[async_trait]
impl AttemptLog for RedisLog {
    async fn append(&self, entries: &[AttemptEntry]) -> Result<()> {
        self.0.append(entries).await
    }

    async fn recent(&self, query: &AttemptQuery) -> Result<Page<AttemptEntry>> {
        self.0.recent(query).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize> {
        self.0.prune(before, limit).await
    }
}

impl fmt::Debug for RedisLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LogParts { store, capacity, each, expiration, .. } = &*self.0;
        f.debug_struct("RedisLog")
            .field("prefix", &store.keys.prefix())
            .field("link", &store.line.link)
            .field("capacity", capacity)
            .field("each", each)
            .field("expiration", expiration)
            .finish_non_exhaustive()
    }
}
