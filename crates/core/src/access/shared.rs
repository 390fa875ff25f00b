//! What a node knows of a list that others change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::list::AccessList;
use super::lists::{Listed, Read};
use super::target::{Access, Target};
use crate::clock::Timestamp;
use crate::error::{Effect, StoreError, StoreErrorKind};
use crate::names::Names;

/// More than guards that share lists have ways to make names.
const MOST_COMPILED: usize = 4;

type Fixed = [(Target, Access)];
type Entries = BTreeMap<String, Listed>;

/// The entries that were read, and the lists that were made of them.
#[derive(Default)]
pub(super) struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    /// By their keys in the store.
    entries: Arc<Entries>,
    /// Counts how often they have changed here.
    revision: u64,
    version: Option<u64>,
    /// When somebody looked last.
    looked: Option<Timestamp>,
    is_looking: bool,
    /// What was changed here since somebody began to look: he may have read before.
    meanwhile: Vec<(String, Option<Listed>)>,
    compiled: Vec<Compiled>,
}

/// A list, and what it was made of.
struct Compiled {
    list: Arc<AccessList>,
    names: Names,
    revision: u64,
    /// When: what was over then is not in it.
    at: Timestamp,
    /// The first end of an entry in it.
    until: Option<Timestamp>,
}

/// Entries at one moment.
struct Snapshot {
    entries: Arc<Entries>,
    revision: u64,
}

/// What is known is not shared with whoever changes where it comes from.
impl Clone for Shared {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.state().entries.len()
    }

    /// Lets the next one look.
    pub(super) fn make_due(&self) {
        self.state().looked = None;
    }

    /// Takes over a change that the store has.
    pub(super) fn note(&self, fixed: &Fixed, key: &str, listed: Option<Listed>) {
        let mut state = self.state();
        if state.is_looking {
            state.meanwhile.push((key.to_owned(), listed.clone()));
        }
        state.change([(key.to_owned(), listed)]);
        // Somebody else may have changed the same since, and it may have been read by now: whoever
        // looks next reads it all, as he would have to anyway.
        state.version = None;
        let snapshot = state.snapshot();
        // What has ended meanwhile is noticed by whoever looks next.
        let made: Vec<_> =
            state.compiled.iter().map(|made| (made.names.clone(), made.at)).collect();
        drop(state);
        for (names, at) in made {
            self.keep(snapshot.compile(fixed, &names, at));
        }
    }

    /// The right to look, if it is time and nobody has it.
    pub(super) fn turn(&self, every: Duration, now: Timestamp) -> Option<Turn<'_>> {
        let mut state = self.state();
        // A clock that was set back must not keep everybody waiting.
        let is_due =
            state.looked.is_none_or(|looked| now < looked || now.saturating_since(looked) >= every);
        if state.is_looking || !is_due {
            return None;
        }
        state.is_looking = true;
        let before = state.looked.replace(now);
        Some(Turn { shared: self, before, has_looked: false })
    }

    /// The list for these names.
    pub(super) fn compiled(&self, fixed: &Fixed, names: &Names, now: Timestamp) -> Arc<AccessList> {
        let state = self.state();
        if let Some(made) = state.compiled.iter().find(|made| made.names == *names) {
            return Arc::clone(&made.list);
        }
        let snapshot = state.snapshot();
        drop(state);
        self.keep(snapshot.compile(fixed, names, now))
    }

    /// Makes lists anew of which an entry has come to its end.
    fn end(&self, fixed: &Fixed, now: Timestamp) {
        let state = self.state();
        let has_ended = |made: &&Compiled| made.until.is_some_and(|until| until <= now);
        let ended: Vec<_> =
            state.compiled.iter().filter(has_ended).map(|made| made.names.clone()).collect();
        let snapshot = state.snapshot();
        drop(state);
        for names in ended {
            self.keep(snapshot.compile(fixed, &names, now));
        }
    }

    /// Keeps a list, unless there is one of later entries; the one that is kept.
    fn keep(&self, made: Compiled) -> Arc<AccessList> {
        let mut state = self.state();
        let before = state.compiled.iter().position(|before| before.names == made.names);
        if let Some(before) = before {
            if state.compiled[before].revision > made.revision {
                return Arc::clone(&state.compiled[before].list);
            }
            state.compiled.remove(before);
        } else if state.compiled.len() == MOST_COMPILED {
            state.compiled.remove(0);
        }
        let list = Arc::clone(&made.list);
        state.compiled.push(made);
        list
    }
}

impl State {
    fn change(&mut self, changes: impl IntoIterator<Item = (String, Option<Listed>)>) {
        let entries = Arc::make_mut(&mut self.entries);
        for (key, listed) in changes {
            match listed {
                Some(listed) => entries.insert(key, listed),
                None => entries.remove(&key),
            };
        }
        self.revision += 1;
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot { entries: Arc::clone(&self.entries), revision: self.revision }
    }
}

impl Snapshot {
    /// Takes a tenth of a second for a hundred thousand entries: so nobody has to wait for it but who
    /// changed something.
    fn compile(&self, fixed: &Fixed, names: &Names, now: Timestamp) -> Compiled {
        let listed = || self.entries.values().filter(|listed| !listed.is_over(now));
        let shared = listed().map(|listed| (listed.target.clone(), listed.access));
        let list = AccessList::new(names, fixed.iter().cloned().chain(shared));
        Compiled {
            list: Arc::new(list),
            names: names.clone(),
            revision: self.revision,
            at: now,
            until: listed().filter_map(|listed| listed.until).min(),
        }
    }
}

/// The right to look at the store, which one caller has at a time.
pub(super) struct Turn<'a> {
    shared: &'a Shared,
    before: Option<Timestamp>,
    has_looked: bool,
}

impl Turn<'_> {
    /// The version that is known.
    pub(super) fn version(&self) -> Option<u64> {
        self.shared.state().version
    }

    /// Nobody has changed the list.
    pub(super) fn unchanged(mut self, fixed: &Fixed, now: Timestamp) -> Option<StoreError> {
        self.has_looked = true;
        self.shared.end(fixed, now);
        None
    }

    /// The store failed, and is not asked again before it is time.
    pub(super) fn failed(
        mut self,
        fixed: &Fixed,
        now: Timestamp,
        error: StoreError,
    ) -> Option<StoreError> {
        self.has_looked = true;
        self.shared.end(fixed, now);
        Some(error)
    }

    /// The list is this now.
    pub(super) fn changed(
        mut self,
        read: Read,
        fixed: &Fixed,
        now: Timestamp,
    ) -> Option<StoreError> {
        self.has_looked = true;
        let Read { version, entries, unreadable } = read;
        let mut state = self.shared.state();
        state.entries = Arc::new(entries.into_iter().collect());
        let meanwhile = std::mem::take(&mut state.meanwhile);
        state.version = meanwhile.is_empty().then_some(version);
        state.change(meanwhile);
        // Others still use the lists that were made before.
        let names: Vec<_> = state.compiled.iter().map(|made| made.names.clone()).collect();
        let snapshot = state.snapshot();
        drop(state);
        for names in names {
            self.shared.keep(snapshot.compile(fixed, &names, now));
        }
        (unreadable > 0).then(|| {
            let message = format!(
                "{unreadable} entries of the access list are none, or of a later version of \
                 lockout; the others hold"
            );
            StoreError::new(StoreErrorKind::Corrupt, Effect::None, "access lists", message)
        })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.is_looking = false;
        state.meanwhile.clear();
        if !self.has_looked {
            // Whoever looked went away before he had an answer.
            state.looked = self.before;
        }
    }
}
