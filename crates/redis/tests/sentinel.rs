//! A master that Sentinels name.

#![cfg(feature = "sentinel")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use lockout_core::{
    Attempt, Decision, Effect, Guard, Policy, Rule, Scope, StoreErrorKind, Subject, UnlockNotice,
};
use lockout_redis::redis::sentinel::{SentinelClient, SentinelServerType};
use lockout_redis::{BuildError, RedisStore};
use lockout_testkit::servers::RedisSentinels;
use tokio::sync::mpsc;

const TIMEOUT: Duration = Duration::from_millis(500);
/// How much later something may happen on a busy machine.
const MARGIN: Duration = Duration::from_secs(20);

fn store(sentinels: &RedisSentinels, master: &str) -> RedisStore {
    let urls = sentinels.sentinel_urls();
    let builder = RedisStore::builder().timeout(TIMEOUT);
    builder.open_sentinel(urls.iter().map(String::as_str), master).unwrap()
}

fn guard(store: RedisStore) -> Guard {
    let rule = Rule::builder(Scope::Username).failure_limit(0);
    Guard::new(store, Policy::builder().rule(rule).build().unwrap())
}

fn alice() -> Attempt {
    Attempt::new().username("alice")
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_and_a_client_lead_to_the_same_master() {
    let sentinels = RedisSentinels::start().unwrap();
    let master = format!("redis://{}/0", sentinels.master_name());
    let by_urls = guard(store(&sentinels, &master));
    let client = SentinelClient::build(
        sentinels.sentinel_urls(),
        String::from(sentinels.master_name()),
        None,
        SentinelServerType::Master,
    );
    let by_client = guard(RedisStore::builder().sentinel(client.unwrap()).unwrap());
    by_urls.begin(&alice()).await.unwrap().admitted().unwrap().fail().await.unwrap();
    assert!(by_client.begin(&alice()).await.unwrap().admitted().is_err());
    let key = "lockout:{vk}:u:alice";
    assert_eq!(sentinels.master().cli(&["EXISTS", key]).unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn user_password_and_database_are_for_the_master() {
    let sentinels = RedisSentinels::start().unwrap();
    let rights = ["on", ">p@ss:word/", "~lockout:*", "&lockout:*", "+@all"];
    sentinels.master().cli(&[&["ACL", "SETUSER", "lo@ck"], &rights[..]].concat()).unwrap();
    let name = sentinels.master_name();
    let right = guard(store(&sentinels, &format!("redis://lo%40ck:p%40ss%3Aword%2F@{name}/3")));
    right.begin(&alice()).await.unwrap().admitted().unwrap().fail().await.unwrap();
    assert!(sentinels.master().cli(&["INFO", "keyspace"]).unwrap().contains("db3:"));
    let wrong = guard(store(&sentinels, &format!("redis://lo%40ck:password@{name}/3")));
    assert_eq!(wrong.begin(&alice()).await.unwrap_err().kind(), StoreErrorKind::Config);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_nobody_knows_is_unavailable() {
    let sentinels = RedisSentinels::start().unwrap();
    for master in ["redis://nobody", "redis://Lockout"] {
        let error = guard(store(&sentinels, master)).begin(&alice()).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Unavailable, Effect::None));
    }
}

#[tokio::test]
async fn sentinels_that_are_gone_are_unavailable() {
    let builder = RedisStore::builder().timeout(TIMEOUT);
    let store = builder.open_sentinel(["redis://127.0.0.1:1"], "redis://mymaster").unwrap();
    let error = guard(store).begin(&alice()).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Unavailable, Effect::None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentinel_that_is_opened_as_if_it_were_the_master_is_a_mistake() {
    let sentinels = RedisSentinels::start().unwrap();
    let store = RedisStore::builder().open(&sentinels.sentinel_urls()[0]).unwrap();
    let error = guard(store).begin(&alice()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Config);
}

#[tokio::test]
async fn what_is_wrong_is_told_at_once() {
    let open = |sentinels: &[&str], master| {
        RedisStore::builder().open_sentinel(sentinels.iter().copied(), master)
    };
    assert!(matches!(open(&["127.0.0.1"], "redis://mymaster"), Err(BuildError::Url(_))));
    assert!(matches!(open(&[], "redis://mymaster"), Err(BuildError::Url(_))));
    assert!(matches!(open(&["redis://127.0.0.1"], "mymaster"), Err(BuildError::Url(_))));
    let socket = open(&["redis://127.0.0.1"], "unix:/tmp/mymaster");
    assert!(matches!(socket, Err(BuildError::Master)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_meanwhile_is_made_anew_before_it_is_needed() {
    let sentinels = RedisSentinels::start().unwrap();
    let guard = guard(store(&sentinels, &format!("redis://{}", sentinels.master_name())));
    for round in 0..3 {
        let attempt = Attempt::new().username(&format!("name-{round}"));
        guard.begin(&attempt).await.unwrap().admitted().unwrap().fail().await.unwrap();
        let clients = sentinels.master().cli(&["CLIENT", "LIST"]).unwrap();
        let ours = clients.lines().find(|client| client.contains(" cmd=evalsha ")).unwrap();
        let id = ours.split(' ').next().unwrap().trim_start_matches("id=");
        sentinels.master().cli(&["CLIENT", "KILL", "ID", id]).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_unlocks_come_from_the_new_master() {
    let mut sentinels = RedisSentinels::start().unwrap();
    let store = store(&sentinels, &format!("redis://{}", sentinels.master_name()));
    let (told, mut notices) = mpsc::unbounded_channel();
    let _watch = store.watch_unlocks(move |notice| drop(told.send(notice))).unwrap();
    assert_eq!(notices.recv().await, Some(UnlockNotice::Missed));
    sentinels.kill_master();
    let (guard, start) = (guard(store), Instant::now());
    // Each round is an unlock; the first that is heard of ends this.
    for round in 0.. {
        assert!(start.elapsed() < MARGIN, "nothing is heard from the new master");
        let subject = Subject::username(&format!("name-{round}")).unwrap();
        let attempt = Attempt::new().username(&format!("name-{round}"));
        if let Ok(Decision::Admitted(permit)) = guard.begin(&attempt).await
            && permit.fail().await.is_ok()
            && guard.unlock(&subject).await.is_ok()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let mut heard = std::iter::from_fn(|| notices.try_recv().ok());
            if heard.any(|notice| notice == UnlockNotice::Unlocked(subject.clone())) {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
