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

/// The entries that were read, and the lists that were made of them.
#[derive(Default)]
pub(super) struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    /// By their keys in the store.
    entries: BTreeMap<String, Listed>,
    version: Option<u64>,
    /// When somebody looked last.
    looked: Option<Timestamp>,
    is_looking: bool,
    /// What was changed here since somebody began to look: he may have read before.
    meanwhile: Vec<(String, Option<Listed>)>,
    compiled: Vec<(Names, Compiled)>,
}

#[derive(Clone)]
struct Compiled {
    list: Arc<AccessList>,
    /// The next end of an entry.
    until: Option<Timestamp>,
}

/// Known entries are not shared with whoever changes where they come from.
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
    pub(super) fn note(&self, key: &str, listed: Option<Listed>) {
        let mut state = self.state();
        if state.is_looking {
            state.meanwhile.push((key.to_owned(), listed.clone()));
        }
        state.change(key.to_owned(), listed);
        state.compiled.clear();
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
        let mut state = self.state();
        let made = state.compiled.iter().find(|(made, _)| made == names);
        if let Some((_, made)) = made.filter(|(_, made)| made.until.is_none_or(|end| now < end)) {
            return Arc::clone(&made.list);
        }
        let made = compile(fixed, &state.entries, names, now);
        let list = Arc::clone(&made.list);
        state.keep(names, made);
        list
    }
}

impl State {
    fn change(&mut self, key: String, listed: Option<Listed>) {
        match listed {
            Some(listed) => self.entries.insert(key, listed),
            None => self.entries.remove(&key),
        };
    }

    fn keep(&mut self, names: &Names, made: Compiled) {
        self.compiled.retain(|(others, _)| others != names);
        if self.compiled.len() == MOST_COMPILED {
            self.compiled.remove(0);
        }
        self.compiled.push((names.clone(), made));
    }
}

fn compile(
    fixed: &Fixed,
    entries: &BTreeMap<String, Listed>,
    names: &Names,
    now: Timestamp,
) -> Compiled {
    let listed = || entries.values().filter(|listed| !listed.is_over(now));
    let shared = listed().map(|listed| (listed.target.clone(), listed.access));
    let list = AccessList::new(names, fixed.iter().cloned().chain(shared));
    Compiled { list: Arc::new(list), until: listed().filter_map(|listed| listed.until).min() }
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
    pub(super) fn unchanged(mut self) -> Option<StoreError> {
        self.has_looked = true;
        None
    }

    /// The store failed, and is not asked again before it is time.
    pub(super) fn failed(mut self, error: StoreError) -> Option<StoreError> {
        self.has_looked = true;
        Some(error)
    }

    /// The list is this now.
    pub(super) fn changed(
        mut self,
        read: Read,
        fixed: &Fixed,
        names: &Names,
        now: Timestamp,
    ) -> Option<StoreError> {
        self.has_looked = true;
        let Read { version, entries, unreadable } = read;
        let entries = entries.into_iter().collect();
        // While others still use the one before.
        let made = compile(fixed, &entries, names, now);
        let mut state = self.shared.state();
        state.entries = entries;
        state.version = Some(version);
        state.compiled.clear();
        let meanwhile = std::mem::take(&mut state.meanwhile);
        if meanwhile.is_empty() {
            state.keep(names, made);
        }
        for (key, listed) in meanwhile {
            state.change(key, listed);
        }
        drop(state);
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
