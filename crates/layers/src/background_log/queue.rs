//! What waits to be written. Taking an entry is all that a login pays for its log.

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

use lockout_core::AttemptEntry;

/// A queue in shards, so that threads that log do not meet. Bounded as a whole.
#[derive(Debug)]
pub(super) struct Queue {
    /// A power of two of them: a division is much of what a push costs.
    shards: Box<[Shard]>,
    capacity: usize,
    /// How many entries in one shard wake the worker: waking it costs as much as a hundred pushes.
    half: usize,
    /// The most that a shard may hold now: its share of what the worker leaves free.
    share: AtomicUsize,
    /// What the worker has taken and not yet written.
    taken: AtomicUsize,
    /// Somebody has found every shard full, so that nobody else need look.
    full: AtomicBool,
    closed: AtomicBool,
    dropped: AtomicU64,
}

/// What the worker has taken.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// In the order of time.
    entries: Arc<Vec<AttemptEntry>>,
    /// How many of them are done with.
    written: usize,
    /// Empty ones, for the shards to fill next time.
    buffers: Vec<Vec<AttemptEntry>>,
}

impl Taken {
    /// What is yet to be written.
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.written
    }

    /// The first of these, at most `most`.
    pub(super) fn batch(&self, most: usize) -> (Arc<Vec<AttemptEntry>>, Range<usize>) {
        let end = self.written + self.len().min(most);
        (Arc::clone(&self.entries), self.written..end)
    }

    /// The first so many are written, or lost.
    pub(super) fn done(&mut self, count: usize) {
        self.written += count.min(self.len());
    }
}

/// In cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Vec<AttemptEntry>>);

/// What became of an entry.
#[derive(Debug)]
pub(super) enum Pushed {
    /// It waits, or was dropped and counted.
    Queued,
    /// It waits, and it is time to write.
    HalfFull,
    /// Nobody writes any more.
    Closed(AttemptEntry),
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Vec<AttemptEntry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    const MOST_SHARDS: usize = 16;

    pub(super) fn new(capacity: usize) -> Self {
        let threads = available_parallelism().map_or(1, usize::from);
        let shards = threads.next_power_of_two().min(Self::MOST_SHARDS);
        let shards = if shards <= capacity { shards } else { 1 };
        Self {
            shards: (0..shards).map(|_| Shard::default()).collect(),
            capacity,
            half: (capacity / shards / 2).max(1),
            share: AtomicUsize::new(capacity / shards),
            taken: AtomicUsize::new(0),
            full: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
        }
    }

    pub(super) fn push(&self, entry: AttemptEntry) -> Pushed {
        let mut entries = self.shards[place() & (self.shards.len() - 1)].lock();
        if entries.len() < self.share.load(Ordering::Relaxed) {
            entries.push(entry);
            return if entries.len() == self.half { Pushed::HalfFull } else { Pushed::Queued };
        }
        drop(entries);
        self.push_elsewhere(entry)
    }

    /// Where one's own shard is full.
    #[cold]
    fn push_elsewhere(&self, entry: AttemptEntry) -> Pushed {
        if !self.full.load(Ordering::Relaxed) {
            for shard in &self.shards {
                let mut entries = shard.lock();
                if entries.len() < self.share.load(Ordering::Relaxed) {
                    entries.push(entry);
                    return Pushed::HalfFull;
                }
            }
            self.full.store(true, Ordering::Relaxed);
        }
        // Under a lock, since what is closed is closed under all of them.
        let _lock = self.shards[0].lock();
        if self.closed.load(Ordering::Relaxed) {
            return Pushed::Closed(entry);
        }
        self.count_dropped(1);
        Pushed::Queued
    }

    /// Adds all that waits to `taken`, in the order of time. If it `closes`, nothing waits any more
    /// from then on.
    pub(super) fn take(&self, taken: &mut Taken, closes: bool) {
        let Taken { entries, written, buffers } = taken;
        // Whoever holds it still was given up, and shall not see it change.
        let entries = Arc::make_mut(entries);
        drop(entries.drain(..*written));
        *written = 0;
        buffers.resize_with(self.shards.len(), Vec::new);
        let mut shards: Vec<_> = self.shards.iter().map(Shard::lock).collect();
        for (shard, buffer) in shards.iter_mut().zip(&mut *buffers) {
            std::mem::swap(&mut **shard, buffer);
        }
        let count = buffers.iter().map(Vec::len).sum::<usize>();
        self.share_out(entries.len() + count);
        if closes {
            self.closed.store(true, Ordering::Relaxed);
            self.share.store(0, Ordering::Relaxed);
        }
        drop(shards);
        if count == 0 {
            return;
        }
        for buffer in buffers.iter_mut().filter(|buffer| !buffer.is_empty()) {
            if entries.is_empty() {
                // Nothing is moved where one thread has logged.
                std::mem::swap(entries, buffer);
            } else {
                entries.append(buffer);
            }
        }
        entries.sort_by_key(|entry| entry.at);
    }

    /// The worker has so many in hand now.
    pub(super) fn left(&self, taken: usize) {
        if self.closed.load(Ordering::Relaxed) {
            self.taken.store(taken, Ordering::Relaxed);
        } else {
            self.share_out(taken);
        }
    }

    fn share_out(&self, taken: usize) {
        self.taken.store(taken, Ordering::Relaxed);
        let share = self.capacity.saturating_sub(taken) / self.shards.len();
        self.share.store(share, Ordering::Relaxed);
        self.full.store(false, Ordering::Relaxed);
    }

    pub(super) fn len(&self) -> usize {
        let waiting = self.shards.iter().map(|shard| shard.lock().len()).sum::<usize>();
        waiting + self.taken.load(Ordering::Relaxed)
    }

    pub(super) fn count_dropped(&self, entries: u64) {
        self.dropped.fetch_add(entries, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// A number of this thread's own.
fn place() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    // A thread that is ending has none any more.
    let own = PLACE.try_with(|place| match place.get() {
        usize::MAX => {
            place.set(THREADS.fetch_add(1, Ordering::Relaxed));
            place.get()
        }
        place => place,
    });
    own.unwrap_or(0)
}
