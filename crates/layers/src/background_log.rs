//! [`BackgroundLog`]: nobody waits for the log.

mod builder;
mod queue;
mod worker;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use lockout_core::{AttemptEntry, AttemptLog, AttemptQuery, Page, Result, Timestamp};
use tokio::sync::{mpsc, oneshot};

pub use self::builder::{BackgroundLogBuilder, NoRuntime};
use self::queue::{Pushed, Queue};
use self::worker::Command;

/// A log that a task of its own writes into another one, so that no login waits for it (feature
/// `background-log`).
///
/// Entries wait in a bounded queue, and are written a [batch](BackgroundLogBuilder::batch) at a time:
/// every [period](BackgroundLogBuilder::period), or when half of the queue is full.
///
/// - While the log within is out of order, its batch is tried again, and nothing is lost as long as
///   the queue has room. What finds none is dropped and counted; so is a batch that the log refuses
///   for good after [three tries](BackgroundLogBuilder::MOST_REFUSALS). Observers are told, once for
///   an outage and once a round of the task for what was dropped, however much it was:
///   [`LogFailed`](lockout_core::Event::LogFailed) and
///   [`AttemptsDropped`](lockout_core::Event::AttemptsDropped).
/// - A batch of which nobody knows whether it was written is written again: its entries may then be
///   there twice.
/// - [`close`](Self::close) before the process ends: it waits until everything is written. When the
///   last clone is dropped the task also writes what is left, if the runtime goes on for so long.
/// - After it is closed it is no longer in the background: `append` writes at once.
///
/// `recent` and `prune` go to the log within, which knows nothing of what is still waiting;
/// [`flush`](Self::flush) first if you need that. Clones share everything.
///
/// ```
/// use lockout_core::{Guard, MapStore, MemoryLog, Policy};
/// use lockout_layers::BackgroundLog;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lockout_layers::NoRuntime> {
/// let log = BackgroundLog::start(MemoryLog::new())?;
/// let guard = Guard::builder(MapStore::new(), Policy::default()).log(log.clone()).build();
/// // … when the service ends:
/// drop(guard);
/// assert_eq!(log.close().await, 0, "attempts that were lost");
/// # Ok(()) }
/// ```
pub struct BackgroundLog<L> {
    inner: Arc<L>,
    queue: Arc<Queue>,
    commands: mpsc::Sender<Command>,
}

impl<L: AttemptLog> BackgroundLog<L> {
    /// A log that writes into `inner`, by a task that it starts.
    ///
    /// # Errors
    /// Outside a tokio runtime.
    pub fn start(inner: L) -> Result<Self, NoRuntime> {
        Self::builder(inner).start()
    }

    /// Settings other than the defaults.
    pub fn builder(inner: L) -> BackgroundLogBuilder<L> {
        BackgroundLogBuilder::new(inner)
    }

    /// The log within.
    #[must_use]
    pub fn inner(&self) -> &L {
        &self.inner
    }

    /// How many attempts have been lost so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    /// How many attempts wait to be written, those that are being written included.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Waits until everything is written, or dropped, that is waiting now. While the log within is
    /// out of order that is until it works again.
    pub async fn flush(&self) {
        self.ask(Command::Flush).await;
    }

    /// Stops taking entries, waits until what is waiting is written, and tells how many have been
    /// lost since the start. A log within that is out of order is tried for some seconds, then what
    /// is left is lost.
    pub async fn close(&self) -> u64 {
        self.ask(Command::Close).await;
        self.dropped()
    }

    async fn ask(&self, command: fn(oneshot::Sender<()>) -> Command) {
        let (done, waiter) = oneshot::channel();
        // If the task has ended, nothing is waiting.
        if self.commands.send(command(done)).await.is_ok() {
            let _ = waiter.await;
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<L: AttemptLog> AttemptLog for BackgroundLog<L> {
    async fn append(&self, entries: &[AttemptEntry]) -> Result<()> {
        for (index, entry) in entries.iter().enumerate() {
            if self.try_append(entry.clone()).is_err() {
                return self.inner.append(&entries[index..]).await;
            }
        }
        Ok(())
    }

    async fn recent(&self, query: &AttemptQuery) -> Result<Page<AttemptEntry>> {
        self.inner.recent(query).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize> {
        self.inner.prune(before, limit).await
    }

    fn try_append(&self, entry: AttemptEntry) -> Result<(), AttemptEntry> {
        match self.queue.push(entry) {
            Pushed::Queued => Ok(()),
            Pushed::HalfFull => {
                // If it cannot be told, it has plenty to do.
                let _ = self.commands.try_send(Command::Wake);
                Ok(())
            }
            Pushed::Closed(entry) => Err(entry),
        }
    }
}

impl<L> Clone for BackgroundLog<L> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            queue: Arc::clone(&self.queue),
            commands: self.commands.clone(),
        }
    }
}

impl<L: fmt::Debug> fmt::Debug for BackgroundLog<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundLog")
            .field("inner", &self.inner)
            .field("waiting", &self.queue.len())
            .field("dropped", &self.queue.dropped())
            .finish_non_exhaustive()
    }
}
