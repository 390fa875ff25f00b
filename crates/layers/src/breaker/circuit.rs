//! The circuit: whether a call may ask the store.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lockout_core::{Effect, Result, StoreError, StoreErrorKind, Timestamp};

use crate::outage::is_outage;

#[derive(Debug)]
pub(super) struct Circuit {
    tolerated: u32,
    first: Duration,
    longest: Duration,
    /// Held for a few instructions, never while somebody waits for the store.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Grows with every change of `phase`: only who was let through in this phase has a say in it.
    number: u64,
    phase: Phase,
    /// When somebody last asked: the time of an answer, which nobody tells.
    asked: Timestamp,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed { failures: u32 },
    Open(Cooling),
    Probing(Cooling),
}

#[derive(Clone, Copy, Debug)]
struct Cooling {
    since: Timestamp,
    period: Duration,
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.number = self.number.wrapping_add(1);
    }

    fn open(&mut self, period: Duration) {
        self.enter(Phase::Open(Cooling { since: self.asked, period }));
    }
}

impl Circuit {
    pub(super) const fn new() -> Self {
        let phase = Phase::Closed { failures: 0 };
        let state = State { number: 0, phase, asked: Timestamp::from_millis(0) };
        Self {
            tolerated: 5,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(30),
            state: Mutex::new(state),
        }
    }

    pub(super) fn tolerate(&mut self, failures: u32) {
        self.tolerated = failures.max(1);
    }

    pub(super) fn stay_open(&mut self, first: Duration, longest: Duration) {
        self.first = first;
        self.longest = longest.max(first);
    }

    pub(super) fn is_open(&self) -> bool {
        !matches!(self.state().phase, Phase::Closed { .. })
    }

    /// Asks to be let through.
    pub(super) fn ask(&self, now: Timestamp) -> Result<Pass<'_>> {
        let mut state = self.state();
        state.asked = now;
        match &mut state.phase {
            Phase::Closed { .. } => {}
            Phase::Open(cooling) => {
                // If the clock stepped back, the cooloff begins anew.
                cooling.since = cooling.since.min(now);
                let left = cooling.period.saturating_sub(now.saturating_since(cooling.since));
                if !left.is_zero() {
                    return Err(left_alone(&format!("in {left:?}")));
                }
                let probing = Phase::Probing(*cooling);
                state.enter(probing);
            }
            Phase::Probing(_) => return Err(left_alone("when the call under way is answered")),
        }
        Ok(Pass { circuit: self, number: state.number })
    }

    fn answered(&self, number: u64, failed: bool) {
        let mut state = self.state();
        if state.number != number {
            return;
        }
        match &mut state.phase {
            Phase::Closed { failures } if !failed => *failures = 0,
            Phase::Closed { failures } => {
                *failures = failures.saturating_add(1);
                if *failures >= self.tolerated {
                    state.open(self.first);
                }
            }
            Phase::Probing(_) if !failed => state.enter(Phase::Closed { failures: 0 }),
            Phase::Probing(cooling) => {
                let period = cooling.period.saturating_mul(2).min(self.longest);
                state.open(period);
            }
            // Nobody is let through in this phase.
            Phase::Open(_) => {}
        }
    }

    fn dropped(&self, number: u64) {
        let mut state = self.state();
        if let Phase::Probing(cooling) = state.phase
            && state.number == number
        {
            state.enter(Phase::Open(cooling));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who was let through. If it is dropped without an answer, a probe's place is free again.
#[derive(Debug)]
#[must_use = "dropped, it says that nobody waits for the answer"]
pub(super) struct Pass<'a> {
    circuit: &'a Circuit,
    number: u64,
}

impl Pass<'_> {
    /// The store answered: with an error of this kind, or as it should.
    pub(super) fn answered(self, error: Option<StoreErrorKind>) {
        self.circuit.answered(self.number, error.is_some_and(is_outage));
    }
}

impl Drop for Pass<'_> {
    /// After an answer this does nothing: a probe's answer ends its phase.
    fn drop(&mut self) {
        self.circuit.dropped(self.number);
    }
}

#[cold]
fn left_alone(until: &str) -> StoreError {
    let message = format!("nothing to do: it is tried again {until}");
    StoreError::new(StoreErrorKind::CircuitOpen, Effect::None, "breaker", message)
}
