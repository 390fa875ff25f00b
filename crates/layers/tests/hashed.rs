//! What the store is given instead of names, and how a key is changed.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeSet;
use std::slice;
use std::sync::Arc;

use common::{Login, NOON, Scripted, after, policy, subject};
use lockout_core::{
    Attempt, Combine, Guard, LockedQuery, Lockout, LockoutStore, MapStore, Outcome, Policy, Preset,
    RecordStore, Refusal, Scope, Subject,
};
use lockout_layers::{HashKey, HashKeyError, Hashed};

fn key(byte: u8) -> HashKey {
    HashKey::new([byte; 32]).unwrap()
}

fn store() -> Hashed<MapStore> {
    Hashed::new(MapStore::new(), key(1))
}

/// The same records as seen by a node that uses `new` and knows `old`.
fn rotated(map: &Arc<MapStore>, new: u8, old: u8) -> Hashed<Arc<MapStore>> {
    Hashed::new(Arc::clone(map), key(new)).old_key(key(old))
}

fn lockouts(refusal: Refusal) -> Vec<Lockout> {
    match refusal {
        Refusal::Locked { lockouts, .. } => lockouts,
        other => panic!("should be locked: {other:?}"),
    }
}

#[tokio::test]
async fn no_name_reaches_the_store_and_no_token_the_caller() {
    let hostile = [
        "alice",
        "username:alice",
        "username#alice",
        "#AAAA",
        "\0",
        "' OR 1=1 --",
        "<script>",
        "名前",
        &"x".repeat(4_000),
    ];
    let store = store();
    for (host, name) in (1..).zip(hostile) {
        let login = Login::new(name, host);
        let real: Vec<_> = login.claims.iter().map(|claim| claim.subject().clone()).collect();
        login.fail(&store, NOON).await;
        let locked = login.fail(&store, NOON).await.locked;
        let named: Vec<_> = locked.into_iter().map(|lockout| lockout.subject).collect();
        assert_eq!(named, real);
        let refused = lockouts(login.refused(&store, NOON).await);
        assert_eq!(
            refused.iter().map(|lockout| &lockout.subject).collect::<Vec<_>>(),
            named.iter().collect::<Vec<_>>()
        );
        let status = store.status(&real, NOON).await.unwrap();
        assert_eq!(status.into_iter().map(Option::unwrap).collect::<Vec<_>>(), refused);
    }
    let stored = store.inner().subjects(None, 1000).await.unwrap();
    assert_eq!(stored.len(), hostile.len() * 2);
    for subject in stored {
        assert!(subject.is_opaque(), "{subject:?} is stored");
        let text = subject.to_string();
        let (_, token) = text.split_once('#').unwrap();
        assert_eq!(token.len(), 43);
    }
}

#[tokio::test]
async fn a_success_that_lifts_a_lock_names_the_real_subject() {
    let policy = Preset::Default.builder(Combine::All).build().unwrap();
    let store = store();
    let login = Login::of(policy, "alice", 1);
    store.lock(&subject("username:alice"), None, NOON).await.unwrap();
    // An operator's lock stays; one of the rule's is lifted.
    store.clear(&subject("username:alice"), NOON).await.unwrap();
    for _ in 0..4 {
        login.fail(&store, NOON).await;
    }
    let charges = login.charged(&store, NOON).await;
    let settled = login.end(&store, &charges, Outcome::Success, NOON).await.unwrap();
    assert_eq!(settled.unlocked, [subject("username:alice")]);
}

#[test]
fn keys_and_scopes_give_different_tokens() {
    let store = store();
    let subjects =
        ["username:10.0.0.1", "ip:10.0.0.1", "username_ip:10.0.0.1|x", "username:x"].map(subject);
    let mut tokens = BTreeSet::new();
    for byte in 1..=3 {
        let naming = Hashed::new((), key(byte));
        for subject in &subjects {
            let stored = naming.stored(subject).to_string();
            let (scope, token) = stored.split_once('#').unwrap();
            assert_eq!(scope, subject.scope().name());
            tokens.insert(token.to_owned());
        }
    }
    assert_eq!(tokens.len(), 12);
    assert_eq!(store.stored(&subjects[0]), Hashed::new((), key(1)).stored(&subjects[0]));
}

#[test]
fn a_key_that_could_be_guessed_is_refused_and_none_is_shown() {
    for length in [0, 1, 31] {
        let error = HashKey::new(vec![b'k'; length]).unwrap_err();
        assert_eq!(error, HashKeyError::TooShort(length));
        assert!(error.to_string().contains("at least 32"), "{error}");
    }
    let store = Hashed::new((), HashKey::new("k".repeat(100)).unwrap()).old_key(key(2));
    let shown = format!("{store:?}");
    assert_eq!(shown, "Hashed { inner: (), key: HashKey(..), old_keys: [HashKey(..)] }");
}

#[tokio::test]
async fn a_list_names_opaque_subjects_that_can_be_looked_up_and_unlocked() {
    let store = store();
    for (name, host) in [("alice", 1), ("bob", 2), ("carol", 3)] {
        Login::new(name, host).fail_times(&store, 2, NOON).await;
    }
    let mut listed = Vec::new();
    let mut query = LockedQuery { limit: 2, ..LockedQuery::default() };
    loop {
        let page = store.locked(&query, NOON).await.unwrap();
        listed.extend(page.items);
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    assert_eq!(listed.len(), 6);
    let alice = store.stored(&subject("username:alice"));
    let found = listed.iter().find(|lockout| lockout.subject == alice).unwrap();
    let status = store.status(slice::from_ref(&alice), NOON).await.unwrap();
    assert_eq!(status, [Some(found.clone())]);
    let scope = Some(Scope::Username);
    let names = store.locked(&LockedQuery { scope, ..LockedQuery::default() }, NOON).await.unwrap();
    assert_eq!(names.items.len(), 3);
    assert!(store.clear(&alice, NOON).await.unwrap());
    Login::named("alice").charged(&store, NOON).await;
    assert!(store.lock(&alice, None, NOON).await.unwrap());
    assert!(Login::named("alice").refused(&store, NOON).await.is_permanent());
}

#[tokio::test]
async fn an_unlock_by_name_finds_the_record() {
    let store = store();
    Login::named("alice").fail_times(&store, 2, NOON).await;
    assert!(store.clear(&Subject::username(" Alice ").unwrap(), NOON).await.unwrap());
    assert!(!store.clear(&subject("username:alice"), NOON).await.unwrap());
    Login::named("alice").charged(&store, NOON).await;
}

#[tokio::test]
async fn what_was_locked_under_an_old_key_is_still_refused_and_found() {
    let map = Arc::new(MapStore::new());
    let before = Hashed::new(Arc::clone(&map), key(1));
    let login = Login::new("alice", 1);
    login.fail_times(&before, 2, NOON).await;
    let refusal = login.refused(&before, after(1)).await;
    let now = rotated(&map, 2, 1);
    assert_eq!(login.refused(&now, after(1)).await, refusal);
    let names = [subject("ip:192.0.2.1"), subject("username:bob"), subject("username:alice")];
    let status = now.status(&names, NOON).await.unwrap();
    assert_eq!(status, before.status(&names, NOON).await.unwrap());
    assert_eq!(status.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
    // Somebody else is not.
    Login::new("bob", 2).charged(&now, NOON).await;
}

#[tokio::test]
async fn failures_start_anew_at_most_once_for_each_change_of_the_key() {
    let map = Arc::new(MapStore::new());
    let (before, now) = (Hashed::new(Arc::clone(&map), key(1)), rotated(&map, 2, 1));
    let login = Login::named("alice");
    let mut admitted = 0;
    for turn in 0..40 {
        let reserved = if turn == 0 {
            login.begin(&before, NOON).await.unwrap()
        } else {
            login.begin(&now, NOON).await.unwrap()
        };
        if let lockout_core::Reserved::Charged(charges) = reserved {
            login.end(&now, &charges, Outcome::Failure, NOON).await.unwrap();
            admitted += 1;
        }
    }
    assert_eq!(admitted, 1 + 2);
}

#[tokio::test]
async fn in_the_first_step_of_a_change_a_node_sees_what_the_second_locks() {
    let map = Arc::new(MapStore::new());
    let (first, second) = (rotated(&map, 1, 2), rotated(&map, 2, 1));
    for (locks, looks) in [(&first, &second), (&second, &first)] {
        let login = Login::named(if std::ptr::eq(locks, &first) { "alice" } else { "bob" });
        login.fail_times(locks, 2, NOON).await;
        assert_eq!(login.refused(looks, NOON).await, login.refused(locks, NOON).await);
        let name = login.claims[0].subject().clone();
        assert!(looks.clear(&name, NOON).await.unwrap());
        login.charged(locks, NOON).await;
        login.charged(looks, NOON).await;
    }
}

#[tokio::test]
async fn under_all_locks_of_two_keys_refuse_together() {
    let map = Arc::new(MapStore::new());
    let (before, now) = (Hashed::new(Arc::clone(&map), key(1)), rotated(&map, 2, 1));
    let login = Login::of(Preset::Default.builder(Combine::All).build().unwrap(), "alice", 1);
    before.lock(&subject("username:alice"), None, NOON).await.unwrap();
    let charges = login.charged(&now, NOON).await;
    login.end(&now, &charges, Outcome::Cancelled, NOON).await.unwrap();
    now.lock(&subject("ip:192.0.2.1"), Some(after(60)), NOON).await.unwrap();
    let refused = lockouts(login.refused(&now, NOON).await);
    assert_eq!(refused.len(), 2);
}

#[tokio::test]
async fn of_two_lockouts_the_longer_one_counts() {
    let map = Arc::new(MapStore::new());
    let (before, now) = (Hashed::new(Arc::clone(&map), key(1)), rotated(&map, 2, 1));
    let name = subject("username:alice");
    for (old, new, longest) in [
        (Some(after(60)), Some(after(30)), Some(after(60))),
        (Some(after(60)), Some(after(90)), Some(after(90))),
        (None, Some(after(90)), None),
        (Some(after(60)), None, None),
    ] {
        assert!(before.lock(&name, old, NOON).await.unwrap());
        assert!(!now.lock(&name, new, NOON).await.unwrap(), "it was locked before");
        let status = now.status(slice::from_ref(&name), NOON).await.unwrap();
        let lockout = status[0].clone().unwrap();
        assert_eq!((lockout.until, &lockout.subject), (longest, &name));
        let refusal = Login::named("alice").refused(&now, NOON).await;
        assert_eq!(lockouts(refusal), [lockout]);
        assert!(now.clear(&name, NOON).await.unwrap());
        assert_eq!(before.status(slice::from_ref(&name), NOON).await.unwrap(), [None]);
        assert_eq!(now.status(slice::from_ref(&name), NOON).await.unwrap(), [None]);
    }
    assert!(now.lock(&name, None, NOON).await.unwrap());
}

#[tokio::test]
async fn an_old_key_costs_one_call_more_and_none_costs_none() {
    let (login, one) = (Login::new("alice", 1), Scripted::new());
    let store = Hashed::new(one.clone(), key(1));
    login.charged(&store, NOON).await;
    assert_eq!(one.calls(), 1);
    let store = store.old_key(key(2)).old_key(key(3)).old_key(key(4));
    login.charged(&store, NOON).await;
    assert_eq!(one.calls(), 2);
}

#[tokio::test]
async fn a_guard_and_its_operators_speak_of_names_only() {
    let guard = Guard::new(store(), policy());
    let alice = Attempt::new().username("Alice").ip([192, 0, 2, 1]);
    for _ in 0..2 {
        guard.begin(&alice).await.unwrap().admitted().unwrap().fail().await.unwrap();
    }
    let names: Vec<_> =
        guard.lockouts(&alice).await.unwrap().into_iter().map(|lockout| lockout.subject).collect();
    assert_eq!(names, [subject("username:alice"), subject("ip:192.0.2.1")]);
    for name in &names {
        assert!(guard.unlock(name).await.unwrap());
    }
    assert_eq!(guard.check(&alice).await.unwrap(), None);
}

#[test]
fn a_username_cannot_name_an_opaque_subject() {
    let stored = store().stored(&subject("username:alice"));
    for typed in [stored.to_string(), stored.to_string().replace("username", "")] {
        let forged = Subject::username(&typed).unwrap();
        assert!(!forged.is_opaque());
        let claims = Policy::default().claims(&Attempt::new().username(&typed));
        assert_ne!(store().stored(claims[0].subject()), stored);
    }
}
