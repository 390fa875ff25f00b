//! The task that writes.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use lockout_core::{AttemptEntry, AttemptLog, Event, Observers, StoreErrorKind};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::BackgroundLogBuilder;
use super::queue::{Queue, Taken};
use crate::outage::is_outage;

/// What the task is asked.
#[derive(Debug)]
pub(super) enum Command {
    /// There is much to write.
    Wake,
    /// Tell when nothing is waiting.
    Flush(oneshot::Sender<()>),
    /// The same, and end.
    Close(oneshot::Sender<()>),
}

/// How much, and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) batch: usize,
    pub(super) period: Duration,
    pub(super) timeout: Duration,
}

#[derive(Debug)]
pub(super) struct Worker<L> {
    log: Arc<L>,
    queue: Arc<Queue>,
    asked: mpsc::Receiver<Command>,
    pace: Pace,
    observers: Observers,
    taken: Taken,
    /// How often the first batch of it has failed.
    tries: u32,
    waiters: Vec<oneshot::Sender<()>>,
    closing: bool,
    told: u64,
}

impl<L: AttemptLog> Worker<L> {
    /// The first wait after a failure; each further one is twice as long.
    const FIRST_WAIT: Duration = Duration::from_millis(100);

    const LONGEST_WAIT: Duration = Duration::from_secs(5);

    /// How often a log that is out of order is tried at the end: for three seconds.
    const LAST_TRIES: u32 = 6;

    /// How long each of these may take.
    const LAST_TIMEOUT: Duration = Duration::from_secs(2);

    pub(super) fn new(
        log: Arc<L>,
        queue: Arc<Queue>,
        asked: mpsc::Receiver<Command>,
        pace: Pace,
        observers: Observers,
    ) -> Self {
        Self {
            log,
            queue,
            asked,
            pace,
            observers,
            taken: Taken::default(),
            tries: 0,
            waiters: Vec::new(),
            closing: false,
            told: 0,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            self.pause().await;
            self.queue.take(&mut self.taken, self.closing);
            self.write().await;
            self.tell_dropped();
            if self.taken.len() == 0 {
                for waiter in self.waiters.drain(..) {
                    let _ = waiter.send(());
                }
                if self.closing {
                    return;
                }
            }
        }
    }

    /// Waits for the next time to write, or until somebody asks.
    async fn pause(&mut self) {
        let pause = match self.tries {
            0 => self.pace.period,
            tries => Self::FIRST_WAIT.saturating_mul(1 << (tries - 1).min(16)),
        };
        let end = Instant::now() + pause.min(Self::LONGEST_WAIT.max(self.pace.period));
        if self.closing {
            return sleep_until(end).await;
        }
        loop {
            match timeout_at(end, self.asked.recv()).await {
                Err(_elapsed) => return,
                Ok(Some(Command::Wake)) => {}
                Ok(Some(Command::Flush(waiter))) => self.waiters.push(waiter),
                Ok(Some(Command::Close(waiter))) => {
                    self.waiters.push(waiter);
                    return self.close();
                }
                Ok(None) => return self.close(),
            }
            if self.tries == 0 {
                return;
            }
        }
    }

    fn close(&mut self) {
        self.closing = true;
        // Its last tries begin now.
        self.tries = self.tries.min(1);
    }

    /// Writes batches until nothing is left, or until one fails.
    async fn write(&mut self) {
        while self.taken.len() > 0 {
            let (entries, batch) = self.taken.batch(self.pace.batch);
            let mut done = batch.len();
            if let Err(kind) = self.append(entries, batch).await {
                if self.tries == 0 {
                    self.observers.tell(|| Event::LogFailed(kind));
                }
                self.tries = self.tries.saturating_add(1);
                if !self.gives_up(kind) {
                    return;
                }
                if is_outage(kind) {
                    done = self.taken.len();
                }
                self.count_dropped(done);
            }
            self.tries = 0;
            self.taken.done(done);
            self.queue.left(self.taken.len());
        }
    }

    /// Whether what failed is not tried again.
    const fn gives_up(&self, kind: StoreErrorKind) -> bool {
        if is_outage(kind) {
            self.closing && self.tries >= Self::LAST_TRIES
        } else {
            self.tries >= BackgroundLogBuilder::<L>::MOST_REFUSALS
        }
    }

    /// Writes the batch, in a task of its own: its panic is a failure like others.
    async fn append(
        &self,
        entries: Arc<Vec<AttemptEntry>>,
        batch: Range<usize>,
    ) -> Result<(), StoreErrorKind> {
        let log = Arc::clone(&self.log);
        let mut writing = tokio::spawn(async move { log.append(&entries[batch]).await });
        let limit = self.pace.timeout;
        let limit = if self.closing { limit.min(Self::LAST_TIMEOUT) } else { limit };
        match timeout(limit, &mut writing).await {
            Ok(Ok(written)) => written.map_err(|error| error.kind()),
            Ok(Err(_panicked)) => Err(StoreErrorKind::Config),
            Err(_elapsed) => {
                writing.abort();
                Err(StoreErrorKind::Timeout)
            }
        }
    }
}

impl<L> Worker<L> {
    fn count_dropped(&self, entries: usize) {
        self.queue.count_dropped(u64::try_from(entries).unwrap_or(u64::MAX));
    }

    fn tell_dropped(&mut self) {
        let dropped = self.queue.dropped();
        if dropped > self.told {
            self.observers.tell(|| Event::AttemptsDropped(dropped - self.told));
            self.told = dropped;
        }
    }
}

impl<L> Drop for Worker<L> {
    /// At its end nothing is left; but the runtime may end first.
    fn drop(&mut self) {
        self.queue.take(&mut self.taken, true);
        self.count_dropped(self.taken.len());
        self.queue.left(0);
        self.tell_dropped();
    }
}
