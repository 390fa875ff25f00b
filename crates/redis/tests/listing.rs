//! Listing a thousand locked subjects among a million others.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;

use lockout_core::{
    Attempt, FakeClock, Guard, LockedQuery, LockoutStore as _, Policy, Rule, Scope, Subject,
    Timestamp,
};
use lockout_redis::RedisStore;
use lockout_testkit::servers::RedisServer;

const NOON: Timestamp = Timestamp::from_millis(1_000_000_000_000);
const OTHERS: u64 = 1_000_000;
const LOCKED: u64 = 1_000;
const BUCKETS: u64 = 1_024;
const LIMIT: usize = 100;
const PAGES: u64 = 10;

/// Copies one record to other subjects in every bucket.
const FILL: &str = "\
local digits = '0123456789abcdefghijklmnopqrstuv'
local function digit(n) return digits:sub(n % 32 + 1, n % 32 + 1) end
local record = redis.call('GET', KEYS[1])
for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local bucket = digit(math.floor(i / 32)) .. digit(i)
  redis.call('SET', 'lockout:{' .. bucket .. '}:u:other-' .. i, record, 'EX', 86400)
end";

/// A number of `INFO`: what follows `head` in a line of its own.
fn info(server: &RedisServer, section: &str, head: &str) -> u64 {
    let text = server.cli(&["INFO", section]).unwrap();
    let number = text.lines().find_map(|line| line.strip_prefix(head));
    number.map_or(0, |number| number.split(',').next().unwrap().parse().unwrap())
}

fn calls(server: &RedisServer, command: &str) -> u64 {
    info(server, "commandstats", &format!("cmdstat_{command}:calls="))
}

/// A million records that are not locked.
async fn fill(server: &RedisServer, store: &RedisStore) {
    let name = Rule::builder(Scope::Username).failure_limit(3);
    let policy = Policy::builder().rule(name).build().unwrap();
    let guard = Guard::builder(store.clone(), policy).clock(FakeClock::at(NOON)).build();
    let permit = guard.begin(&Attempt::new().username("one")).await.unwrap().admitted().unwrap();
    permit.fail().await.unwrap();
    let one = server.cli(&["RANDOMKEY"]).unwrap();
    for chunk in 0..20 {
        let (first, end) = (chunk * OTHERS / 20, (chunk + 1) * OTHERS / 20);
        let (first, last) = (first.to_string(), (end - 1).to_string());
        server.cli(&["EVAL", FILL, "1", &one, &first, &last]).unwrap();
    }
}

#[tokio::test]
async fn each_of_a_thousand_among_a_million_is_listed_once_and_the_million_is_not_read() {
    let server = RedisServer::start().unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    fill(&server, &store).await;
    let names = (0..LOCKED).map(|number| Subject::username(&format!("locked-{number}")).unwrap());
    let locked: BTreeSet<_> = names.collect();
    let lock = async |subject| assert!(store.lock(subject, None, NOON).await.unwrap());
    futures_util::future::join_all(locked.iter().map(lock)).await;
    assert_eq!(server.cli(&["DBSIZE"]).unwrap().parse::<u64>().unwrap() / OTHERS, 1);
    server.cli(&["CONFIG", "RESETSTAT"]).unwrap();

    let mut query = LockedQuery { limit: LIMIT, ..LockedQuery::default() };
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = store.locked(&query, NOON).await.unwrap();
        assert!(page.items.len() <= LIMIT);
        seen.extend(page.items.into_iter().map(|lockout| lockout.subject));
        pages += 1;
        assert!(pages <= PAGES, "the same ones come again");
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!((pages, seen.len()), (PAGES, locked.len()));
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), locked);

    let stats = server.cli(&["INFO", "commandstats"]).unwrap();
    let commands =
        stats.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split(':').next());
    for command in commands {
        let allowed = ["zrangebyscore", "mget", "info", "config|resetstat"].contains(&command);
        assert!(allowed, "{command} was called");
    }
    // Each page looks at its own buckets, and once more at those that the page before began.
    let lists = calls(&server, "zrangebyscore");
    assert!((BUCKETS..3 * BUCKETS).contains(&lists), "{lists} lists were read");
    let reads = calls(&server, "mget");
    assert!(reads < 5 * PAGES, "{reads} times records were read");
    let keys =
        info(&server, "stats", "keyspace_hits:") + info(&server, "stats", "keyspace_misses:");
    let records = keys - lists;
    assert!((LOCKED..3 * LOCKED).contains(&records), "{records} records were read");
}
