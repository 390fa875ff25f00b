//! Who changes a subject's row next, among the tasks of one process.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use tokio::sync::{Mutex, MutexGuard};

/// Lanes in which the tasks of a process wait for one another, instead of finding out at the
/// database that another one was faster. Between processes the version of a row decides.
#[derive(Debug)]
pub(crate) struct Gate {
    lanes: Box<[Mutex<()>]>,
    hasher: RandomState,
}

/// The lanes of some subjects, in the order in which everybody takes them.
#[derive(Debug)]
pub(crate) struct Lanes(Vec<usize>);

impl Gate {
    /// Strangers share a lane now and then: they then wait for one another, no more.
    const LANES: usize = 256;

    pub(crate) fn new() -> Self {
        let lanes = (0..Self::LANES).map(|_| Mutex::new(())).collect();
        Self { lanes, hasher: RandomState::default() }
    }

    pub(crate) fn lanes(&self, keys: &[String]) -> Lanes {
        let lane = |key: &String| {
            let hash = self.hasher.hash_one(key) % (Self::LANES as u64);
            usize::try_from(hash).unwrap_or_default()
        };
        let mut lanes: Vec<_> = keys.iter().map(lane).collect();
        lanes.sort_unstable();
        lanes.dedup();
        Lanes(lanes)
    }

    /// Takes the lanes if nobody is in any of them.
    pub(crate) fn try_enter(&self, lanes: &Lanes) -> Option<Vec<MutexGuard<'_, ()>>> {
        lanes.0.iter().map(|lane| self.lanes[*lane].try_lock().ok()).collect()
    }

    /// Waits for the lanes.
    pub(crate) async fn enter(&self, lanes: &Lanes) -> Vec<MutexGuard<'_, ()>> {
        let mut taken = Vec::with_capacity(lanes.0.len());
        for lane in &lanes.0 {
            taken.push(self.lanes[*lane].lock().await);
        }
        taken
    }
}
