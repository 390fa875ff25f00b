//! A clock that follows a server's, so that all nodes of a store agree on the time.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::{Clock, Sleep, SystemClock, Timestamp};
use crate::error::{Effect, Result, StoreError, StoreErrorKind};

/// A store that can say what time it is where the records are kept.
#[async_trait]
pub trait ServerTime: Send + Sync {
    /// The server's time.
    ///
    /// # Errors
    /// If the server does not answer.
    async fn server_time(&self) -> Result<Timestamp>;
}

/// A node's clock, put right by a server's: with it a node whose own clock is an hour off neither
/// locks nor unlocks early.
///
/// Clones share the correction. It is measured when [`correct`](Self::correct) is called, so call
/// it before the first login and again every few seconds; a backend that has a runtime does so by
/// itself. Between two measurements the node's own clock runs on.
#[derive(Clone, Debug)]
pub struct ServerClock {
    own: Arc<dyn Clock>,
    /// Milliseconds that the server is ahead.
    ahead: Arc<AtomicI64>,
}

impl ServerClock {
    /// The longest that asking may take. The correction is off by at most half of it.
    pub const MAX_ROUND_TRIP: Duration = Duration::from_secs(1);

    /// How often a [kept](Self::kept) clock is put right.
    pub const PERIOD: Duration = Duration::from_secs(10);

    /// A clock that shows `own` until it is corrected.
    #[must_use]
    pub fn new(own: impl Clock) -> Self {
        Self { own: Arc::new(own), ahead: Arc::default() }
    }

    /// A clock that shows `own` as `server` corrects it, now and every [`PERIOD`](Self::PERIOD) for
    /// as long as somebody has the clock, by the future beside it: for backends that have a runtime
    /// to run that on.
    ///
    /// # Errors
    /// If the server does not answer now.
    pub async fn kept(
        own: impl Clock,
        server: impl ServerTime + 'static,
    ) -> Result<(impl Clock + Clone, impl Future<Output = ()> + Send + 'static)> {
        let clock = Self::new(own);
        clock.correct(&server).await?;
        let held = Arc::new(());
        let (correcting, dropped) = (clock.clone(), Arc::downgrade(&held));
        let upkeep = async move {
            loop {
                // The server's time passes by itself, whatever the node's own clock is told.
                SystemClock.sleep(Self::PERIOD).await;
                if dropped.upgrade().is_none() {
                    return;
                }
                // The correction before this one stays if the server does not answer.
                let _ = correcting.correct(&server).await;
            }
        };
        Ok((KeptClock { clock, _held: held }, upkeep))
    }

    /// Asks the server for the time and shows that from now on; how many milliseconds it is ahead
    /// of the node's own clock.
    ///
    /// # Errors
    /// If the server does not answer within [`MAX_ROUND_TRIP`](Self::MAX_ROUND_TRIP); the earlier
    /// correction then stays.
    pub async fn correct(&self, server: &(impl ServerTime + ?Sized)) -> Result<i64> {
        let asked = self.own.now();
        let server = server.server_time().await?;
        let round_trip = self.own.now().saturating_since(asked);
        if round_trip > Self::MAX_ROUND_TRIP {
            let message = "asking for the time took so long that the answer is of no use";
            return Err(StoreError::new(
                StoreErrorKind::Timeout,
                Effect::None,
                "server clock",
                message,
            ));
        }
        let then = signed(asked.saturating_add(round_trip / 2));
        let ahead = signed(server).saturating_sub(then);
        self.ahead.store(ahead, Ordering::Relaxed);
        Ok(ahead)
    }
}

impl Default for ServerClock {
    fn default() -> Self {
        Self::new(SystemClock)
    }
}

/// A clock whose correction goes on for as long as somebody has it.
#[derive(Clone, Debug)]
struct KeptClock {
    clock: ServerClock,
    _held: Arc<()>,
}

impl Clock for KeptClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep(&self, period: Duration) -> Sleep {
        self.clock.sleep(period)
    }
}

fn signed(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl Clock for ServerClock {
    fn now(&self) -> Timestamp {
        let ahead = self.ahead.load(Ordering::Relaxed);
        Timestamp::from_millis(self.own.now().as_millis().saturating_add_signed(ahead))
    }

    fn sleep(&self, period: Duration) -> Sleep {
        self.own.sleep(period)
    }
}
