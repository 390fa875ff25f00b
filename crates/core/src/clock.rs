//! Time, as an argument: [`Timestamp`] and the [`Clock`] that a guard asks for it.

use std::fmt;
use std::future::Future;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Milliseconds since the Unix epoch, up to `u64::MAX - 1`. All arithmetic saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(
    /// One more than the milliseconds: an `Option<Timestamp>` is then no larger, and records hold
    /// many of them.
    NonZeroU64,
);

impl Timestamp {
    /// The time that is `millis` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(millis))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0.get() - 1
    }

    /// This time plus `period`; stops at the end of the range. Fractions of a millisecond are cut.
    #[must_use]
    pub fn saturating_add(self, period: Duration) -> Self {
        Self(self.0.saturating_add(millis(period)))
    }

    /// This time less `period`; stops at the epoch. Fractions of a millisecond are cut.
    #[must_use]
    pub fn saturating_sub(self, period: Duration) -> Self {
        Self::from_millis(self.as_millis().saturating_sub(millis(period)))
    }

    /// How long after `earlier` this time is; zero if it is not.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.as_millis().saturating_sub(earlier.as_millis()))
    }
}

impl Default for Timestamp {
    /// The Unix epoch.
    fn default() -> Self {
        Self::from_millis(0)
    }
}

/// As milliseconds.
#[cfg(feature = "serde")]
impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.as_millis())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self::from_millis)
    }
}

/// Whole milliseconds of `period`, saturating.
pub(crate) fn millis(period: Duration) -> u64 {
    period.as_secs().saturating_mul(1000).saturating_add(u64::from(period.subsec_millis()))
}

/// A future that ends when a clock says that a period has passed.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a guard reads the time and how it waits.
///
/// Nothing else in lockout reads a clock: the engine and the stores get the time as an argument.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Ends when `period` has passed on this clock.
    fn sleep(&self, period: Duration) -> Sleep;
}

/// The machine's clock. Its timer works under any async executor.
///
/// With the feature `coarse-clock`, on Linux, it reads the kernel's coarse clock, which is behind by
/// at most one tick (1 to 10 ms): in process, reading the exact one is much of what an attempt
/// costs.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(millis(since_epoch()))
    }

    fn sleep(&self, period: Duration) -> Sleep {
        Box::pin(futures_timer::Delay::new(period))
    }
}

#[cfg(all(feature = "coarse-clock", target_os = "linux"))]
fn since_epoch() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::RealtimeCoarse)).unwrap_or_default()
}

#[cfg(not(all(feature = "coarse-clock", target_os = "linux")))]
#[expect(clippy::disallowed_methods, reason = "this is the clock that is injected")]
fn since_epoch() -> Duration {
    use std::time::{SystemTime, UNIX_EPOCH};
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A clock for tests that stands still until it is told to move.
///
/// Clones share the time, so a test keeps one and gives another to the guard.
///
/// ```
/// use std::time::Duration;
/// use lockout_core::{Clock, FakeClock, Timestamp};
///
/// let clock = FakeClock::at(Timestamp::from_millis(1_000));
/// let guards = clock.clone();
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(guards.now(), Timestamp::from_millis(6_000));
/// ```
#[derive(Clone, Debug, Default)]
pub struct FakeClock(Arc<Mutex<FakeTime>>);

#[derive(Debug, Default)]
struct FakeTime {
    now: Timestamp,
    sleepers: Vec<Waker>,
}

impl FakeClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(FakeTime { now, sleepers: Vec::new() })))
    }

    /// Moves the time on and wakes those whose sleep is over.
    pub fn advance(&self, period: Duration) {
        let now = self.now().saturating_add(period);
        self.set(now);
    }

    /// Sets the time, which may step backwards as a real clock's may.
    pub fn set(&self, now: Timestamp) {
        let sleepers = {
            let mut time = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            time.now = now;
            std::mem::take(&mut time.sleepers)
        };
        sleepers.into_iter().for_each(Waker::wake);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now
    }

    fn sleep(&self, period: Duration) -> Sleep {
        Box::pin(FakeSleep { clock: self.clone(), until: self.now().saturating_add(period) })
    }
}

struct FakeSleep {
    clock: FakeClock,
    until: Timestamp,
}

impl Future for FakeSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut time = self.clock.0.lock().unwrap_or_else(PoisonError::into_inner);
        if time.now >= self.until {
            return Poll::Ready(());
        }
        time.sleepers.push(context.waker().clone());
        Poll::Pending
    }
}
