//! What the store costs, as the server counts it.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use lockout_core::{
    Attempt, Clock as _, Decision, FakeClock, Guard, LockedQuery, LockoutStore as _, Policy,
    Refusal, Rule, Scope, Subject, Timestamp,
};
use lockout_redis::RedisStore;
use lockout_testkit::servers::RedisServer;

fn noon() -> FakeClock {
    FakeClock::at(Timestamp::from_millis(1_000_000_000_000))
}

fn guard(server: &RedisServer, policy: Policy) -> Guard {
    let store = RedisStore::open(&server.url()).unwrap();
    Guard::builder(store, policy).clock(noon()).build()
}

/// Usernames, addresses and pairs, each locked by the fourth failure.
fn three_rules() -> Policy {
    let rules = [Scope::Username, Scope::Ip, Scope::UsernameIp].into_iter();
    rules
        .fold(Policy::builder(), |policy, scope| policy.rule(Rule::builder(scope).failure_limit(3)))
        .build()
        .unwrap()
}

/// A figure of `INFO`, such as the bytes of `used_memory`.
fn info(server: &RedisServer, section: &str, name: &str) -> u64 {
    let text = server.cli(&["INFO", section]).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap().trim().parse().unwrap()
}

/// How many scripts clients have run. What a script calls is counted under other names.
fn scripts(server: &RedisServer) -> u64 {
    let text = server.cli(&["INFO", "commandstats"]).unwrap();
    let calls = |command: &str| {
        let line =
            text.lines().find_map(|line| line.strip_prefix(command)?.strip_prefix(":calls="));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    };
    calls("cmdstat_evalsha")
}

async fn admit(guard: &Guard, attempt: &Attempt) -> lockout_core::Permit {
    guard.begin(attempt).await.unwrap().admitted().unwrap()
}

#[tokio::test]
async fn each_step_of_an_attempt_is_one_command_and_a_failure_has_one_step() {
    let server = RedisServer::start().unwrap();
    let guard = guard(&server, three_rules());
    let alice = Attempt::new().username("alice").ip([192, 0, 2, 1]);
    // The scripts are loaded.
    admit(&guard, &Attempt::new().username("x").ip([192, 0, 2, 9])).await.succeed().await.unwrap();
    let mut seen = scripts(&server);
    let mut since = |server: &RedisServer| {
        let now = scripts(server);
        std::mem::replace(&mut seen, now).abs_diff(now)
    };
    admit(&guard, &alice).await.succeed().await.unwrap();
    assert_eq!(since(&server), 2, "a login that succeeds");
    for _ in 0..3 {
        admit(&guard, &alice).await.fail().await.unwrap();
        assert_eq!(since(&server), 1, "a login that fails");
    }
    assert_eq!(admit(&guard, &alice).await.fail().await.unwrap().locked.len(), 3);
    assert_eq!(since(&server), 2, "a login that fails and locks");
    assert!(matches!(
        guard.begin(&alice).await.unwrap(),
        Decision::Refused(Refusal::Locked { .. })
    ));
    assert_eq!(since(&server), 1, "a login that is refused");
    assert!(guard.check(&alice).await.unwrap().is_some());
    assert_eq!(since(&server), 0, "a check runs no script");
}

#[tokio::test]
async fn a_subject_takes_at_most_165_bytes() {
    const SUBJECTS: u64 = 120_000;
    let server = RedisServer::start().unwrap();
    let policy = Policy::builder().rule(Rule::builder(Scope::Username)).build().unwrap();
    let guard = guard(&server, policy);
    admit(&guard, &Attempt::new().username("warm-up-the-script")).await.fail().await.unwrap();
    let before = info(&server, "memory", "used_memory");
    for batch in 0..SUBJECTS / 100 {
        let fail = |number| {
            let guard = guard.clone();
            async move {
                let attempt = Attempt::new().username(&format!("user-{number:09}"));
                admit(&guard, &attempt).await.fail().await.unwrap();
            }
        };
        futures_util::future::join_all((batch * 100..batch * 100 + 100).map(fail)).await;
    }
    let each = (info(&server, "memory", "used_memory") - before) / SUBJECTS;
    assert!((100..=165).contains(&each), "{each} bytes");
    // And each of them goes by itself: a quarter later than the record itself.
    let key = server.cli(&["RANDOMKEY"]).unwrap();
    let lives: u64 = server.cli(&["PTTL", &key]).unwrap().parse().unwrap();
    assert!((310_000..=387_500).contains(&lives), "{lives} ms");
}

#[tokio::test]
async fn a_key_outlives_its_record_though_few_failures_set_its_time_to_live() {
    const STEP: u64 = 20_000;
    let server = RedisServer::start().unwrap();
    let clock = noon();
    let rule = Rule::builder(Scope::Username).failure_limit(100);
    let policy = Policy::builder().rule(rule).build().unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    let guard = Guard::builder(store, policy).clock(clock.clone()).build();
    let alice = Attempt::new().username("alice");
    admit(&guard, &alice).await.fail().await.unwrap();
    let key = server.cli(&["RANDOMKEY"]).unwrap();
    let key = key.trim();
    let lives = || -> u64 { server.cli(&["PTTL", key]).unwrap().trim().parse().unwrap() };
    let mut set = 0;
    for _ in 0..40 {
        // The server's clock is not the test's: its time goes by here.
        clock.advance(std::time::Duration::from_millis(STEP));
        let left = lives() - STEP;
        server.cli(&["PEXPIRE", key, &left.to_string()]).unwrap();
        admit(&guard, &alice).await.fail().await.unwrap();
        let lives = lives();
        assert!(lives >= 310_000, "the record is kept for 310 s more, the key for {lives} ms");
        set += u32::from(lives > left);
    }
    // 800 s are ten quarters of 310 s, and a bit.
    assert!((10..=11).contains(&set), "set by {set} of 40 failures");
}

#[tokio::test]
async fn each_key_of_an_attempt_lives_as_long_as_its_own_record() {
    let server = RedisServer::start().unwrap();
    let rule = |scope, minutes: u64| {
        let cooloff = std::time::Duration::from_secs(60 * minutes);
        Rule::builder(scope).failure_limit(100).cooloff(cooloff)
    };
    let rules = Policy::builder().rule(rule(Scope::Username, 5)).rule(rule(Scope::Ip, 60));
    let guard = guard(&server, rules.build().unwrap());
    let alice = Attempt::new().username("alice").ip([192, 0, 2, 1]);
    let lives = |letter: &str| -> u64 {
        let key = server.cli(&["KEYS", &format!("*:{letter}:*")]).unwrap();
        server.cli(&["PTTL", key.trim()]).unwrap().trim().parse().unwrap()
    };
    admit(&guard, &alice).await.fail().await.unwrap();
    assert!((310_000..=387_500).contains(&lives("u")), "{} ms", lives("u"));
    assert!((3_610_000..=4_512_500).contains(&lives("i")), "{} ms", lives("i"));
    // The name's failures are forgotten, the address's are not.
    admit(&guard, &alice).await.succeed().await.unwrap();
    assert!((1..=12_500).contains(&lives("u")), "{} ms", lives("u"));
    assert!((3_610_000..=4_512_500).contains(&lives("i")), "{} ms", lives("i"));
}

#[tokio::test]
async fn listing_reads_what_is_locked_and_nothing_else() {
    let server = RedisServer::start().unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    let now = noon().now();
    // A hundred thousand records, of which a hundred are locked.
    server
        .cli(&[
            "EVAL",
            "for i = 1, 100000 do redis.call('SET', KEYS[1] .. i, 'x') end",
            "1",
            "lockout:{00}:u:n",
        ])
        .unwrap();
    for number in 0..100_u64 {
        let subject = Subject::username(&format!("locked-{number}")).unwrap();
        let until = now.saturating_add(std::time::Duration::from_secs(60 + number));
        assert!(store.lock(&subject, Some(until), now).await.unwrap());
    }
    server.cli(&["CONFIG", "RESETSTAT"]).unwrap();
    let query = LockedQuery { limit: 30, ..LockedQuery::default() };
    assert_eq!(store.locked(&query, now).await.unwrap().items.len(), 30);
    let stats = server.cli(&["INFO", "commandstats"]).unwrap();
    for line in stats.lines().filter(|line| line.starts_with("cmdstat_")) {
        let allowed = ["zrangebyscore", "mget", "info", "config", "auth", "hello", "client"];
        assert!(
            allowed.iter().any(|command| line.starts_with(&format!("cmdstat_{command}"))),
            "{line}"
        );
    }
    // What is over leaves the list when somebody else comes, and the list goes with its last lock.
    let lists = || -> u64 {
        let keys = server.cli(&["EVAL", "local n = 0 for _, key in ipairs(redis.call('KEYS', '*:locked')) do n = n + redis.call('ZCARD', key) end return n", "0"]);
        keys.unwrap().parse().unwrap()
    };
    assert_eq!(lists(), 100);
    let later = now.saturating_add(std::time::Duration::from_secs(600));
    for number in 0..100 {
        let subject = Subject::username(&format!("locked-{number}")).unwrap();
        store
            .lock(&subject, Some(later.saturating_add(std::time::Duration::from_secs(1))), later)
            .await
            .unwrap();
        store.clear(&subject, later).await.unwrap();
    }
    assert_eq!(lists(), 0);
}
