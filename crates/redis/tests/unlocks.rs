//! News of unlocks, across whatever happens to the server.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use lockout_core::{
    Clock as _, LockoutStore as _, StoreErrorKind, Subject, SystemClock, UnlockNotice,
};
use lockout_redis::redis::Client;
use lockout_redis::redis::aio::ConnectionManager;
use lockout_redis::{RedisStore, UnlockWatch};
use lockout_testkit::servers::{Proxy, RedisServer};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A lost subscription is made anew within two seconds, and a busy machine needs some more.
const MARGIN: Duration = Duration::from_secs(7);

fn watch(store: &RedisStore) -> (UnlockWatch, UnboundedReceiver<UnlockNotice>) {
    let (told, notices) = unbounded_channel();
    (store.watch_unlocks(move |notice| drop(told.send(notice))).unwrap(), notices)
}

/// The next notice, which comes soon.
async fn next(notices: &mut UnboundedReceiver<UnlockNotice>) -> UnlockNotice {
    tokio::time::timeout(MARGIN, notices.recv()).await.expect("a notice comes soon").unwrap()
}

/// The first notice that names somebody, and how often some may have been missed before.
async fn next_name(notices: &mut UnboundedReceiver<UnlockNotice>) -> (usize, Subject) {
    let mut missed = 0;
    loop {
        match next(notices).await {
            UnlockNotice::Missed => missed += 1,
            UnlockNotice::Unlocked(subject) => return (missed, subject),
        }
    }
}

/// Locks and unlocks, as another node would.
async fn unlock(url: &str, name: &str) -> Subject {
    let (store, subject) = (RedisStore::open(url).unwrap(), Subject::username(name).unwrap());
    assert!(store.lock(&subject, None, SystemClock.now()).await.unwrap());
    assert!(store.clear(&subject, SystemClock.now()).await.unwrap());
    subject
}

/// Waits until the server counts so many subscribers.
async fn subscribers(server: &RedisServer, wanted: usize) {
    let start = Instant::now();
    loop {
        let count = server.cli(&["PUBSUB", "NUMSUB", "lockout:unlocked"]).unwrap();
        if count == format!("lockout:unlocked\n{wanted}") {
            return;
        }
        assert!(start.elapsed() < MARGIN, "{count}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unlocks_are_told_and_nothing_else() {
    let server = RedisServer::start().unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    let (_watch, mut notices) = watch(&store);
    assert_eq!(next(&mut notices).await, UnlockNotice::Missed, "what was before is not known");
    let (alice, odd) = (Subject::username("alice").unwrap(), Subject::username("a:b|c{}").unwrap());
    let now = SystemClock.now();
    assert!(!store.clear(&alice, now).await.unwrap(), "nobody was locked");
    assert!(store.lock(&alice, None, now).await.unwrap());
    assert!(store.lock(&odd, None, now).await.unwrap());
    assert!(store.clear(&odd, now).await.unwrap());
    assert!(store.clear(&alice, now).await.unwrap());
    assert_eq!(next(&mut notices).await, UnlockNotice::Unlocked(odd));
    assert_eq!(next(&mut notices).await, UnlockNotice::Unlocked(alice));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_fallen_silent_is_noticed() {
    let server = RedisServer::start().unwrap();
    let proxy = Proxy::to(server.address()).unwrap();
    let builder = RedisStore::builder().timeout(Duration::from_millis(200));
    let (_watch, mut notices) =
        watch(&builder.open(&format!("redis://{}/", proxy.address())).unwrap());
    assert_eq!(next(&mut notices).await, UnlockNotice::Missed);
    proxy.stall(true);
    assert_eq!(next(&mut notices).await, UnlockNotice::Missed);
    proxy.stall(false);
    let start = Instant::now();
    // What is unlocked before it listens again is not told.
    loop {
        let alice = unlock(&server.url(), "alice").await;
        let told = tokio::time::timeout(Duration::from_millis(100), next_name(&mut notices)).await;
        if told.is_ok_and(|(_, subject)| subject == alice) {
            return;
        }
        assert!(start.elapsed() < MARGIN, "it does not listen again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_understands_may_be_any_unlock() {
    let server = RedisServer::start().unwrap();
    let (_watch, mut notices) = watch(&RedisStore::open(&server.url()).unwrap());
    assert_eq!(next(&mut notices).await, UnlockNotice::Missed);
    server.cli(&["PUBLISH", "lockout:unlocked", "junk"]).unwrap();
    assert_eq!(next(&mut notices).await, UnlockNotice::Missed);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_the_server_news_were_missed_and_come_again() {
    let mut server = RedisServer::start().unwrap();
    let (_watch, mut notices) = watch(&RedisStore::open(&server.url()).unwrap());
    assert_eq!(next(&mut notices).await, UnlockNotice::Missed);
    for name in ["alice", "bob"] {
        let unlocked = unlock(&server.url(), name).await;
        assert_eq!(next(&mut notices).await, UnlockNotice::Unlocked(unlocked));
        server.kill();
        assert_eq!(next(&mut notices).await, UnlockNotice::Missed, "told though it is down");
        server.restart().unwrap();
        subscribers(&server, 1).await;
        let unlocked = unlock(&server.url(), "carol").await;
        let (missed, subject) = next_name(&mut notices).await;
        assert_eq!(subject, unlocked);
        assert!(missed >= 1, "told again when the subscription stands");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_cut_or_refused_comes_again() {
    let server = RedisServer::start().unwrap();
    let proxy = Proxy::to(server.address()).unwrap();
    let store = RedisStore::open(&format!("redis://{}/", proxy.address())).unwrap();
    proxy.refuse(true);
    let (_watch, mut notices) = watch(&store);
    assert_eq!(next(&mut notices).await, UnlockNotice::Missed, "it begins while nobody answers");
    proxy.refuse(false);
    subscribers(&server, 1).await;
    let unlocked = unlock(&server.url(), "alice").await;
    assert_eq!(next_name(&mut notices).await.1, unlocked);
    server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]).unwrap();
    assert_eq!(next(&mut notices).await, UnlockNotice::Missed, "the server put it out");
    subscribers(&server, 1).await;
    let unlocked = unlock(&server.url(), "bob").await;
    assert_eq!(next_name(&mut notices).await.1, unlocked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_dropped_subscribes_no_more() {
    let server = RedisServer::start().unwrap();
    let store = RedisStore::open(&server.url()).unwrap();
    let (first, mut notices) = watch(&store);
    let (second, mut others) = watch(&store);
    subscribers(&server, 2).await;
    drop(first);
    subscribers(&server, 1).await;
    assert_eq!(server.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]).unwrap().lines().count(), 1);
    let unlocked = unlock(&server.url(), "alice").await;
    assert_eq!(next_name(&mut others).await.1, unlocked);
    while let Some(notice) = notices.recv().await {
        assert_eq!(notice, UnlockNotice::Missed);
    }
    drop((second, store));
    subscribers(&server, 0).await;
    assert_eq!(server.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]).unwrap(), "");
}

#[tokio::test]
async fn a_store_over_a_connection_that_was_given_cannot_subscribe() {
    let server = RedisServer::start().unwrap();
    let client = Client::open(server.url()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let manager = ConnectionManager::new(client.clone()).await.unwrap();
    for store in [
        RedisStore::builder().multiplexed(connection).unwrap(),
        RedisStore::builder().manager(manager).unwrap(),
    ] {
        let error = store.watch_unlocks(drop).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Config, "{error}");
    }
    let store = RedisStore::builder().client(client).unwrap();
    let (_watch, mut notices) = watch(&store);
    assert_eq!(next(&mut notices).await, UnlockNotice::Missed);
}
