//! Stores of lists with one realistic mistake each. The suite must reject every one of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use lockout_core::{Cursor, ListEntry, ListName, ListStore, Page, Result, Timestamp};

/// A mistake that somebody has made in a store of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListMistake {
    /// Compares keys without looking at case, as many databases do unless told otherwise.
    FoldsCase,
    /// Does not see space at the end of a key, as databases with padded texts do.
    TrimsKeys,
    /// Puts a list's name and a key together without saying where one ends.
    MixesLists,
    /// Counts the very end as within.
    IncludesTheEnd,
    /// Looks at the end where it lists, and not where it is asked for one entry.
    FindsWhatIsOver,
    /// Goes by a clock of its own.
    ReadsAClock,
    /// Keeps the end of the entry that was there before.
    KeepsTheFirstEnd,
    /// Counts how many it has shown, so that a change shifts everything.
    PagesByNumber,
    /// Takes any cursor, and begins anew with those it did not make.
    TakesAnyCursor,
    /// Does not count what is removed as a change.
    RemovesWithoutAVersion,
    /// Counts what was asked and not what was changed.
    CountsWhatIsNotThere,
    /// Has the number of its entries for a version.
    CountsEntriesForAVersion,
    /// Reads a list, changes it, and writes it back.
    LosesWhatIsPutAtOnce,
}

impl ListMistake {
    /// Every mistake.
    pub const ALL: [Self; 13] = [
        Self::FoldsCase,
        Self::TrimsKeys,
        Self::MixesLists,
        Self::IncludesTheEnd,
        Self::FindsWhatIsOver,
        Self::ReadsAClock,
        Self::KeepsTheFirstEnd,
        Self::PagesByNumber,
        Self::TakesAnyCursor,
        Self::RemovesWithoutAVersion,
        Self::CountsWhatIsNotThere,
        Self::CountsEntriesForAVersion,
        Self::LosesWhatIsPutAtOnce,
    ];

    /// A store without lists that makes this mistake and no other.
    #[must_use]
    pub fn lists(self) -> Arc<dyn ListStore> {
        Arc::new(WrongLists { lists: Mutex::default(), mistake: Some(self) })
    }
}

/// The same store without a mistake, to show that the mistakes are what is rejected.
#[must_use]
pub fn lists_without_a_mistake() -> Arc<dyn ListStore> {
    Arc::new(WrongLists { lists: Mutex::default(), mistake: None })
}

#[derive(Debug)]
struct WrongLists {
    lists: Mutex<State>,
    mistake: Option<ListMistake>,
}

type Place = (String, String);

/// By list and key, with what is counted for each list.
#[derive(Clone, Debug, Default)]
struct State {
    entries: BTreeMap<Place, ListEntry>,
    versions: BTreeMap<String, u64>,
}

impl WrongLists {
    fn makes(&self, mistake: ListMistake) -> bool {
        self.mistake == Some(mistake)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, list: &ListName, key: &str) -> Place {
        match self.mistake {
            Some(ListMistake::FoldsCase) => (list.to_string(), key.to_lowercase()),
            Some(ListMistake::TrimsKeys) => (list.to_string(), key.trim_end().to_owned()),
            Some(ListMistake::MixesLists) => (String::new(), format!("{list}{key}")),
            _ => (list.to_string(), key.to_owned()),
        }
    }

    fn is_over(&self, entry: &ListEntry, now: Timestamp) -> bool {
        match self.mistake {
            Some(ListMistake::IncludesTheEnd) => entry.until().is_some_and(|until| until < now),
            // That of a later year than any case's.
            Some(ListMistake::ReadsAClock) => {
                entry.is_over(Timestamp::from_millis(1_800_000_000_000))
            }
            _ => entry.is_over(now),
        }
    }

    fn put_into(&self, state: &mut State, list: &ListName, entry: &ListEntry) {
        let place = self.place(list, entry.key());
        let mut kept = entry.clone();
        if self.makes(ListMistake::KeepsTheFirstEnd)
            && let Some(before) = state.entries.get(&place)
            && let Ok(with_end) = ListEntry::new(entry.key(), entry.value(), before.until())
        {
            kept = with_end;
        }
        state.entries.insert(place, kept);
        *state.versions.entry(list.to_string()).or_default() += 1;
    }
}

#[async_trait]
impl ListStore for WrongLists {
    async fn put(&self, list: &ListName, entry: &ListEntry) -> Result<()> {
        if self.makes(ListMistake::LosesWhatIsPutAtOnce) {
            let mut state = self.state().clone();
            tokio::task::yield_now().await;
            self.put_into(&mut state, list, entry);
            *self.state() = state;
        } else {
            self.put_into(&mut self.state(), list, entry);
        }
        Ok(())
    }

    async fn remove(&self, list: &ListName, key: &str) -> Result<bool> {
        let mut state = self.state();
        let was_there = state.entries.remove(&self.place(list, key)).is_some();
        let counts = match self.mistake {
            Some(ListMistake::RemovesWithoutAVersion) => false,
            Some(ListMistake::CountsWhatIsNotThere) => true,
            _ => was_there,
        };
        if counts {
            *state.versions.entry(list.to_string()).or_default() += 1;
        }
        Ok(was_there)
    }

    async fn get(&self, list: &ListName, key: &str, now: Timestamp) -> Result<Option<ListEntry>> {
        let state = self.state();
        let entry = state.entries.get(&self.place(list, key));
        let finds_all = self.makes(ListMistake::FindsWhatIsOver);
        Ok(entry.filter(|entry| finds_all || !self.is_over(entry, now)).cloned())
    }

    async fn entries(
        &self,
        list: &ListName,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<ListEntry>> {
        let by_number = self.makes(ListMistake::PagesByNumber);
        let key = after.map(|after| match after.entry_key("wrong lists") {
            Err(_) if self.makes(ListMistake::TakesAnyCursor) => Ok(""),
            key => key,
        });
        let key = key.transpose()?.unwrap_or_default().to_owned();
        let shown: usize = if by_number { key.parse().unwrap_or(0) } else { 0 };
        let list = list.to_string();
        let is_in = |place: &Place, entry: &ListEntry| match self.mistake {
            Some(ListMistake::MixesLists) => place.1 == format!("{list}{}", entry.key()),
            _ => place.0 == list,
        };
        let state = self.state();
        let mut entries: Vec<_> = state.entries.iter().collect();
        entries.retain(|(place, entry)| is_in(place, entry) && !self.is_over(entry, now));
        let mut entries: Vec<_> = entries.into_iter().map(|(_, entry)| entry.clone()).collect();
        entries.sort_by(|one, other| one.key().cmp(other.key()));
        if !by_number {
            entries.retain(|entry| entry.key() > key.as_str());
        }
        let mut page = Page::of_entries(entries.into_iter().skip(shown), limit);
        if by_number && page.next.is_some() {
            page.next = Some(Cursor(format!("list:{}", shown + page.items.len())));
        }
        Ok(page)
    }

    async fn version(&self, list: &ListName) -> Result<u64> {
        let state = self.state();
        if self.makes(ListMistake::CountsEntriesForAVersion) {
            let own = state.entries.keys().filter(|(of, _)| *of == list.as_str());
            return Ok(u64::try_from(own.count()).unwrap_or(u64::MAX));
        }
        Ok(state.versions.get(list.as_str()).copied().unwrap_or_default())
    }
}
