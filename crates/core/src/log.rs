//! The record of attempts: what happened at a login, for people to look at. It decides nothing.

mod entry;
mod memory;
mod outcome;
mod prune;
mod query;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub use self::entry::AttemptEntry;
pub use self::memory::MemoryLog;
pub use self::outcome::{LoggedOutcome, UnknownOutcome};
pub use self::prune::{ATTEMPT_EXPIRATION, prune_all};
pub use self::query::AttemptQuery;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::store::Page;

/// A place where attempts are written down.
///
/// What an implementation owes, which `lockout_testkit::log_suite!` checks:
///
/// - entries come back as they were, whatever characters they hold, and a filter finds exactly its
///   own;
/// - pages are newest first, in a total order: entries of one time have an order too, and it stays.
///   An entry that is appended after newer ones may be placed as if it were as new as they are;
/// - who follows the cursors sees each entry at most once, and every one that was there when he
///   began and has not been pruned meanwhile, whatever others append;
/// - nothing that a query holds makes a call unboundedly long.
#[async_trait]
pub trait AttemptLog: fmt::Debug + Send + Sync + 'static {
    /// Writes `entries` down, in their order.
    ///
    /// # Errors
    /// If the log cannot. With [`Effect::None`](crate::Effect::None) none is written down; otherwise
    /// some may be, and would come twice if the call were repeated.
    async fn append(&self, entries: &[AttemptEntry]) -> Result<()>;

    /// A page of the attempts that `query` asks for, newest first. It may hold fewer than asked for,
    /// or none, and still name a next one; only a page without one is the last.
    ///
    /// # Errors
    /// If the log cannot; of the kind [`Config`](crate::StoreErrorKind::Config) if the cursor is not
    /// one of its own.
    async fn recent(&self, query: &AttemptQuery) -> Result<Page<AttemptEntry>>;

    /// Deletes the oldest entries that are older than `before`, at most `limit` (at least one); how
    /// many. Fewer than `limit` means that no older one is left.
    ///
    /// # Errors
    /// If the log cannot.
    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize>;

    /// Takes `entry` over if that needs no waiting: the log then writes it down in its own time, or
    /// counts and tells that it was lost. Otherwise gives it back, to be [`append`](Self::append)ed.
    ///
    /// A guard tries this first, and for a permit that is dropped it has nothing else. It must
    /// return at once and must not panic.
    ///
    /// # Errors
    /// The entry, if it cannot: what the default does.
    fn try_append(&self, entry: AttemptEntry) -> Result<(), AttemptEntry> {
        Err(entry)
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<L: AttemptLog + ?Sized> AttemptLog for $pointer {
            async fn append(&self, entries: &[AttemptEntry]) -> Result<()> {
                (**self).append(entries).await
            }

            async fn recent(&self, query: &AttemptQuery) -> Result<Page<AttemptEntry>> {
                (**self).recent(query).await
            }

            async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize> {
                (**self).prune(before, limit).await
            }

            fn try_append(&self, entry: AttemptEntry) -> Result<(), AttemptEntry> {
                (**self).try_append(entry)
            }
        }
    )*};
}

forward!(Arc<L>, Box<L>, &'static L);
