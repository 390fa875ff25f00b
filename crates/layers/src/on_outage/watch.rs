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
    /// The last call that began before this outage did.
    began_after: Option<u64>,
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
        if state.began_after.is_none() && self.number > state.ended_after {
            state.began_after = Some(self.watch.calls.load(Ordering::Acquire));
            self.watch.out.store(true, Ordering::Release);
            self.watch.observers.tell(|| Event::OutageBegan(kind));
        }
    }

    /// The store answered: the outage is over, unless the call began before it.
    pub(super) fn answered(self) {
        if !self.watch.is_out() {
            return;
        }
        let mut state = self.watch.state();
        if state.began_after.is_some_and(|began_after| self.number > began_after) {
            state.began_after = None;
            state.ended_after = self.watch.calls.load(Ordering::Acquire);
            self.watch.out.store(false, Ordering::Release);
            self.watch.observers.tell(|| Event::OutageEnded);
        }
    }
}
