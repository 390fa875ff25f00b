//! Faults of one token, put into the scripts one at a time: the differential driver must find each.
//! A driver that accepts a wrong script proves nothing about the right one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lockout_testkit::conformance::block_on;
use lockout_testkit::differential;
use lockout_testkit::servers::TestRedis;

use crate::scripts::{CLEAR, LOCK, RESERVE, SETTLE, Scripts};
use crate::store::RedisStore;

/// In which scripts, what stands there once, and what is put in its place.
type Fault = (&'static [&'static str], &'static str, &'static str);

const ALL: &[&str] = &[RESERVE, SETTLE, LOCK, CLEAR];

const FAULTS: &[Fault] = &[
    // What every script reads and writes.
    (ALL, "return math.max(time, touched)", "return math.min(time, touched)"),
    (&[RESERVE, SETTLE], "math.max(1, limit)) - 1", "math.max(1, limit))"),
    (&[RESERVE, SETTLE], "entries - 1)", "entries - 2)"),
    (&[RESERVE, SETTLE], "lasts + jitter", "lasts"),
    (
        &[RESERVE, SETTLE],
        "if lasts == 0 then return NEVER end",
        "if lasts == 0 then return now end",
    ),
    (&[SETTLE], "failures > 0 and forgotten > last", "failures > 1 and forgotten > last"),
    (ALL, "(operator and 24 or 8)", "(operator and 8 or 24)"),
    (ALL, "if forgotten == NEVER then", "if forgotten ~= NEVER then"),
    (ALL, "call('ZADD', index, score", "call('ZREM', index, score"),
    // The short way.
    (&[RESERVE], "if failures >= tolerates then", "if failures > tolerates then"),
    (&[RESERVE], "time >= touched + forgotten)", "time > touched + forgotten)"),
    (
        &[RESERVE],
        "charged + 1, uncleared + 1, failures + 1, cooloff",
        "charged + 1, uncleared + 1, failures, cooloff",
    ),
    (
        &[RESERVE],
        "charged + 1, uncleared + 1, failures + 1, cooloff",
        "charged + 1, uncleared, failures + 1, cooloff",
    ),
    (&[RESERVE], "if old > 3 or time < touched", "if old > 3"),
    // The long way.
    (&[RESERVE], "ends > now then refusing", "ends >= now then refusing"),
    (&[RESERVE], "refusing >= enough", "refusing > enough"),
    (&[RESERVE], "if lock ~= '' and ends <= now", "if lock ~= '' and ends < now"),
    (&[RESERVE], "if forgets == 1", "if forgets == 0"),
    (&[RESERVE], "(not operator or failures > limit)", "(not operator)"),
    (&[RESERVE], "if now >= forgotten then", "if now > forgotten then"),
    (&[RESERVE], "if by > 0 then marks", "if by > 1 then marks"),
    (&[RESERVE], "if failures > limit and lock == ''", "if failures >= limit and lock == ''"),
    (&[RESERVE], "lease > 0 and now + lease or 0", "lease > 0 and now or 0"),
    (&[RESERVE], "if by == 0 then marks = mark", "if by == 1 then marks = mark"),
    // Settling.
    (&[SETTLE], "place == 2 or", "place == 3 or"),
    (&[SETTLE], "lock_at == number and lapses > 0)", "lock_at ~= number and lapses > 0)"),
    (&[SETTLE], "math.max(0, earlier - 1)", "earlier"),
    (&[SETTLE], "since, ends = now, anew", "ends = anew"),
    (&[SETTLE], "if by == 2 or anew > ends", "if anew > ends"),
    (&[SETTLE], "if by == 2 or anew > ends", "if by == 2 or anew < ends"),
    (&[SETTLE], "failures = math.min(failures, uncleared)", "failures = 0"),
    (&[SETTLE], "lock_at <= number", "lock_at < number"),
    (&[SETTLE], "lifts = lock ~= '' and not operator", "lifts = lock ~= ''"),
    (&[SETTLE], "math.max(0, failures - 1)", "math.max(0, failures - 2)"),
    (&[SETTLE], "if charged == number then forgotten", "if charged ~= number then forgotten"),
    (&[SETTLE], "now < lapses and failures <= limit", "now < lapses and failures < limit"),
    (
        &[SETTLE],
        "if by == 0 then marks = unmark(marks, since)",
        "if by == 1 then marks = unmark(marks, since)",
    ),
    (&[SETTLE], "if unmarks == 1", "if unmarks == 0"),
    // What operators do.
    (&[LOCK], "if was_until > ends then", "if was_until < ends then"),
    (&[LOCK], "if now >= lapses then", "if now < lapses then"),
    (&[LOCK], "since = began", "since = now"),
    (&[LOCK], "ends, 0), true, marks", "ends, 0), false, marks"),
    (&[CLEAR], "charged, 0, 0, forgotten, ''", "charged, 0, 1, forgotten, ''"),
    (&[CLEAR], "forgotten, '', false, marks", "forgotten, lock, false, marks"),
];

fn faulty(fault: &Fault) -> Scripts {
    let (sources, right, wrong) = fault;
    Scripts::new(|source| {
        if !sources.contains(&source) {
            return source.to_owned();
        }
        assert!(source.contains(right), "no longer in the script: {right}");
        source.replacen(right, wrong, 1)
    })
}

/// Whether random histories on a store with these scripts differ from the engine's.
fn is_found(scripts: impl Fn() -> Scripts, seeds: u64) -> bool {
    let differs = |seed| {
        let play = || {
            block_on(async {
                let TestRedis { url, prefix } = TestRedis::shared().expect("a server starts");
                let store = RedisStore::builder().prefix(prefix).open(&url).expect("a store");
                let store = store.with_scripts(scripts());
                differential::run(Arc::new(store), seed, 10).await;
            });
        };
        catch_unwind(AssertUnwindSafe(play)).is_err()
    };
    (0..seeds).any(differs)
}

#[test]
fn every_fault_of_one_token_is_found() {
    assert!(!is_found(|| Scripts::new(str::to_owned), 3), "the right scripts differ");
    let missed: Vec<_> = FAULTS
        .iter()
        .filter(|fault| !is_found(|| faulty(fault), 40))
        .map(|fault| fault.1)
        .collect();
    assert!(missed.is_empty(), "not found: {missed:#?}");
}
