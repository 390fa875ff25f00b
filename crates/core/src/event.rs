//! Who wants to know: events and their observers.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::decision::{Lockout, Refusal};
use crate::error::StoreErrorKind;
use crate::names::Username;
use crate::subject::Subject;

/// Something that happened at a guard.
///
/// Subjects hold usernames and addresses as clients sent them: escape them where you show them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A lockout began: exactly one for each, none when the subject is locked already. The
    /// lockout of an attempt that nobody settles is told when its permit is dropped.
    Locked(Lockout),
    /// A lockout ended before its time: somebody unlocked, or a success lifted it.
    Unlocked(Subject),
    /// An attempt was refused.
    Refused {
        /// The subjects of the attempt that have a rule.
        subjects: Vec<Subject>,
        /// Why.
        refusal: Refusal,
    },
    /// An allow list let an attempt pass that was counted and would have been refused.
    Allowed {
        /// The subjects of the attempt that have a rule.
        subjects: Vec<Subject>,
        /// Why it would have been refused.
        refusal: Refusal,
    },
    /// The access list could not be read, or not all of it: what was known before is in force.
    AccessListFailed(StoreErrorKind),
    /// The store failed; the guard returned the error to its caller.
    StoreFailed(StoreErrorKind),
    /// The store went out of order and something stands in for it: one for each outage.
    OutageBegan(StoreErrorKind),
    /// The store answers again.
    OutageEnded,
    /// A browser was given a cookie by which it is a trusted device of this user.
    DeviceTrusted(Username),
    /// A device is locked for good, since its cookie has failed too often in all. Its `Locked` comes
    /// with it.
    DeviceRevoked(Subject),
    /// The log of attempts failed; the login went on.
    LogFailed(StoreErrorKind),
    /// So many attempts will not be in the log: it had no room for them, or could not be reached.
    AttemptsDropped(u64),
}

/// Somebody who is told of events.
///
/// It is called inside a login, so it must return at once and leave slow work to a task of its
/// own. A panic of an observer is caught and changes nothing.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// Takes note of `event`.
    fn observe(&self, event: &Event);
}

/// Any number of observers, for whoever has events to tell.
#[derive(Clone, Debug, Default)]
pub struct Observers(Vec<Arc<dyn Observer>>);

impl Observers {
    /// Adds an observer.
    pub fn push(&mut self, observer: Arc<dyn Observer>) {
        self.0.push(observer);
    }

    /// Whether there is nobody to tell.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells everybody; a panic of an observer is caught. The event is made only if there is
    /// somebody.
    pub fn tell(&self, event: impl FnOnce() -> Event) {
        if self.is_empty() {
            return;
        }
        let event = event();
        for observer in &self.0 {
            let _ = catch_unwind(AssertUnwindSafe(|| observer.observe(&event)));
        }
    }
}

/// An observer that hands every event to any number of receivers (feature `broadcast`).
///
/// A receiver that falls more than the capacity behind loses the oldest events and is told how
/// many; nobody waits for it.
///
/// ```
/// use lockout_core::{Broadcast, Guard, MapStore, Policy};
///
/// let events = Broadcast::new(1024);
/// let mut receiver = events.subscribe();
/// let guard = Guard::builder(MapStore::new(), Policy::default()).observer(events).build();
/// # let _ = (receiver.try_recv(), guard);
/// ```
#[cfg(feature = "broadcast")]
#[derive(Clone, Debug)]
pub struct Broadcast(tokio::sync::broadcast::Sender<Event>);

#[cfg(feature = "broadcast")]
impl Broadcast {
    /// A channel that keeps `capacity` events (at least one, at most 2^20) for its slowest receiver.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self(tokio::sync::broadcast::Sender::new(capacity.clamp(1, 1 << 20)))
    }

    /// A receiver of the events from now on.
    #[must_use]
    pub fn subscribe(&self) -> tokio::sync::broadcast::Receiver<Event> {
        self.0.subscribe()
    }
}

#[cfg(feature = "broadcast")]
impl Observer for Broadcast {
    fn observe(&self, event: &Event) {
        // The only error is that nobody listens.
        let _ = self.0.send(event.clone());
    }
}
