//! Faults of one token, put into the scripts one at a time: the differential driver must find each.
//! A driver that accepts a wrong script proves nothing about the right one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lockout_core::{
    Charge, LockedQuery, Lockout, LockoutStore, Outcome, Page, Reservation, Reserved, Result,
    Settlement, Subject, Timestamp,
};
use lockout_testkit::conformance::block_on;
use lockout_testkit::differential;
use lockout_testkit::servers::TestRedis;

use crate::keys::subject_of;
use crate::packed::unpack;
use crate::scripts::{CLEAR, LOCK, RESERVE, SETTLE, SETTLE_ONCE, Scripts, UNDO};
use crate::store::RedisStore;

/// In which scripts, what stands there once, and what is put in its place.
type Fault = (&'static [&'static str], &'static str, &'static str);

const ALL: &[&str] = &[RESERVE, SETTLE, LOCK, CLEAR];
const ONCE: &[&str] = &[SETTLE_ONCE, UNDO];

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
    // The short ways.
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
    (&[RESERVE], "lives + (lives - lives % 4) / 4", "lives - (lives - lives % 4) / 4"),
    (&[SETTLE], "if outcome == 0 or flags > 3", "if flags > 3"),
    (&[SETTLE], "flags > 3 or time < touched or", "flags > 3 or"),
    (&[SETTLE], "(flags < 2 and time >= touched", "(flags < 2 and time <= touched"),
    (&[SETTLE], "if number > charged - uncleared", "if number < charged - uncleared"),
    (&[SETTLE], "if outcome == 2 then", "if outcome == 1 then"),
    (&[SETTLE], "if number == charged then", "if number ~= charged then"),
    (&[SETTLE], "if failures > 0 then failures = failures - 1 end", ""),
    (&[SETTLE], "if failures > uncleared then", "if failures < uncleared then"),
    (&[SETTLE], "number < charged and charged - number", "number < charged and number"),
    (&[SETTLE], "elseif forgotten > time then", "elseif forgotten < time then"),
    (&[SETTLE], "if flags == 1 then flags, kept = 3, 0", "if flags == 1 then flags = 3"),
    (&[SETTLE], "else kept = forgets + GRACE end", "else kept = GRACE end"),
    (&[SETTLE], "kept + (kept - kept % 4) / 4", "kept - (kept - kept % 4) / 4"),
    // The long ways.
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

/// Of what a Cluster needs besides.
const FAULTS_APART: &[Fault] = &[
    (ONCE, "{ answered ~= '' and answered }", "{ answered == '' and answered }"),
    (ONCE, "call('GET', KEYS[1]) or ''", "''"),
    (&[UNDO], "if call('GET', KEYS[1]) == left then", "if call('GET', KEYS[1]) ~= left then"),
    (&[UNDO], "if before == '' then", "if before ~= '' then"),
    (&[UNDO], "    call('DEL', KEYS[1])", "    call('GET', KEYS[1])"),
    (&[UNDO], "call('SET', KEYS[1], before, 'PX'", "call('SET', KEYS[1], left, 'PX'"),
    (&[UNDO], "    call('SET', KEYS[1], before)\n", "    call('SET', KEYS[1], left)\n"),
    (&[UNDO], "list(KEYS[1], KEYS[2], ends,", "list(KEYS[1], KEYS[2], 0,"),
    (&[UNDO], "if flags >= 8 then\n    --", "if flags >= 32 then\n    --"),
];

/// Runs a script twice, as if a client that is not sure had sent it again.
fn twice(script: &str) -> String {
    format!("local function script()\n{script}\nend\nscript()\nreturn script()")
}

/// A store on one server that does as in a Cluster, except that it does not foresee that a later
/// subject refuses: so it has much to take back.
#[derive(Debug)]
struct Apart(RedisStore);

#[async_trait]
impl LockoutStore for Apart {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        self.0.charge_in_turn(reservation, now).await
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        self.0.settle(reservation, charges, outcome, now).await
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        self.0.status(subjects, now).await
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        self.0.lock(subject, until, now).await
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        self.0.clear(subject, now).await
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        self.0.locked(query, now).await
    }
}

/// How the subjects of an attempt are charged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Together,
    Apart,
}

fn store(
    TestRedis { url, prefix }: &TestRedis,
    way: Way,
    change: impl Fn(&'static str) -> String,
) -> Arc<dyn LockoutStore> {
    let store = RedisStore::builder().prefix(prefix).open(url).expect("a store");
    if way == Way::Together {
        return Arc::new(store.with_scripts(Scripts::new(change), false));
    }
    let again = |source: &'static str| match source {
        SETTLE_ONCE | UNDO => twice(&change(source)),
        _ => change(source),
    };
    Arc::new(Apart(store.with_scripts(Scripts::new(again), true)))
}

/// Plays random histories on such a store, and looks that none of its keys goes before its record.
fn play(way: Way, change: impl Fn(&'static str) -> String, seed: u64, histories: u64) {
    let began = Instant::now();
    let server = TestRedis::shared().expect("a server starts");
    block_on(async { differential::run(store(&server, way, change), seed, histories).await });
    let client = redis::Client::open(server.url).expect("a URL");
    let mut connection = client.get_connection().expect("a connection");
    let mut keys: Vec<String> = redis::cmd("KEYS")
        .arg(format!("{}:*", server.prefix))
        .query(&mut connection)
        .expect("keys");
    keys.retain(|key| subject_of(&key[server.prefix.len() + ":{00}:".len()..]).is_some());
    let mut pipe = redis::pipe();
    for key in &keys {
        pipe.get(key).pttl(key);
    }
    let found: Vec<redis::Value> = pipe.query(&mut connection).expect("records");
    assert!(!found.is_empty());
    for (key, pair) in keys.iter().zip(found.chunks(2)) {
        let [redis::Value::BulkString(value), redis::Value::Int(lives)] = pair else {
            continue;
        };
        let record = unpack(value).expect("a record");
        let lives = u64::try_from(*lives).ok().map(Duration::from_millis);
        let is_kept = match record.expires_at.map(|end| end.saturating_since(record.touched)) {
            Some(kept) => lives.is_none_or(|lives| lives + began.elapsed() >= kept),
            None => lives.is_none(),
        };
        assert!(is_kept, "{key} lives for {lives:?}: {record:?}");
    }
}

/// Whether random histories on such a store differ from the engine's.
fn is_found(way: Way, change: impl Fn(&'static str) -> String, seeds: u64) -> bool {
    (0..seeds).any(|seed| catch_unwind(AssertUnwindSafe(|| play(way, &change, seed, 10))).is_err())
}

fn missed(way: Way, faults: &[Fault]) -> Vec<&'static str> {
    assert!(!is_found(way, str::to_owned, 3), "the right scripts differ");
    let is_missed = |(sources, right, wrong): &&Fault| {
        let change = |source: &'static str| {
            if !sources.contains(&source) {
                return source.to_owned();
            }
            assert!(source.contains(right), "no longer in the script: {right}");
            source.replacen(right, wrong, 1)
        };
        !is_found(way, change, 40)
    };
    faults.iter().filter(is_missed).map(|fault| fault.1).collect()
}

#[test]
fn every_fault_of_one_token_is_found() {
    assert_eq!(missed(Way::Together, FAULTS), [""; 0]);
}

#[test]
fn every_fault_of_one_token_is_found_where_subjects_are_apart() {
    assert_eq!(missed(Way::Apart, FAULTS_APART), [""; 0]);
}

#[test]
fn taking_back_equals_the_engine_on_random_histories() {
    play(Way::Apart, str::to_owned, 0xa9a7, 100);
}
