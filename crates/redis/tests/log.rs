//! The log in streams, on a real server and on a Cluster.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::Duration;

use lockout_core::{
    Attempt, AttemptEntry, AttemptLog, AttemptQuery, Clock as _, Effect, LoggedOutcome,
    StoreErrorKind, SystemClock, Timestamp, Username,
};
use lockout_redis::{RedisLog, RedisStore};
use lockout_testkit::log_suite;
#[cfg(feature = "cluster")]
use lockout_testkit::servers::TestCluster;
use lockout_testkit::servers::{RedisServer, TestRedis};

const NOON: Timestamp = Timestamp::from_millis(1_000_000_000_000);

/// A log that is empty, since nobody else has its prefix.
fn log() -> RedisLog {
    let TestRedis { url, prefix } = TestRedis::shared().expect("a server starts");
    RedisStore::builder().prefix(prefix).open(&url).expect("a store").log()
}

log_suite!(redis, log());
log_suite!(shared, Arc::new(log()) as Arc<dyn AttemptLog>);

#[cfg(feature = "cluster")]
fn on_cluster() -> RedisLog {
    let TestCluster { urls, prefix } = TestCluster::shared().expect("a cluster starts");
    let urls = urls.iter().map(String::as_str);
    RedisStore::builder().prefix(prefix).open_cluster(urls).expect("a store").log()
}

#[cfg(feature = "cluster")]
log_suite!(cluster, on_cluster());

fn at(millis: u64, attempt: &Attempt) -> AttemptEntry {
    AttemptEntry::new(
        NOON.saturating_add(Duration::from_millis(millis)),
        attempt,
        LoggedOutcome::Failed,
    )
}

fn alice() -> Attempt {
    Attempt::new().username("alice").ip([192, 0, 2, 1])
}

async fn count(log: &RedisLog, query: &AttemptQuery) -> usize {
    let (mut query, mut count) = (query.clone(), 0);
    loop {
        let page = log.recent(&query).await.unwrap();
        count += page.items.len();
        query.after = page.next;
        if query.after.is_none() {
            return count;
        }
    }
}

#[tokio::test]
async fn what_is_over_goes_by_itself() {
    let log = log().capacity(500).each(100);
    let all = AttemptQuery::default();
    let named = AttemptQuery { username: Username::new("alice"), ..all.clone() };
    for chunk in 0..20 {
        let entries: Vec<_> = (0..100).map(|millis| at(chunk * 100 + millis, &alice())).collect();
        log.append(&entries).await.unwrap();
    }
    // The server deletes whole pieces.
    assert!((500..700).contains(&count(&log, &all).await));
    assert!((100..300).contains(&count(&log, &named).await));
    let log = log.expiration(Duration::from_secs(1));
    log.append(&[at(4000, &alice())]).await.unwrap();
    let left = count(&log, &all).await;
    assert!(left < 200, "{left}");
}

#[tokio::test]
async fn every_stream_has_a_time_to_live() {
    let server = RedisServer::start().unwrap();
    let log = RedisStore::open(&server.url()).unwrap().log().expiration(Duration::from_secs(100));
    log.append(&[at(0, &alice())]).await.unwrap();
    let keys = server.cli(&["KEYS", "*"]).unwrap();
    assert_eq!(keys.lines().count(), 3, "{keys}");
    for key in keys.lines() {
        let left: u64 = server.cli(&["PTTL", key]).unwrap().trim().parse().unwrap();
        assert!((100_000..=125_000).contains(&left), "{key}: {left}");
    }
}

#[tokio::test]
async fn a_clock_that_is_far_ahead_pushes_nobody_else_ahead() {
    let log = log();
    let now = SystemClock.now();
    let day = Duration::from_secs(86_400);
    let ahead = AttemptEntry::new(now.saturating_add(day), &alice(), LoggedOutcome::Failed);
    let next = AttemptEntry::new(now, &alice(), LoggedOutcome::Succeeded);
    log.append(&[ahead.clone(), next.clone()]).await.unwrap();
    let page = log.recent(&AttemptQuery::default()).await.unwrap();
    assert_eq!(page.items, [next.clone(), ahead]);
    let minutes = |minutes: u64| now.saturating_add(Duration::from_secs(60 * minutes));
    let query = AttemptQuery { until: Some(minutes(2)), ..AttemptQuery::default() };
    assert_eq!(log.recent(&query).await.unwrap().items, [next]);
    assert_eq!(log.prune(minutes(2), 10).await.unwrap(), 2);
}

#[tokio::test]
async fn what_is_no_entry_is_an_error_and_stays() {
    let server = RedisServer::start().unwrap();
    let log = RedisStore::open(&server.url()).unwrap().log();
    log.append(&[at(0, &Attempt::new())]).await.unwrap();
    let key = server.cli(&["KEYS", "*"]).unwrap().trim().to_owned();
    server.cli(&["XADD", &key, "*", "e", "something else"]).unwrap();
    let error = log.recent(&AttemptQuery::default()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    server.cli(&["DEL", &key]).unwrap();
    server.cli(&["SET", &key, "1"]).unwrap();
    let error = log.append(&[at(0, &Attempt::new())]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn a_server_that_is_gone_is_an_outage_that_changed_nothing() {
    let server = RedisServer::start().unwrap();
    let log = RedisStore::open(&server.url()).unwrap().log();
    log.append(&[at(0, &alice())]).await.unwrap();
    drop(server);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = log.append(&[at(1, &alice())]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    let error = log.append(&[at(1, &alice())]).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Unavailable, Effect::None));
}

#[tokio::test]
async fn a_name_that_a_flood_makes_up_costs_no_more_than_a_known_one() {
    const NAMES: u64 = 2_000;
    let server = RedisServer::start().unwrap();
    let log = RedisStore::open(&server.url()).unwrap().log();
    let used = || {
        let info = server.cli(&["INFO", "memory"]).unwrap();
        let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
        line.trim().parse::<u64>().unwrap()
    };
    let browser = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    let attempt = |name: u64, host: u64| {
        let [.., high, low] = host.to_be_bytes();
        let attempt = Attempt::new().username(&format!("user-{name:06}")).ip([10, 0, high, low]);
        attempt.user_agent(browser).accept("text/html,*/*").path("/accounts/login")
    };
    let mut figures = Vec::new();
    for (first, names, hosts) in [(0, NAMES, NAMES), (100_000, 10, 10)] {
        log.append(&[at(0, &attempt(first, first))]).await.unwrap();
        let before = used();
        let entry = |n| at(n, &attempt(first + n % names, first + n % hosts));
        log.append(&(0..NAMES).map(entry).collect::<Vec<_>>()).await.unwrap();
        figures.push((used() - before) / NAMES);
    }
    println!("bytes for each attempt: {figures:?}, of new names and addresses, and of known ones");
    assert!(figures.iter().all(|bytes| *bytes < 1_000), "{figures:?}");
}
