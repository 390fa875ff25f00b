//! How a [`BackgroundLog`] is made.

use std::sync::Arc;
use std::time::Duration;

use lockout_core::{AttemptLog, Observer, Observers};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::BackgroundLog;
use super::queue::Queue;
use super::worker::{Pace, Worker};

/// Makes a [`BackgroundLog`].
#[derive(Debug)]
#[must_use = "a builder makes nothing until it is started"]
pub struct BackgroundLogBuilder<L> {
    inner: L,
    capacity: usize,
    pace: Pace,
    observers: Observers,
}

impl<L: AttemptLog> BackgroundLogBuilder<L> {
    /// The default [capacity](Self::capacity).
    pub const DEFAULT_CAPACITY: usize = 16_384;

    /// The default [batch](Self::batch).
    pub const DEFAULT_BATCH: usize = 500;

    /// The default [period](Self::period).
    pub const DEFAULT_PERIOD: Duration = Duration::from_millis(100);

    /// The default [timeout](Self::timeout).
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

    /// How often a batch is tried that the log refuses though it is not out of order.
    pub const MOST_REFUSALS: u32 = 3;

    pub(super) fn new(inner: L) -> Self {
        let (batch, period) = (Self::DEFAULT_BATCH, Self::DEFAULT_PERIOD);
        let pace = Pace { batch, period, timeout: Self::DEFAULT_TIMEOUT };
        Self { inner, capacity: Self::DEFAULT_CAPACITY, pace, observers: Observers::default() }
    }

    /// The most entries that wait, those that are being written included; at least one. Default
    /// 16,384. An entry takes 64 bytes, and its texts what they are long: up to 4 KiB if somebody
    /// wants to fill the memory.
    pub const fn capacity(mut self, entries: usize) -> Self {
        self.capacity = if entries == 0 { 1 } else { entries };
        self
    }

    /// The most entries that are written at once; at least one. Default 500.
    pub const fn batch(mut self, entries: usize) -> Self {
        self.pace.batch = if entries == 0 { 1 } else { entries };
        self
    }

    /// The longest that an entry waits if the log within keeps up; at least a millisecond. Default
    /// 100 ms. If half of the queue is full before, that is written at once.
    pub fn period(mut self, period: Duration) -> Self {
        self.pace.period = period.max(Duration::from_millis(1));
        self
    }

    /// Gives a batch up that takes longer than this, to try it again. Default 10 s.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.pace.timeout = timeout;
        self
    }

    /// Tells `observer` when the log within fails, and when attempts are lost.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// The log, and its task.
    ///
    /// # Errors
    /// Outside a tokio runtime. It must have its timer enabled.
    pub fn start(self) -> Result<BackgroundLog<L>, NoRuntime> {
        let runtime = Handle::try_current().map_err(|_| NoRuntime)?;
        let Self { inner, capacity, pace, observers } = self;
        let (inner, queue) = (Arc::new(inner), Arc::new(Queue::new(capacity)));
        let (commands, asked) = mpsc::channel(16);
        let log = Arc::clone(&inner);
        runtime.spawn(Worker::new(log, Arc::clone(&queue), asked, pace, observers).run());
        Ok(BackgroundLog { inner, queue, commands })
    }
}

/// A background log was started outside a tokio runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no tokio runtime for the background log: start it inside one")]
#[non_exhaustive]
pub struct NoRuntime;
