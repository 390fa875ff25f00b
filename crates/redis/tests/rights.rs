//! The rights that the documentation lists are enough.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use lockout_core::{
    Access, AccessLists, Attempt, AttemptEntry, AttemptLog as _, AttemptQuery, Guard, LockedQuery,
    LoggedOutcome, Names, Policy, StoreErrorKind, Subject, SystemClock, Timestamp, UnlockNotice,
    Username,
};
use lockout_redis::RedisStore;
use lockout_testkit::servers::RedisServer;

/// The commands that the README gives a user of one server.
fn documented() -> Vec<String> {
    let text = include_str!("../README.md");
    let (_, rights) = text.split_once("- A user with").unwrap();
    let (rights, _) = rights.split_once("With a database").unwrap();
    let quoted = rights.split('`').skip(1).step_by(2);
    let commands = quoted.filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
    commands.map(str::to_ascii_lowercase).collect()
}

/// The URL of a user who may use these commands on lockout's keys and channel.
fn user(server: &RedisServer, commands: &[String]) -> String {
    let allowed: Vec<_> = commands.iter().map(|command| format!("+{command}")).collect();
    let mut rule = vec!["ACL", "SETUSER", "lockout", "reset", "on", ">secret"];
    rule.extend(["~lockout:*", "&lockout:unlocked"]);
    rule.extend(allowed.iter().map(String::as_str));
    server.cli(&rule).unwrap();
    format!("redis://lockout:secret@{}/", server.address())
}

/// Everything that a store can do. The first error ends it.
async fn everything(url: &str) -> lockout_core::Result<()> {
    let store = RedisStore::open(url).unwrap();
    let clock = store.clock(SystemClock).await?;
    let (told, mut notices) = tokio::sync::mpsc::unbounded_channel();
    let _watch = store.watch_unlocks(move |notice| drop(told.send(notice)))?;
    assert_eq!(notices.recv().await, Some(UnlockNotice::Missed));
    let (log, lists) = (store.log(), AccessLists::shared(store.clone()));
    let guard = Guard::builder(store, Policy::default()).clock(clock).build();
    let (alice, subject) = (Attempt::new().username("alice"), Subject::username("alice").unwrap());
    while let Ok(permit) = guard.begin(&alice).await?.admitted() {
        permit.fail().await?;
    }
    guard.check(&alice).await?;
    assert_eq!(guard.locked(&LockedQuery::default()).await?.items.len(), 1);
    assert!(guard.unlock(&subject).await?);
    assert_eq!(notices.recv().await, Some(UnlockNotice::Unlocked(subject.clone())));
    guard.begin(&alice).await?.admitted().unwrap().succeed().await?;
    guard.lock(&subject, None).await?;
    guard.unlock(&subject).await?;
    let target = "username:mallory".parse().unwrap();
    lists.set(&target, Access::Deny, Some(guard.now())).await?;
    lists.refresh(&Names::default(), guard.now()).await?;
    assert!(lists.remove(&target).await?);
    let entry = AttemptEntry::new(guard.now(), &alice, LoggedOutcome::Failed);
    log.append(&[entry]).await?;
    let named = AttemptQuery { username: Username::new("alice"), ..AttemptQuery::default() };
    assert_eq!(log.recent(&named).await?.items.len(), 1);
    assert_eq!(log.recent(&AttemptQuery::default()).await?.items.len(), 1);
    assert_eq!(log.prune(Timestamp::from_millis(u64::MAX), 10).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_the_documented_rights_can_do_everything() {
    let server = RedisServer::start().unwrap();
    everything(&user(&server, &documented())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_run_scripts_it_is_a_mistake_and_no_outage() {
    let server = RedisServer::start().unwrap();
    let without: Vec<_> = documented().into_iter().filter(|command| command != "evalsha").collect();
    let error = everything(&user(&server, &without)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Config);
}
