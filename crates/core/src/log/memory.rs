//! [`MemoryLog`]: the last attempts of one process.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{AttemptEntry, AttemptLog, AttemptQuery};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::store::{Cursor, Page};

/// The last attempts in this process's memory: for one process, and for tests.
///
/// It keeps up to its capacity, then the oldest go. An entry takes 80 bytes, and its texts what they
/// are long, up to 4 KiB in all; entries of one attempt's copies share them. It never waits.
pub struct MemoryLog {
    capacity: usize,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    /// In the order of their places.
    placed: VecDeque<(Place, AttemptEntry)>,
    appended: u64,
}

/// The time, then the number among all that were appended.
type Place = (Timestamp, u64);

impl MemoryLog {
    /// The default capacity.
    pub const DEFAULT_CAPACITY: usize = 10_000;

    /// The most entries that one call of [`recent`](AttemptLog::recent) looks at, since logins wait
    /// meanwhile.
    pub const LOOKED_AT: usize = 10_000;

    /// An empty log of the [default capacity](Self::DEFAULT_CAPACITY).
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }

    /// An empty log that keeps `capacity` entries, at least one.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), entries: Mutex::default() }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().placed.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn add(&self, entries: impl IntoIterator<Item = AttemptEntry>) {
        let mut all = self.entries();
        for entry in entries {
            all.add(entry);
            if all.placed.len() > self.capacity {
                all.placed.pop_front();
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn add(&mut self, entry: AttemptEntry) {
        self.appended += 1;
        let place = (entry.at, self.appended);
        if self.placed.back().is_none_or(|(last, _)| *last < place) {
            self.placed.push_back((place, entry));
        } else {
            let index = self.placed.partition_point(|(earlier, _)| *earlier < place);
            self.placed.insert(index, (place, entry));
        }
    }
}

#[async_trait]
impl AttemptLog for MemoryLog {
    async fn append(&self, entries: &[AttemptEntry]) -> Result<()> {
        self.add(entries.iter().cloned());
        Ok(())
    }

    async fn recent(&self, query: &AttemptQuery) -> Result<Page<AttemptEntry>> {
        let after = query.after.as_ref().map(place).transpose()?;
        let entries = self.entries();
        let placed = &entries.placed;
        let end = after.map_or(placed.len(), |after| placed.partition_point(|(at, _)| *at < after));
        let end = query
            .until
            .map_or(end, |until| end.min(placed.partition_point(|((at, _), _)| *at < until)));
        let begin =
            query.since.map_or(0, |since| placed.partition_point(|((at, _), _)| *at < since));
        let mut page = Page { items: Vec::new(), next: None };
        for (looked_at, (_, entry)) in placed.range(begin.min(end)..end).rev().enumerate() {
            if page.items.len() == query.page_limit() || looked_at == Self::LOOKED_AT {
                // The one before this was the last that was looked at.
                page.next = placed.get(end - looked_at).map(|(place, _)| cursor(*place));
                break;
            }
            if query.wants(entry) {
                page.items.push(entry.clone());
            }
        }
        Ok(page)
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize> {
        let mut entries = self.entries();
        let older = entries.placed.partition_point(|((at, _), _)| *at < before);
        let pruned = older.min(limit.max(1));
        drop(entries.placed.drain(..pruned));
        Ok(pruned)
    }

    fn try_append(&self, entry: AttemptEntry) -> Result<(), AttemptEntry> {
        self.add([entry]);
        Ok(())
    }
}

fn cursor((at, number): Place) -> Cursor {
    Cursor(format!("memory:{}-{number}", at.as_millis()))
}

fn place(cursor: &Cursor) -> Result<Place> {
    let place = || {
        let (at, number) = cursor.0.strip_prefix("memory:")?.split_once('-')?;
        Some((Timestamp::from_millis(at.parse().ok()?), number.parse().ok()?))
    };
    place().ok_or_else(|| Cursor::foreign("memory log"))
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLog")
            .field("capacity", &self.capacity)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
