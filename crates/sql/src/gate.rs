//! Who changes a subject's row next, among the tasks of one process.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use tokio::sync::{Mutex, MutexGuard};

use crate::row::Row;

/// Lanes in which the tasks of a process wait for one another, instead of finding out at the
/// database that another one was faster. Between processes the version of a row decides.
///
/// Whoever leaves a lane hands over the row that he wrote. To a task that was waiting by then it is
/// as good as one that it would have read.
#[derive(Debug)]
pub(crate) struct Gate {
    lanes: Box<[Mutex<Option<Handed>>]>,
    hasher: RandomState,
    /// Counts what was handed over.
    time: AtomicU64,
}

#[derive(Debug)]
struct Handed {
    at: u64,
    key: String,
    row: Row,
}

/// The lanes of some subjects, in the order in which everybody takes them.
#[derive(Debug)]
pub(crate) struct Lanes(Vec<usize>);

/// Lanes in which nobody else is.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    gate: &'a Gate,
    lanes: Vec<(usize, MutexGuard<'a, Option<Handed>>)>,
}

impl Gate {
    /// Strangers share a lane now and then: they then wait for one another, no more.
    const LANES: usize = 4096;

    pub(crate) fn new() -> Self {
        let lanes = (0..Self::LANES).map(|_| Mutex::new(None)).collect();
        Self { lanes, hasher: RandomState::default(), time: AtomicU64::new(0) }
    }

    /// The time, for [`Taken::handed`].
    pub(crate) fn now(&self) -> u64 {
        self.time.load(Ordering::SeqCst)
    }

    pub(crate) fn lanes(&self, keys: &[String]) -> Lanes {
        let mut lanes: Vec<_> = keys.iter().map(|key| self.lane(key)).collect();
        lanes.sort_unstable();
        lanes.dedup();
        Lanes(lanes)
    }

    /// Takes the lanes if nobody is in any of them.
    pub(crate) fn try_enter(&self, lanes: &Lanes) -> Option<Taken<'_>> {
        let lanes = lanes.0.iter().map(|lane| Some((*lane, self.lanes[*lane].try_lock().ok()?)));
        Some(Taken { gate: self, lanes: lanes.collect::<Option<_>>()? })
    }

    /// Waits for the lanes.
    pub(crate) async fn enter(&self, lanes: &Lanes) -> Taken<'_> {
        let mut taken = Vec::with_capacity(lanes.0.len());
        for lane in &lanes.0 {
            taken.push((*lane, self.lanes[*lane].lock().await));
        }
        Taken { gate: self, lanes: taken }
    }

    fn lane(&self, key: &str) -> usize {
        let hash = self.hasher.hash_one(key) % (Self::LANES as u64);
        usize::try_from(hash).unwrap_or_default()
    }
}

impl Taken<'_> {
    /// The row of `key`, if somebody wrote it after `since`.
    pub(crate) fn handed(&self, key: &str, since: u64) -> Option<&Row> {
        let lane = self.gate.lane(key);
        let (_, slot) = self.lanes.iter().find(|(taken, _)| *taken == lane)?;
        let handed = slot.as_ref()?;
        (handed.key == key && handed.at > since).then_some(&handed.row)
    }

    /// Leaves the lanes; `rows` is what was written.
    pub(crate) fn hand_over(mut self, keys: &[String], rows: &[Row]) {
        let at = self.gate.time.fetch_add(1, Ordering::SeqCst) + 1;
        for (key, row) in keys.iter().zip(rows) {
            let lane = self.gate.lane(key);
            if let Some((_, slot)) = self.lanes.iter_mut().find(|(taken, _)| *taken == lane) {
                **slot = Some(Handed { at, key: key.clone(), row: row.clone() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_row_is_handed_to_those_who_waited_and_to_nobody_later() {
        let gate = Gate::new();
        let keys = ["a", "b"].map(str::to_owned);
        let lanes = gate.lanes(&keys);
        let since = gate.now();
        let taken = gate.try_enter(&lanes).unwrap();
        assert!(gate.try_enter(&gate.lanes(&keys[..1])).is_none());
        let rows = [1, 2].map(|version| Row { version: Some(version), ..Row::default() });
        taken.hand_over(&keys, &rows);
        let taken = gate.enter(&lanes).await;
        assert_eq!(taken.handed("b", since).and_then(|row| row.version), Some(2));
        assert!(taken.handed("b", gate.now()).is_none());
        assert!(taken.handed("c", since).is_none());
    }
}
