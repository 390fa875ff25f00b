//! [`MemoryLists`]: lists of one process.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{ListEntry, ListName, ListStore};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::record::Record;
use crate::store::{Cursor, Page};

/// Lists in this process's memory, gone when it ends: for one process, and for tests.
///
/// What is over goes by itself when somebody reads. Otherwise its size has no bound: whoever puts
/// entries for clients gives them an end.
#[derive(Default)]
pub struct MemoryLists(Mutex<Lists>);

#[derive(Default)]
struct Lists {
    lists: BTreeMap<ListName, List>,
    /// Which entries come to an end, soonest first.
    ends: BTreeSet<(Timestamp, ListName, String)>,
}

#[derive(Default)]
struct List {
    version: u64,
    entries: BTreeMap<String, ListEntry>,
}

/// How many entries that are over a call deletes at most: more than it puts.
const DELETED_AT_ONCE: usize = 8;

impl MemoryLists {
    /// No lists.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries all lists have, those among them that are over and not yet deleted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lists().lists.values().map(|list| list.entries.len()).sum()
    }

    /// Whether no list has an entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lists {
    fn put(&mut self, name: &ListName, entry: &ListEntry) {
        self.take(name, entry.key());
        let list = self.lists.entry(name.clone()).or_default();
        list.version += 1;
        list.entries.insert(entry.key().to_owned(), entry.clone());
        if let Some(until) = entry.until() {
            self.ends.insert((until, name.clone(), entry.key().to_owned()));
        }
    }

    /// Deletes an entry, which the version does not show.
    fn take(&mut self, name: &ListName, key: &str) -> Option<ListEntry> {
        let entry = self.lists.get_mut(name)?.entries.remove(key)?;
        if let Some(until) = entry.until() {
            self.ends.remove(&(until, name.clone(), key.to_owned()));
        }
        Some(entry)
    }

    /// Deletes some of what is over, also for a clock that steps back a little.
    fn forget(&mut self, now: Timestamp) {
        let before = now.saturating_sub(Record::GRACE);
        for _ in 0..DELETED_AT_ONCE {
            match self.ends.first() {
                Some((until, ..)) if *until <= before => {}
                _ => break,
            }
            let Some((_, name, key)) = self.ends.pop_first() else { break };
            self.take(&name, &key);
        }
    }
}

#[async_trait]
impl ListStore for MemoryLists {
    async fn put(&self, list: &ListName, entry: &ListEntry) -> Result<()> {
        self.lists().put(list, entry);
        Ok(())
    }

    async fn remove(&self, list: &ListName, key: &str) -> Result<bool> {
        let mut lists = self.lists();
        let was_there = lists.take(list, key).is_some();
        if let Some(list) = lists.lists.get_mut(list).filter(|_| was_there) {
            list.version += 1;
        }
        Ok(was_there)
    }

    async fn get(&self, list: &ListName, key: &str, now: Timestamp) -> Result<Option<ListEntry>> {
        let mut lists = self.lists();
        lists.forget(now);
        let entry = lists.lists.get(list).and_then(|list| list.entries.get(key));
        Ok(entry.filter(|entry| !entry.is_over(now)).cloned())
    }

    async fn entries(
        &self,
        list: &ListName,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<ListEntry>> {
        let after = after.map(|after| after.entry_key("memory lists")).transpose()?;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut lists = self.lists();
        lists.forget(now);
        let list = lists.lists.get(list).into_iter();
        let entries = list.flat_map(|list| list.entries.range::<str, _>((start, Bound::Unbounded)));
        let entries = entries.map(|(_, entry)| entry).filter(|entry| !entry.is_over(now));
        Ok(Page::of_entries(entries.cloned(), limit))
    }

    async fn version(&self, list: &ListName) -> Result<u64> {
        Ok(self.lists().lists.get(list).map_or(0, |list| list.version))
    }
}

impl fmt::Debug for MemoryLists {
    /// Without keys, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLists").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_is_over_goes_by_itself_and_the_version_does_not_show_it() {
        let (lists, list) = (MemoryLists::new(), ListName::known("devices"));
        let noon = Timestamp::from_millis(1_000_000_000_000);
        let after = |seconds| noon.saturating_add(Duration::from_secs(seconds));
        for number in 0..1_000 {
            let until = Some(after(number));
            // Only the last end counts.
            for until in [Some(noon), None, until] {
                let entry = ListEntry::new(format!("device-{number}"), "", until).unwrap();
                lists.put(&list, &entry).await.unwrap();
            }
        }
        let version = lists.version(&list).await.unwrap();
        assert_eq!(lists.len(), 1_000);
        for _ in 0..1_000 {
            lists.get(&list, "device-1", after(500)).await.unwrap();
        }
        // Ten seconds for clocks that step back.
        assert_eq!(lists.len(), 1_000 - 491);
        assert_eq!(lists.version(&list).await.unwrap(), version);
        assert!(lists.get(&list, "device-491", after(490)).await.unwrap().is_some());
        lists.remove(&list, "device-999").await.unwrap();
        for _ in 0..1_000 {
            lists.entries(&list, None, 1, after(5_000)).await.unwrap();
        }
        assert!(lists.is_empty());
        assert!(lists.lists().ends.is_empty());
    }
}
