//! What is different in a Cluster.

#![cfg(feature = "cluster")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lockout_core::{
    Attempt, Effect, Guard, Policy, Refusal, Rule, Scope, StoreErrorKind, Subject, SystemClock,
    UnlockNotice,
};
use lockout_redis::redis::cluster::{ClusterClient, ClusterClientBuilder, NodeAddress};
use lockout_redis::{BuildError, RedisStore};
use lockout_testkit::servers::{Proxy, RedisCluster, RedisServer, TestCluster};

fn guard(store: RedisStore) -> Guard {
    let name = Rule::builder(Scope::Username).failure_limit(3);
    let address = Rule::builder(Scope::Ip).failure_limit(3);
    Guard::new(store, Policy::builder().rule(name).rule(address).build().unwrap())
}

fn from(name: &str, host: u8) -> Attempt {
    Attempt::new().username(name).ip([192, 0, 2, host])
}

async fn admit(guard: &Guard, attempt: &Attempt) -> lockout_core::Permit {
    guard.begin(attempt).await.unwrap().admitted().unwrap()
}

/// A store on the cluster that other tests use as well, and its prefix.
fn store() -> RedisStore {
    let TestCluster { urls, prefix } = TestCluster::shared().unwrap();
    RedisStore::builder().prefix(prefix).open_cluster(urls.iter().map(String::as_str)).unwrap()
}

#[tokio::test]
async fn a_node_that_is_opened_as_if_it_were_alone_is_a_mistake() {
    let TestCluster { urls, prefix } = TestCluster::shared().unwrap();
    let guard = guard(RedisStore::builder().prefix(prefix).open(&urls[0]).unwrap());
    for number in 0..20 {
        let name = format!("name-{number}");
        let error = guard.begin(&from(&name, 1)).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Config, Effect::None));
        // A subject alone may be on this node.
        if let Err(error) = guard.begin(&Attempt::new().username(&name)).await {
            assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Config, Effect::None));
        }
    }
}

/// A client that reaches each node through a proxy.
fn behind_proxies(cluster: &RedisCluster) -> (Vec<Proxy>, ClusterClientBuilder) {
    let nodes = || cluster.masters().iter().chain(cluster.replicas()).map(RedisServer::address);
    let proxies: Vec<_> = nodes().map(|address| Proxy::to(address).unwrap()).collect();
    let address =
        |address: std::net::SocketAddr| NodeAddress::new(address.ip().to_string(), address.port());
    let map: HashMap<_, _> =
        nodes().map(address).zip(proxies.iter().map(|proxy| address(proxy.address()))).collect();
    (proxies, ClusterClient::builder(cluster.urls()).node_address_map(map))
}

#[tokio::test]
async fn whoever_is_refused_takes_no_place_from_anybody() {
    let guard = guard(store());
    for number in 0..4 {
        admit(&guard, &from(&format!("victim-{number}"), 1)).await.fail().await.unwrap();
    }
    // Address 1 is locked: all that it does now leaves the names alone.
    let refused = guard.begin(&from("alice", 1)).await.unwrap();
    assert!(matches!(refused.admitted(), Err(Refusal::Locked { .. })));
    assert_eq!(admit(&guard, &from("alice", 2)).await.failures_left(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_the_client_sends_twice_is_given_once() {
    let cluster = RedisCluster::start().unwrap();
    let (proxies, client) = behind_proxies(&cluster);
    let connection = client.retries(5).build().unwrap().get_async_connection().await.unwrap();
    let guard = guard(RedisStore::builder().cluster(connection).unwrap());
    // One subject, so one node: the proxies of the others stay as they are.
    let office = Attempt::new().ip([192, 0, 2, 1]);
    admit(&guard, &office).await.succeed().await.unwrap();
    for _ in 0..2 {
        admit(&guard, &office).await.fail().await.unwrap();
    }
    let permit = admit(&guard, &office).await;
    let connections = |proxies: &[Proxy]| proxies.iter().map(Proxy::connections).sum::<usize>();
    let before = connections(&proxies);
    proxies.iter().for_each(Proxy::cut_next_reply);
    // The client connects anew and sends it again.
    permit.succeed().await.unwrap();
    assert!(connections(&proxies) > before, "nothing was cut");
    assert_eq!(admit(&guard, &office).await.failures_left(), Some(0), "two others have failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_whose_answer_is_lost_stands_once() {
    let cluster = RedisCluster::start().unwrap();
    let (proxies, client) = behind_proxies(&cluster);
    let client = client.retries(0).build().unwrap();
    let guard = guard(RedisStore::builder().cluster_client(client).unwrap());
    let alice = Attempt::new().username("alice");
    admit(&guard, &alice).await.succeed().await.unwrap();
    proxies.iter().for_each(Proxy::cut_next_reply);
    let error = guard.begin(&alice).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Unavailable, Effect::Unknown));
    let past_proxies =
        RedisStore::builder().open_cluster(cluster.urls().iter().map(String::as_str));
    let permit = admit(&self::guard(past_proxies.unwrap()), &alice).await;
    assert_eq!(permit.failures_left(), Some(1), "the lost charge and this one");
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_go_on_while_their_slot_moves_and_none_counts_twice() {
    let cluster = RedisCluster::start().unwrap();
    let store = RedisStore::builder().open_cluster(cluster.urls().iter().map(String::as_str));
    let rule = Rule::builder(Scope::Username).failure_limit(1_000_000);
    let guard = Guard::new(store.unwrap(), Policy::builder().rule(rule).build().unwrap());
    let alice = Attempt::new().username("alice");
    admit(&guard, &alice).await.fail().await.unwrap();
    let moving = Arc::new(AtomicBool::new(true));
    let load: Vec<_> = (0..8)
        .map(|_| {
            let (guard, alice, moving) = (guard.clone(), alice.clone(), Arc::clone(&moving));
            tokio::spawn(async move {
                let mut failures = 0;
                while moving.load(Ordering::Relaxed) {
                    match guard.begin(&alice).await {
                        Ok(decision) => {
                            decision.admitted().unwrap().fail().await.unwrap();
                            failures += 1;
                        }
                        Err(error) => assert_eq!(error.effect(), Effect::None, "{error:?}"),
                    }
                    guard.check(&alice).await.unwrap();
                }
                failures
            })
        })
        .collect();
    let slot = cluster.masters()[0].cli(&["CLUSTER", "KEYSLOT", "lockout:{vk}:u:alice"]).unwrap();
    let holds =
        |node: &RedisServer| node.cli(&["CLUSTER", "COUNTKEYSINSLOT", &slot]).unwrap() != "0";
    for _ in 0..6 {
        let from = cluster.masters().iter().find(|node| holds(node)).unwrap();
        let to = cluster.masters().iter().find(|node| !holds(node)).unwrap();
        move_slot(&slot, from, to);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    moving.store(false, Ordering::Relaxed);
    let mut failures = 1;
    for task in load {
        failures += task.await.unwrap();
    }
    assert!(failures > 100, "{failures} attempts");
    let left = admit(&guard, &alice).await.failures_left().unwrap();
    assert_eq!(1_000_000 - left - 1, failures);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_a_script_for_each_subject_and_whoever_is_refused_runs_none() {
    let cluster = RedisCluster::start().unwrap();
    let store = RedisStore::builder().open_cluster(cluster.urls().iter().map(String::as_str));
    let guard = guard(store.unwrap());
    for number in 0..30 {
        // On every node every script is loaded.
        admit(&guard, &from(&format!("warm-up-{number}"), number)).await.succeed().await.unwrap();
    }
    let mut seen = 0;
    let mut scripts = || {
        let calls = |node: &RedisServer| -> u32 {
            let stats = node.cli(&["INFO", "commandstats"]).unwrap();
            let calls = |line: &str| {
                line.strip_prefix("cmdstat_evalsha:calls=")?.split(',').next()?.parse::<u32>().ok()
            };
            stats.lines().find_map(calls).unwrap_or(0)
        };
        let now = cluster.masters().iter().map(calls).sum();
        std::mem::replace(&mut seen, now).abs_diff(now)
    };
    let alice = from("alice", 200);
    scripts();
    admit(&guard, &alice).await.succeed().await.unwrap();
    assert_eq!(scripts(), 4, "a login that succeeds");
    for _ in 0..3 {
        admit(&guard, &alice).await.fail().await.unwrap();
        assert_eq!(scripts(), 2, "a login that fails");
    }
    admit(&guard, &alice).await.fail().await.unwrap();
    assert_eq!(scripts(), 4, "a login that fails and locks");
    guard.begin(&alice).await.unwrap().admitted().unwrap_err();
    assert_eq!(scripts(), 0, "a login that is refused");
}

/// As `redis-cli --cluster reshard` does it.
fn move_slot(slot: &str, from: &RedisServer, to: &RedisServer) {
    let id = |node: &RedisServer| node.cli(&["CLUSTER", "MYID"]).unwrap();
    let set = |node: &RedisServer, what: &[&str]| {
        node.cli(&[&["CLUSTER", "SETSLOT", slot], what].concat()).unwrap();
    };
    set(to, &["IMPORTING", &id(from)]);
    set(from, &["MIGRATING", &id(to)]);
    let keys = from.cli(&["CLUSTER", "GETKEYSINSLOT", slot, "100"]).unwrap();
    let (host, port) = (to.address().ip().to_string(), to.address().port().to_string());
    let mut migrate = vec!["MIGRATE", &host, &port, "", "0", "5000", "KEYS"];
    migrate.extend(keys.lines());
    from.cli(&migrate).unwrap();
    set(to, &["NODE", &id(to)]);
    set(from, &["NODE", &id(to)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_and_news_of_unlocks_come_from_the_cluster() {
    let store = store();
    let clock = store.clock(SystemClock).await.unwrap();
    let (told, mut notices) = tokio::sync::mpsc::unbounded_channel();
    let _watch = store.watch_unlocks(move |notice| drop(told.send(notice))).unwrap();
    assert_eq!(notices.recv().await, Some(UnlockNotice::Missed));
    let policy = Policy::builder().rule(Rule::builder(Scope::Username).failure_limit(0));
    let guard = Guard::builder(store, policy.build().unwrap()).clock(clock).build();
    // On every node.
    for number in 0..12 {
        let name = format!("name-{number}");
        admit(&guard, &Attempt::new().username(&name)).await.fail().await.unwrap();
        let subject = Subject::username(&name).unwrap();
        assert!(guard.unlock(&subject).await.unwrap());
        assert_eq!(notices.recv().await, Some(UnlockNotice::Unlocked(subject)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_connection_has_no_nodes_to_subscribe_to_and_nobody_to_wait_for() {
    let TestCluster { urls, prefix } = TestCluster::shared().unwrap();
    let client = ClusterClient::builder(urls).retries(0).build().unwrap();
    let connection = client.get_async_connection().await.unwrap();
    let store = RedisStore::builder().prefix(&*prefix).cluster(connection.clone()).unwrap();
    assert_eq!(store.watch_unlocks(drop).unwrap_err().kind(), StoreErrorKind::Config);
    let waits = RedisStore::builder().wait_for_replicas(1, Duration::from_secs(1));
    assert!(matches!(waits.cluster(connection), Err(BuildError::Wait)));
    let guard = guard(store);
    admit(&guard, &from("alice", 1)).await.fail().await.unwrap();
    assert_eq!(admit(&guard, &from("alice", 2)).await.failures_left(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_wait_for_the_replicas_of_their_node() {
    let cluster = RedisCluster::start().unwrap();
    let builder = RedisStore::builder().wait_for_replicas(1, Duration::from_millis(200));
    let store = builder.open_cluster(cluster.urls().iter().map(String::as_str)).unwrap();
    let subjects: Vec<_> =
        (0..20).map(|number| Subject::username(&format!("name-{number}")).unwrap()).collect();
    let guard = guard(store);
    for subject in &subjects {
        assert!(guard.lock(subject, None).await.unwrap());
    }
    cluster.replicas()[0].pause();
    let mut untold = 0;
    for subject in &subjects {
        if let Err(error) = guard.lock(subject, None).await {
            assert_eq!(error.kind(), StoreErrorKind::Config, "{error:?}");
            untold += 1;
        }
    }
    assert!(untold > 0, "no lock was on the node without its replica");
    assert!(guard.status(&subjects).await.unwrap().iter().all(Option::is_some));
    cluster.replicas()[0].resume();
    let start = Instant::now();
    while futures_util::future::join_all(subjects.iter().map(|subject| guard.lock(subject, None)))
        .await
        .iter()
        .any(Result::is_err)
    {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not recover");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
