//! A login desk at which the cases try to log in: a guard over the examined store, with a clock
//! that stands still.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lockout_core::{
    Attempt, Clock as _, Decision, Event, FakeClock, Guard, Lockout, Observer, Permit, Policy,
    PolicyBuilder, Refusal, Rule, RuleBuilder, Scope, Settlement, Subject, Timestamp,
};

use super::Examined;

/// When every case begins: long ago, so that a store that reads a clock of its own is found out.
pub(super) const START: Timestamp = Timestamp::from_millis(1_000_000_000_000);

pub(super) const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) guard: Guard,
    pub(super) clock: FakeClock,
    events: Events,
}

#[derive(Clone, Debug, Default)]
struct Events(Arc<Mutex<Vec<Event>>>);

impl Observer for Events {
    fn observe(&self, event: &Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
    }
}

/// A rule for usernames with limit 3 and cooloffs of 300 s.
pub(super) fn username() -> RuleBuilder {
    Rule::builder(Scope::Username)
}

/// A rule for addresses with limit 30 and cooloffs of 300 s, which refunds on success.
pub(super) fn ip() -> RuleBuilder {
    Rule::builder(Scope::Ip)
}

pub(super) fn alice() -> Attempt {
    named("alice")
}

pub(super) fn named(name: &str) -> Attempt {
    Attempt::new().username(name)
}

/// An attempt of `name` from the address 198.51.100.`host`.
pub(super) fn from(name: &str, host: u8) -> Attempt {
    named(name).ip([198, 51, 100, host])
}

pub(super) fn subject(text: &str) -> Subject {
    text.parse().expect("a subject")
}

impl Desk {
    pub(super) fn new(store: Examined, policy: PolicyBuilder) -> Self {
        Self::with(store, policy.build().expect("a possible policy"))
    }

    /// A desk with a single rule.
    pub(super) fn of(store: Examined, rule: RuleBuilder) -> Self {
        Self::new(store, Policy::builder().rule(rule))
    }

    pub(super) fn with(store: Examined, policy: Policy) -> Self {
        let clock = FakeClock::at(START);
        let events = Events::default();
        let guard =
            Guard::builder(store, policy).clock(clock.clone()).observer(events.clone()).build();
        Self { guard, clock, events }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn pass(&self, period: Duration) {
        self.clock.advance(period);
    }

    pub(super) async fn begin(&self, attempt: &Attempt) -> Result<Permit, Refusal> {
        self.guard.begin(attempt).await.expect("the store works").admitted()
    }

    /// An admitted attempt.
    pub(super) async fn admit(&self, attempt: &Attempt) -> Permit {
        self.begin(attempt).await.unwrap_or_else(|r| panic!("{attempt:?} was refused: {r:?}"))
    }

    /// An attempt that is refused because of a lock.
    pub(super) async fn locked(&self, attempt: &Attempt) -> Refusal {
        match self.guard.begin(attempt).await.expect("the store works") {
            Decision::Refused(refusal @ Refusal::Locked { .. }) => refusal,
            other => panic!("{attempt:?} should be locked: {other:?}"),
        }
    }

    /// An attempt that is told to retry because the last place is under way.
    pub(super) async fn busy(&self, attempt: &Attempt) {
        match self.guard.begin(attempt).await.expect("the store works") {
            Decision::Refused(Refusal::Busy { retry_after }) => {
                assert!(retry_after <= Refusal::BUSY_RETRY, "{retry_after:?}");
            }
            other => panic!("{attempt:?} should find no place for the moment: {other:?}"),
        }
    }

    pub(super) async fn fail(&self, attempt: &Attempt) -> Settlement {
        self.admit(attempt).await.fail().await.expect("the store works")
    }

    pub(super) async fn fail_times(&self, attempt: &Attempt, times: u32) {
        for _ in 0..times {
            self.fail(attempt).await;
        }
    }

    pub(super) async fn succeed(&self, attempt: &Attempt) -> Settlement {
        self.admit(attempt).await.succeed().await.expect("the store works")
    }

    pub(super) async fn lockout(&self, subject: &Subject) -> Option<Lockout> {
        let lockouts = self.guard.status(std::slice::from_ref(subject)).await;
        lockouts.expect("the store works").pop().expect("an answer for each subject")
    }

    /// Locks by failures and says for how many seconds; `None`: without end.
    pub(super) async fn lock_by_failing(&self, attempt: &Attempt) -> Option<u64> {
        for _ in 0..10_000 {
            let settlement = self.fail(attempt).await;
            if let Some(lockout) = settlement.locked.first() {
                return lockout.remaining(self.now()).map(|left| left.as_secs());
            }
        }
        panic!("{attempt:?} failed 10,000 times and is not locked");
    }

    /// The events since the last call, refusals left out.
    pub(super) fn events(&self) -> Vec<Event> {
        let mut events = self.events.0.lock().unwrap_or_else(PoisonError::into_inner);
        let events = std::mem::take(&mut *events);
        events.into_iter().filter(|event| !matches!(event, Event::Refused { .. })).collect()
    }
}
