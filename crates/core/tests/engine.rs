//! What the engine owes stores, beyond what can be seen at a guard.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use lockout_core::engine::{self, Settled, Standing};
use lockout_core::{
    Attempt, Charge, Claim, Cooloff, OnSuccess, Outcome, Policy, Record, Reservation, Rule, Scope,
    Spread, Timestamp,
};

const NOON: Timestamp = Timestamp::from_millis(1_000_000_000_000);

fn after(seconds: u64) -> Timestamp {
    Timestamp::from_millis(NOON.as_millis() + 1000 * seconds)
}

struct One {
    policy: Policy,
    claims: Vec<Claim>,
}

impl One {
    /// One subject at limit 1, with cooloffs of 100 s.
    fn with(on_success: OnSuccess) -> Self {
        let rule = Rule::builder(Scope::Username)
            .failure_limit(1)
            .cooloff(Cooloff::from_secs(100))
            .on_success(on_success);
        let policy = Policy::builder().rule(rule).build().unwrap();
        let claims = policy.claims(&Attempt::new().username("alice"));
        Self { policy, claims }
    }

    fn reservation(&self) -> Reservation<'_> {
        Reservation::new(&self.policy, &self.claims, Spread::default())
    }

    fn charge(&self, record: &mut Record, now: Timestamp) -> Charge {
        engine::charge(&self.reservation(), &self.policy.rules()[0], record, now)
    }

    fn settle(
        &self,
        record: &mut Record,
        charge: &Charge,
        outcome: Outcome,
        now: Timestamp,
    ) -> Settled {
        engine::settle(&self.reservation(), &self.policy.rules()[0], record, charge, outcome, now)
    }
}

#[test]
fn a_tolerated_failure_writes_nothing() {
    let one = One::with(OnSuccess::Clear);
    let mut record = Record::default();
    let charge = one.charge(&mut record, NOON);
    let charged = record.clone();
    assert!(!engine::settling_writes(&one.policy.rules()[0], &charge, Outcome::Failure));
    assert_eq!(one.settle(&mut record, &charge, Outcome::Failure, after(5)), Settled::Quiet);
    assert_eq!(record, charged);
}

#[test]
fn an_expired_record_is_as_good_as_none() {
    for on_success in [OnSuccess::Clear, OnSuccess::Refund, OnSuccess::Keep] {
        let one = One::with(on_success);
        let mut expired = Record::default();
        let charges = [NOON, NOON].map(|now| one.charge(&mut expired, now));
        let now = expired.expires_at.unwrap();
        assert!(expired.is_expired(now));

        let unchanged = expired.clone();
        for outcome in [Outcome::Failure, Outcome::Success, Outcome::Cancelled] {
            for charge in &charges {
                assert_eq!(one.settle(&mut expired, charge, outcome, now), Settled::Quiet);
            }
        }
        assert!(!engine::clear(&mut expired, now));
        assert_eq!(expired, unchanged);

        let mut fresh = Record::default();
        assert!(!engine::clear(&mut fresh, now));
        assert_eq!(fresh, Record::default());
        let [mut charged, mut locked] = [expired.clone(), expired];
        assert_eq!(one.charge(&mut charged, now), one.charge(&mut fresh, now));
        assert_eq!(charged, fresh);
        let mut fresh = Record::default();
        assert_eq!(engine::lock(&mut locked, None, now), engine::lock(&mut fresh, None, now));
        assert_eq!(locked, fresh);
    }
}

#[test]
fn a_record_is_kept_as_long_as_anything_in_it_matters() {
    let one = One::with(OnSuccess::Clear);
    let grace = |at: Timestamp| Some(at.saturating_add(Record::GRACE));
    let mut record = Record::default();
    let charge = one.charge(&mut record, NOON);
    assert_eq!(record.expires_at, grace(after(100)), "its failures");
    one.settle(&mut record, &charge, Outcome::Success, after(1));
    assert_eq!(record.expires_at, grace(after(1)), "nothing but the time");

    let mut locked = Record::default();
    assert!(engine::lock(&mut locked, Some(after(50)), NOON));
    assert_eq!(locked.expires_at, grace(after(50)), "an operator's lock");
    let mut both = Record::default();
    one.charge(&mut both, NOON);
    assert!(engine::lock(&mut both, Some(after(50)), NOON));
    assert_eq!(both.expires_at, grace(after(100)), "failures that outlive the lock");
    assert!(!engine::lock(&mut both, None, NOON));
    assert_eq!(both.expires_at, None, "a lock without end");
}

#[test]
fn a_lock_that_is_over_before_it_begins_is_none() {
    let mut record = Record::default();
    assert!(!engine::lock(&mut record, Some(NOON), NOON));
    assert_eq!(record, Record::default());
}

#[test]
fn a_place_is_free_exactly_when_the_subject_stands_free() {
    let one = One::with(OnSuccess::Clear);
    let mut record = Record::default();
    let mut seen = Vec::new();
    for seconds in [0, 0, 1, 29, 30, 99, 100, 101, 250] {
        let now = after(seconds);
        let standing = engine::standing(&record, now);
        assert_eq!(engine::is_free(&record, now), standing == Standing::Free, "{standing:?}");
        seen.push(std::mem::discriminant(&standing));
        if standing == Standing::Free {
            one.charge(&mut record, now);
        }
    }
    seen.dedup();
    assert!(seen.len() >= 4, "free, busy, locked and free again");
}

#[test]
fn settling_a_failure_twice_confirms_once() {
    let one = One::with(OnSuccess::Clear);
    let mut record = Record::default();
    one.charge(&mut record, NOON);
    let last = one.charge(&mut record, NOON);
    let first = one.settle(&mut record, &last, Outcome::Failure, after(1));
    assert!(matches!(first, Settled::Locked(lock) if lock.until == Some(after(101))));
    assert_eq!(one.settle(&mut record, &last, Outcome::Failure, after(2)), Settled::Quiet);
    assert_eq!(record.lock_at(after(2)).unwrap().until, Some(after(101)));
}
