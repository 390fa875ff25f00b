//! Named lists of texts, which a store keeps and every node reads.

mod entry;
mod memory;
mod name;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub use self::entry::{ListEntry, ListError};
pub use self::memory::MemoryLists;
pub use self::name::ListName;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::store::{Cursor, Page};

/// Named lists of texts, kept by a store and shared by every node: allow and deny lists, tokens of
/// trusted devices.
///
/// What an implementation owes, which `lockout_testkit::list_suite!` checks:
///
/// - an entry comes back as it was, and its key is itself alone, whatever characters it holds: its
///   case, space at its ends and what means something in a pattern or to a database;
/// - an entry that is over at the `now` of a call is as good as none there. What is over is deleted
///   at some time, which nobody notices, and not before;
/// - of changes at once none is lost, and a list's version changes together with its entries;
/// - what [no entry can be called](ListEntry::is_key) is not there, which is no error: keys come from
///   clients too;
/// - a future that is dropped leaves each entry as it was or as it should be.
#[async_trait]
pub trait ListStore: fmt::Debug + Send + Sync + 'static {
    /// Adds `entry`, or puts it in the place of the one with its key.
    ///
    /// # Errors
    /// If the store cannot. To call it again does no harm.
    async fn put(&self, list: &ListName, entry: &ListEntry) -> Result<()>;

    /// Removes the entry with this key. Whether it was there; one that is over may or may not count.
    ///
    /// # Errors
    /// If the store cannot. To call it again does no harm.
    async fn remove(&self, list: &ListName, key: &str) -> Result<bool>;

    /// The entry with this key, if there is one that is not over at `now`.
    ///
    /// # Errors
    /// If the store cannot.
    async fn get(&self, list: &ListName, key: &str, now: Timestamp) -> Result<Option<ListEntry>>;

    /// A page of at most `limit` entries, but at least one and at most
    /// [`ListEntry::MOST_ON_A_PAGE`], that are not over at `now`, in the order of their keys' bytes.
    /// Whoever follows the cursors sees each entry once that stays there meanwhile, and none twice.
    ///
    /// # Errors
    /// If the store cannot; of the kind [`Config`](crate::StoreErrorKind::Config) if the cursor is
    /// not one of a list.
    async fn entries(
        &self,
        list: &ListName,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<ListEntry>>;

    /// A number that differs after each [`put`](Self::put), and each [`remove`](Self::remove) that
    /// found something; zero if nothing was ever put. An entry that comes to its end does not change
    /// it. It need not begin at one: a list that was lost and made anew has another one.
    ///
    /// Whoever reads the version and then the entries has at least what was there at that version.
    ///
    /// # Errors
    /// If the store cannot.
    async fn version(&self, list: &ListName) -> Result<u64>;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<S: ListStore + ?Sized> ListStore for $pointer {
            async fn put(&self, list: &ListName, entry: &ListEntry) -> Result<()> {
                (**self).put(list, entry).await
            }

            async fn remove(&self, list: &ListName, key: &str) -> Result<bool> {
                (**self).remove(list, key).await
            }

            async fn get(
                &self,
                list: &ListName,
                key: &str,
                now: Timestamp,
            ) -> Result<Option<ListEntry>> {
                (**self).get(list, key, now).await
            }

            async fn entries(
                &self,
                list: &ListName,
                after: Option<&Cursor>,
                limit: usize,
                now: Timestamp,
            ) -> Result<Page<ListEntry>> {
                (**self).entries(list, after, limit, now).await
            }

            async fn version(&self, list: &ListName) -> Result<u64> {
                (**self).version(list).await
            }
        }
    )*};
}

forward!(Arc<S>, Box<S>, &'static S);
