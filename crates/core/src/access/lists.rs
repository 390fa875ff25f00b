//! [`AccessLists`]: the entries that a guard asks, fixed ones and those that nodes share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::list::AccessList;
use super::shared::Shared;
use super::target::{Access, Target};
use crate::client_ip::TrustedProxies;
use crate::clock::Timestamp;
use crate::error::{Effect, Result, StoreError, StoreErrorKind};
use crate::lists::{ListEntry, ListName, ListStore};
use crate::names::Names;
use crate::store::{Cursor, Page};

/// Who is never refused and who always is: entries that are fixed and, if wanted, a list that nodes
/// share through a store and change at run time. Clones share it.
///
/// ```
/// # async fn lists() -> Result<(), Box<dyn std::error::Error>> {
/// use lockout_core::{Access, AccessLists, MapStore, Names, Timestamp, Verdict};
///
/// let lists = AccessLists::shared(MapStore::new()).entry("network:10.0.0.7".parse()?, Access::Proxy);
/// lists.set(&"network:203.0.113.0/24".parse()?, Access::Deny, None).await?;
/// let (list, _) = lists.current(&Names::default(), Timestamp::from_millis(0)).await;
/// assert!(matches!(list.verdict(None, Some([203, 0, 113, 9].into())), Verdict::Denied(_)));
/// # Ok(()) }
/// ```
///
/// A change is seen by this handle and its clones at once, by other nodes within
/// [`refresh_every`](Self::refresh_every). Of a fixed and a shared entry for the same the
/// [stricter](AccessList) holds. No task runs in the background: whoever asks when it is time reads
/// the list's version, and the list if that differs, while others go on with the list as it was. He
/// also notices which entries have come to their end, so that one may hold for a period longer.
///
/// While the store fails the list stays as it was last read. Until it has been read once there are
/// the fixed entries alone, and the changes that were made here: a service that must not answer
/// without its list calls [`refresh`](Self::refresh) first.
#[derive(Clone, Default)]
pub struct AccessLists(Arc<Parts>);

#[derive(Clone, Default)]
struct Parts {
    fixed: Vec<(Target, Access)>,
    source: Option<Source>,
    shared: Shared,
}

/// A list in a store.
#[derive(Clone)]
struct Source {
    store: Arc<dyn ListStore>,
    list: ListName,
    refresh_every: Duration,
}

/// A shared entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// Whom it is about.
    pub target: Target,
    /// What it says.
    pub access: Access,
    /// When it is over; `None`: never.
    pub until: Option<Timestamp>,
}

impl Listed {
    /// The entry as a store has it.
    fn of(entry: &ListEntry) -> Option<Self> {
        let target = entry.key().parse().ok()?;
        let access = entry.value().parse().ok()?;
        Some(Self { target, access, until: entry.until() })
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl AccessLists {
    /// How often the shared list is looked at, unless
    /// [`refresh_every`](Self::refresh_every) says otherwise.
    pub const DEFAULT_REFRESH: Duration = Duration::from_secs(5);

    /// The name of the shared list, unless [`named`](Self::named) says otherwise.
    pub const DEFAULT_NAME: &'static str = "access";

    /// Entries that nobody changes.
    #[must_use]
    pub fn fixed(entries: impl IntoIterator<Item = (Target, Access)>) -> Self {
        Self(Arc::new(Parts { fixed: entries.into_iter().collect(), ..Parts::default() }))
    }

    /// The list called [`access`](Self::DEFAULT_NAME) in `store`.
    #[must_use]
    pub fn shared(store: impl ListStore) -> Self {
        let source = Source {
            store: Arc::new(store),
            list: ListName::known(Self::DEFAULT_NAME),
            refresh_every: Self::DEFAULT_REFRESH,
        };
        Self(Arc::new(Parts { source: Some(source), ..Parts::default() }))
    }

    /// Adds the networks of one's own proxies: their addresses are never counted or locked.
    #[must_use]
    pub fn proxies(self, proxies: &TrustedProxies) -> Self {
        let networks = proxies.trusted_networks().iter();
        networks.fold(self, |lists, network| lists.entry((*network).into(), Access::Proxy))
    }

    /// Adds a fixed entry.
    #[must_use]
    pub fn entry(self, target: Target, access: Access) -> Self {
        self.with(|parts| parts.fixed.push((target, access)))
    }

    /// Takes the shared list of this name.
    #[must_use]
    pub fn named(self, list: ListName) -> Self {
        self.with(|parts| {
            if let Some(source) = &mut parts.source {
                source.list = list;
            }
        })
    }

    /// Looks so often whether somebody else has changed the shared list. Default five seconds.
    #[must_use]
    pub fn refresh_every(self, period: Duration) -> Self {
        self.with(|parts| {
            if let Some(source) = &mut parts.source {
                source.refresh_every = period;
            }
        })
    }

    fn with(self, change: impl FnOnce(&mut Parts)) -> Self {
        let mut parts = Arc::unwrap_or_clone(self.0);
        change(&mut parts);
        parts.shared = Shared::default();
        Self(Arc::new(parts))
    }

    /// Whether there are no fixed entries and is no shared list, so that nobody has to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.fixed.is_empty() && self.0.source.is_none()
    }

    /// The fixed entries.
    #[must_use]
    pub fn fixed_entries(&self) -> &[(Target, Access)] {
        &self.0.fixed
    }

    /// Sets what the shared list says of `target`, until `until` (`None`: until somebody removes it).
    /// A username is entered as it is spelt here.
    ///
    /// # Errors
    /// If the store cannot; of the kind [`Config`](StoreErrorKind::Config) if there is no shared list,
    /// if a username is to be a proxy, or if it is too long for a list or has a control character.
    pub async fn set(
        &self,
        target: &Target,
        access: Access,
        until: Option<Timestamp>,
    ) -> Result<()> {
        let source = self.source()?;
        if matches!((target, access), (Target::Username(_), Access::Proxy)) {
            return Err(misuse("a username is no proxy: give the proxy's network"));
        }
        let entry = ListEntry::new(target.to_string(), access.as_str(), until)?;
        source.store.put(&source.list, &entry).await?;
        let listed = Listed { target: target.clone(), access, until: entry.until() };
        self.0.shared.note(&self.0.fixed, entry.key(), Some(listed));
        Ok(())
    }

    /// Removes from the shared list what it says of `target`, a username as it was spelt when it was
    /// set. Whether it said something.
    ///
    /// # Errors
    /// If the store cannot; of the kind [`Config`](StoreErrorKind::Config) if there is no shared list.
    pub async fn remove(&self, target: &Target) -> Result<bool> {
        let (source, key) = (self.source()?, target.to_string());
        let was_there = source.store.remove(&source.list, &key).await?;
        self.0.shared.note(&self.0.fixed, &key, None);
        Ok(was_there)
    }

    /// A page of the shared entries, as [`ListStore::entries`] gives it. Without a shared list there
    /// are none. What somebody else has put there and is no entry of an access list is left out.
    ///
    /// # Errors
    /// If the store cannot, or if the cursor is not one of a list.
    pub async fn entries(
        &self,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Listed>> {
        let Some(source) = &self.0.source else {
            return Ok(Page { items: Vec::new(), next: None });
        };
        let page = source.store.entries(&source.list, after, limit, now).await?;
        Ok(Page { items: page.items.iter().filter_map(Listed::of).collect(), next: page.next })
    }

    /// The list as it is in force, its usernames made by `names`; and an error if the shared list had
    /// to be read now and could not be, or not all of it: the list is then what is known.
    ///
    /// It waits for the store if it is time to look and nobody else does. If it has nothing to wait
    /// for it is fast enough to be called for each attempt.
    pub async fn current(
        &self,
        names: &Names,
        now: Timestamp,
    ) -> (Arc<AccessList>, Option<StoreError>) {
        let Parts { fixed, source, shared } = &*self.0;
        let mut error = None;
        if let Some(source) = source
            && let Some(turn) = shared.turn(source.refresh_every, now)
        {
            error = match source.changed(turn.version(), now).await {
                Ok(None) => turn.unchanged(fixed, now),
                Ok(Some(read)) => turn.changed(read, fixed, now),
                Err(error) => turn.failed(fixed, now, error),
            };
        }
        (shared.compiled(fixed, names, now), error)
    }

    /// Reads the shared list now if its version is not the one that is known, unless somebody else
    /// does so at this moment: for the start of a service.
    ///
    /// # Errors
    /// If the store cannot, or if not all of the list is an access list.
    pub async fn refresh(&self, names: &Names, now: Timestamp) -> Result<()> {
        self.0.shared.make_due();
        self.current(names, now).await.1.map_or(Ok(()), Err)
    }

    fn source(&self) -> Result<&Source> {
        self.0.source.as_ref().ok_or_else(|| misuse("these entries are fixed: share a list"))
    }
}

/// A list as it was read.
pub(super) struct Read {
    pub(super) version: u64,
    pub(super) entries: Vec<(String, Listed)>,
    /// How many entries somebody else has put there, or a later version of lockout.
    pub(super) unreadable: usize,
}

impl Source {
    /// The list, if its version is not `known`.
    async fn changed(&self, known: Option<u64>, now: Timestamp) -> Result<Option<Read>> {
        // Before the entries, so that what changes meanwhile is read again.
        let version = self.store.version(&self.list).await?;
        if known == Some(version) {
            return Ok(None);
        }
        let mut read = Read { version, entries: Vec::new(), unreadable: 0 };
        let mut after = None;
        loop {
            let most = ListEntry::MOST_ON_A_PAGE;
            let page = self.store.entries(&self.list, after.as_ref(), most, now).await?;
            for entry in &page.items {
                match Listed::of(entry) {
                    Some(listed) => read.entries.push((entry.key().to_owned(), listed)),
                    None => read.unreadable += 1,
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(Some(read));
            }
        }
    }
}

fn misuse(message: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Config, Effect::None, "access lists", message)
}

impl fmt::Debug for AccessLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { fixed, source, shared } = &*self.0;
        let mut debug = f.debug_struct("AccessLists");
        debug.field("fixed", &fixed.len());
        if let Some(source) = source {
            debug.field("store", &source.store).field("list", &source.list.as_str());
            debug.field("refresh_every", &source.refresh_every).field("shared", &shared.len());
        }
        debug.finish_non_exhaustive()
    }
}
