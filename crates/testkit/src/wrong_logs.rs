//! Logs with one realistic mistake each. The suite must reject every one of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use lockout_core::{
    Attempt, AttemptEntry, AttemptLog, AttemptQuery, Cursor, Page, Result, Timestamp,
};

/// A mistake that somebody has made in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogMistake {
    /// Ends a page at a time alone, so that others of the same time are passed over.
    PagesByTimeAlone,
    /// Counts how many it has shown, so that an append shifts everything.
    PagesByNumber,
    /// Takes any cursor, and begins anew with those it did not make.
    TakesAnyCursor,
    /// Finds every name that begins like the one it is asked for.
    FindsNamesByPrefix,
    /// Cuts a name at NUL, as C does.
    CutsNamesAtNul,
    /// Looks at the address only if there is no username to look for.
    HoldsOneFilter,
    /// Takes an IPv4-mapped address for another one.
    KeepsMappedAddressesApart,
    /// Counts the end of a period as within.
    IncludesUntil,
    /// Gives nothing, and no way on, if asked for none.
    TakesALimitOfZeroAtItsWord,
    /// Sorts by arrival and stops at the first entry that is too old.
    StopsAtTheFirstThatIsTooOld,
    /// Deletes what is exactly as old as the bound, too.
    PrunesTheBoundItself,
    /// Deletes everything older at once.
    PrunesWithoutBound,
    /// Keeps the first entry of each time and name only, as under a key that is not unique.
    LosesWhatLooksTheSame,
}

impl LogMistake {
    /// Every mistake.
    pub const ALL: [Self; 13] = [
        Self::PagesByTimeAlone,
        Self::PagesByNumber,
        Self::TakesAnyCursor,
        Self::FindsNamesByPrefix,
        Self::CutsNamesAtNul,
        Self::HoldsOneFilter,
        Self::KeepsMappedAddressesApart,
        Self::IncludesUntil,
        Self::TakesALimitOfZeroAtItsWord,
        Self::StopsAtTheFirstThatIsTooOld,
        Self::PrunesTheBoundItself,
        Self::PrunesWithoutBound,
        Self::LosesWhatLooksTheSame,
    ];

    /// An empty log that makes this mistake and no other.
    #[must_use]
    pub fn log(self) -> Arc<dyn AttemptLog> {
        Arc::new(WrongLog { entries: Mutex::default(), mistake: Some(self) })
    }
}

/// The same log without a mistake, to show that the mistakes are what is rejected.
#[must_use]
pub fn log_without_a_mistake() -> Arc<dyn AttemptLog> {
    Arc::new(WrongLog { entries: Mutex::default(), mistake: None })
}

/// Entries with their numbers, in the order of their arrival.
#[derive(Debug)]
struct WrongLog {
    entries: Mutex<(u64, Vec<(u64, AttemptEntry)>)>,
    mistake: Option<LogMistake>,
}

impl WrongLog {
    fn makes(&self, mistake: LogMistake) -> bool {
        self.mistake == Some(mistake)
    }

    fn entries(&self) -> MutexGuard<'_, (u64, Vec<(u64, AttemptEntry)>)> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spoilt(&self, entry: &AttemptEntry) -> AttemptEntry {
        let name = entry.username().map(|name| name.as_str()).filter(|name| name.contains('\0'));
        let (true, Some(name)) = (self.makes(LogMistake::CutsNamesAtNul), name) else {
            return entry.clone();
        };
        let name = name.split('\0').next().unwrap_or_default();
        AttemptEntry::new(entry.at, &Attempt::new().username(name), entry.outcome)
    }

    fn wants(&self, query: &AttemptQuery, entry: &AttemptEntry) -> bool {
        let mut query = query.clone();
        if self.makes(LogMistake::FindsNamesByPrefix)
            && let (Some(prefix), Some(name)) = (query.username.take(), entry.username())
            && !name.as_str().starts_with(prefix.as_str())
        {
            return false;
        }
        if self.makes(LogMistake::HoldsOneFilter) && query.username.is_some() {
            query.ip = None;
        }
        if self.makes(LogMistake::KeepsMappedAddressesApart) && query.ip != query.address() {
            return false;
        }
        if self.makes(LogMistake::IncludesUntil) && query.until == Some(entry.at) {
            query.until = None;
        }
        query.wants(entry)
    }

    /// Where the page begins: below this time and number.
    fn begin(&self, query: &AttemptQuery) -> Result<(Timestamp, u64)> {
        let end = (Timestamp::from_millis(u64::MAX), u64::MAX);
        let Some(cursor) = &query.after else { return Ok(end) };
        let place = || {
            let (at, number) = cursor.0.strip_prefix("wrong:")?.split_once('-')?;
            Some((Timestamp::from_millis(at.parse().ok()?), number.parse().ok()?))
        };
        match place() {
            None if self.makes(LogMistake::TakesAnyCursor) => Ok(end),
            place => place.ok_or_else(|| Cursor::foreign("wrong log")),
        }
    }
}

#[async_trait]
impl AttemptLog for WrongLog {
    async fn append(&self, entries: &[AttemptEntry]) -> Result<()> {
        let mut all = self.entries();
        for entry in entries {
            let same = |(_, other): &(u64, AttemptEntry)| {
                other.at == entry.at && other.username() == entry.username()
            };
            if self.makes(LogMistake::LosesWhatLooksTheSame) && all.1.iter().any(same) {
                continue;
            }
            all.0 += 1;
            let number = all.0;
            all.1.push((number, self.spoilt(entry)));
        }
        Ok(())
    }

    async fn recent(&self, query: &AttemptQuery) -> Result<Page<AttemptEntry>> {
        let (at, number) = self.begin(query)?;
        let mut all = self.entries().1.clone();
        if !self.makes(LogMistake::StopsAtTheFirstThatIsTooOld) {
            all.sort_by_key(|(number, entry)| (entry.at, *number));
        }
        all.reverse();
        let by_number = self.makes(LogMistake::PagesByNumber);
        let skipped = if by_number && query.after.is_some() { number } else { 0 };
        let is_after = |entry: &(u64, AttemptEntry)| match self.mistake {
            Some(LogMistake::PagesByNumber) => true,
            Some(LogMistake::PagesByTimeAlone) => query.after.is_none() || entry.1.at < at,
            Some(LogMistake::StopsAtTheFirstThatIsTooOld) => entry.0 < number,
            _ => (entry.1.at, entry.0) < (at, number),
        };
        let stops = |entry: &(u64, AttemptEntry)| {
            self.makes(LogMistake::StopsAtTheFirstThatIsTooOld)
                && query.since.is_some_and(|since| entry.1.at < since)
        };
        let mut found = (all.into_iter().take_while(|entry| !stops(entry)))
            .filter(|entry| is_after(entry) && self.wants(query, &entry.1))
            .skip(usize::try_from(skipped).unwrap_or(usize::MAX));
        let limit = match query.limit {
            0 if self.makes(LogMistake::TakesALimitOfZeroAtItsWord) => 0,
            _ => query.page_limit(),
        };
        let items: Vec<_> = found.by_ref().take(limit).collect();
        let more = found.next().is_some();
        let next = items.last().filter(|_| more).map(|(number, entry)| {
            let shown = skipped.saturating_add(u64::try_from(items.len()).unwrap_or(0));
            let number = if by_number { shown } else { *number };
            Cursor(format!("wrong:{}-{number}", entry.at.as_millis()))
        });
        Ok(Page { items: items.into_iter().map(|(_, entry)| entry).collect(), next })
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize> {
        let mut all = self.entries();
        all.1.sort_by_key(|(number, entry)| (entry.at, *number));
        let with_bound = self.makes(LogMistake::PrunesTheBoundItself);
        let older = |(_, entry): &(u64, AttemptEntry)| {
            entry.at < before || (with_bound && entry.at == before)
        };
        let older = all.1.partition_point(older);
        let bound = if self.makes(LogMistake::PrunesWithoutBound) { usize::MAX } else { limit };
        let pruned = older.min(bound.max(1));
        drop(all.1.drain(..pruned));
        Ok(pruned)
    }
}
