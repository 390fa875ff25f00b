//! When an outage begins and ends, told once each.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lockout_core::{Event, Observer, Observers, StoreErrorKind};

#[derive(Debug, Default)]
pub(super) struct Watch {
    /// How many calls have begun: a call's number orders it with beginnings and ends.
    calls: AtomicU64,
    state: Mutex<State>,
    /// Whether there is an outage, for those who only want to know that there is none.
    out: AtomicBool,
    observers: Observers,
}

#[derive(Debug, Default)]
struct State {
    /// While there is an outage, the last call that began before its latest error.
    failed_after: Option<u64>,
    /// The last call that began before the outage before ended.
    ended_after: u64,
}

impl Watch {
    pub(super) fn add(&mut self, observer: Arc<dyn Observer>) {
        self.observers.push(observer);
    }

    pub(super) fn is_out(&self) -> bool {
        self.out.load(Ordering::Acquire)
    }

    pub(super) fn begin(&self) -> Call<'_> {
        Call { watch: self, number: self.calls.fetch_add(1, Ordering::AcqRel) + 1 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call to the store.
#[derive(Debug)]
pub(super) struct Call<'a> {
    watch: &'a Watch,
    number: u64,
}

impl Call<'_> {
    /// It met an outage: a new one, unless it began before the last one ended.
    pub(super) fn failed(self, kind: StoreErrorKind) {
        let mut state = self.watch.state();
        let begins = state.failed_after.is_none();
        if begins && self.number <= state.ended_after {
            return;
        }
        state.failed_after = Some(self.watch.calls.load(Ordering::Acquire));
        if begins {
            self.watch.out.store(true, Ordering::Release);
            self.watch.observers.tell(|| Event::OutageBegan(kind));
        }
    }

    /// The store answered: the outage is over, unless something failed since the call began. A slow
    /// call may have been let through just before a circuit opened, and proves nothing of it.
    pub(super) fn answered(self) {
        if !self.watch.is_out() {
            return;
        }
        let mut state = self.watch.state();
        if state.failed_after.is_some_and(|failed_after| self.number > failed_after) {
            state.failed_after = None;
            state.ended_after = self.watch.calls.load(Ordering::Acquire);
            self.watch.out.store(false, Ordering::Release);
            self.watch.observers.tell(|| Event::OutageEnded);
        }
    }
}

#[cfg(test)]
mod tests {
    use lockout_core::StoreErrorKind::{CircuitOpen, Unavailable};

    use super::*;

    #[derive(Clone, Debug, Default)]
    struct Seen(Arc<Mutex<Vec<Event>>>);

    impl Observer for Seen {
        fn observe(&self, event: &Event) {
            self.0.lock().unwrap().push(event.clone());
        }
    }

    #[test]
    fn a_slow_answer_does_not_end_an_outage_that_goes_on() {
        let (mut watch, seen) = (Watch::default(), Seen::default());
        watch.add(Arc::new(seen.clone()));
        watch.begin().failed(Unavailable);
        let slow = watch.begin();
        // The circuit has opened.
        watch.begin().failed(CircuitOpen);
        slow.answered();
        watch.begin().failed(CircuitOpen);
        assert_eq!(*seen.0.lock().unwrap(), [Event::OutageBegan(Unavailable)]);
        // Meanwhile others are told to wait for the call under way.
        let (probe, other) = (watch.begin(), watch.begin());
        other.failed(CircuitOpen);
        probe.answered();
        let late = watch.begin();
        watch.begin().answered();
        late.failed(CircuitOpen);
        assert_eq!(*seen.0.lock().unwrap(), [Event::OutageBegan(Unavailable), Event::OutageEnded]);
    }
}
