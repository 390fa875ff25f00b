//! The engine alone, beside an addition and a comparison of a counter that expires.

use std::hint::black_box;
use std::sync::Mutex;

use lockout_core::{Outcome, Record, Reservation, Spread, Timestamp, engine};

use crate::scenario::{AtMost, Load, Scenario, attempts, policy};

const NOW: Timestamp = Timestamp::from_millis(1_000_000_000_000);

/// The scenarios of the engine.
///
/// # Panics
/// Never.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    vec![charge_and_settle(Outcome::Failure), charge_and_settle(Outcome::Success)]
}

fn charge_and_settle(outcome: Outcome) -> Scenario {
    let policy = policy(1, u32::MAX);
    let claims = policy.claims(&attempts()[0]);
    let record = Mutex::new(Record::default());
    let counter = Mutex::new((0_u64, 0_u64));
    let lock = "a mutex that nobody poisons";
    Scenario {
        what: format!("engine: charge + settle {outcome:?}").to_lowercase(),
        floor_name: "a counter that expires, under the same mutex",
        floor: Box::new(move |_| {
            let mut counter = counter.lock().expect(lock);
            if counter.1 < black_box(NOW.as_millis()) {
                *counter = (0, NOW.as_millis() + 300_000);
            }
            counter.0 += 1;
        }),
        ours: Box::new(move |_| {
            let reservation = Reservation::new(&policy, &claims, Spread::default());
            let rule = &policy.rules()[0];
            let mut record = record.lock().expect(lock);
            let charge = engine::charge(&reservation, rule, &mut record, black_box(NOW));
            let settled =
                engine::settle(&reservation, rule, &mut record, &charge, outcome, black_box(NOW));
            black_box(settled);
        }),
        load: Load::Hot,
        threads: 1,
        at_most: AtMost::Open,
    }
}
