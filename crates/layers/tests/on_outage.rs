//! What stands in while the store is out of order, and the alarms.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::slice;
use std::sync::Arc;
use std::time::Duration;

use common::{Login, Mood, NOON, NOTE, Scripted, Seen, after, subject};
use lockout_core::{
    Attempt, Charge, Decision, Event, FakeClock, Guard, LockedQuery, LockoutStore, MapStore,
    Outcome, Place, Policy, Refusal, Reserved, Rule, Scope, Settlement, StoreErrorKind,
};
use lockout_layers::{Breaker, Fallback, LockCache, OnOutage};

const OUTAGES: [StoreErrorKind; 3] =
    [StoreErrorKind::Unavailable, StoreErrorKind::Timeout, StoreErrorKind::CircuitOpen];

fn falling_back() -> OnOutage<Scripted, Fallback<Scripted>> {
    OnOutage::fall_back_to(Scripted::new(), Scripted::new())
}

#[tokio::test]
async fn fail_open_admits_uncounted() {
    let store = OnOutage::fail_open(Scripted::new());
    let login = Login::new("alice", 1);
    for kind in OUTAGES {
        store.inner().set(Mood::Fails(kind));
        for _ in 0..20 {
            assert_eq!(login.charged(&store, NOON).await.len(), 2);
            login.fail(&store, NOON).await;
        }
    }
    let names = [subject("username:alice"), subject("ip:192.0.2.1")];
    assert_eq!(store.status(&names, NOON).await.unwrap(), [None, None]);
    store.inner().calls();
    let charges = login.charged(&store, NOON).await;
    store.inner().work();
    for outcome in [Outcome::Failure, Outcome::Success, Outcome::Cancelled] {
        login.end(&store, &charges, outcome, NOON).await.unwrap();
    }
    assert_eq!(store.inner().calls(), 1, "what is uncounted is settled nowhere");
    assert_eq!(store.inner().map().record(&names[0]), None);
}

#[tokio::test]
async fn fail_open_gives_an_uncounted_login_no_refund_of_what_others_failed() {
    let store = OnOutage::fail_open(Scripted::new());
    let (alice, ip) = (Login::new("alice", 1), subject("ip:192.0.2.1"));
    Login::new("mallory", 1).fail(&store, NOON).await;
    store.inner().fail();
    let charges = alice.charged(&store, NOON).await;
    store.inner().work();
    alice.end(&store, &charges, Outcome::Success, NOON).await.unwrap();
    assert_eq!(store.inner().map().record(&ip).unwrap().failures, 1);
}

#[tokio::test]
async fn a_guard_that_fails_open_shows_all_places_left() {
    let store = OnOutage::fail_open(Scripted::new());
    store.inner().fail();
    let guard = Guard::new(store, common::policy());
    let permit = guard.begin(&Attempt::new().username("alice")).await.unwrap().admitted().unwrap();
    assert_eq!(permit.failures_left(), Some(1));
    assert_eq!(permit.succeed().await.unwrap(), Settlement::default());
}

#[tokio::test]
async fn fail_closed_refuses_and_says_when_to_come_back() {
    let login = Login::new("alice", 1);
    for (store, seconds) in [
        (OnOutage::fail_closed(Scripted::new()), 1),
        (OnOutage::fail_closed(Scripted::new()).retry_after(Duration::from_secs(30)), 30),
    ] {
        for kind in OUTAGES {
            store.inner().set(Mood::Fails(kind));
            let retry_after = Duration::from_secs(seconds);
            assert_eq!(login.refused(&store, NOON).await, Refusal::Unavailable { retry_after });
            let name = subject("username:alice");
            let status = store.status(slice::from_ref(&name), NOON).await;
            assert_eq!(status.unwrap_err().kind(), kind, "a check cannot say it");
        }
    }
}

#[tokio::test]
async fn an_error_that_is_no_outage_is_passed_on() {
    async fn assert_passed_on(store: &impl LockoutStore, inner: &Scripted) {
        let login = Login::new("alice", 1);
        for kind in [StoreErrorKind::Config, StoreErrorKind::Corrupt, StoreErrorKind::Contended] {
            inner.work();
            let charges = login.charged(store, NOON).await;
            inner.set(Mood::Fails(kind));
            assert_eq!(login.begin(store, NOON).await.unwrap_err().kind(), kind);
            let settled = login.end(store, &charges, Outcome::Success, NOON).await;
            assert_eq!(settled.unwrap_err().kind(), kind);
            let status = store.status(&[subject("username:alice")], NOON).await;
            assert_eq!(status.unwrap_err().kind(), kind);
            inner.work();
            login.end(store, &charges, Outcome::Success, NOON).await.unwrap();
        }
    }

    let (inner, seen) = (Scripted::new(), Seen::default());
    assert_passed_on(&OnOutage::fail_open(inner.clone()).observer(seen.clone()), &inner).await;
    assert_passed_on(&OnOutage::fail_closed(inner.clone()).observer(seen.clone()), &inner).await;
    let falling_back = OnOutage::fall_back_to(inner.clone(), MapStore::new());
    assert_passed_on(&falling_back.observer(seen.clone()), &inner).await;
    assert_eq!(seen.take(), []);
}

#[tokio::test]
async fn the_fallback_counts_by_itself_and_nothing_of_it_reaches_the_store() {
    let store = falling_back();
    let (login, name) = (Login::new("alice", 1), subject("username:alice"));
    store.inner().fail();
    login.fail_times(&store, 2, NOON).await;
    assert!(matches!(login.refused(&store, NOON).await, Refusal::Locked { .. }));
    let status = store.status(slice::from_ref(&name), NOON).await.unwrap();
    assert!(status[0].is_some());
    assert_eq!(store.inner().map().record(&name), None);
    // Back again: the lock of the fallback is not the store's.
    store.inner().work();
    login.fail(&store, NOON).await;
    assert_eq!(store.inner().map().record(&name).unwrap().failures, 1);
    // The next outage finds it.
    store.inner().fail();
    assert!(matches!(login.refused(&store, NOON).await, Refusal::Locked { .. }));
}

#[tokio::test]
async fn an_outage_does_not_reset_a_lock() {
    let store = falling_back();
    let (login, name) = (Login::new("alice", 1), subject("username:alice"));
    login.fail_times(&store, 2, NOON).await;
    let record = store.inner().map().record(&name);
    store.inner().fail();
    // The right password, let in by the fallback.
    let charges = login.charged(&store, NOON).await;
    store.inner().work();
    login.end(&store, &charges, Outcome::Success, NOON).await.unwrap();
    assert_eq!(store.inner().map().record(&name), record);
    assert!(matches!(login.refused(&store, NOON).await, Refusal::Locked { .. }));
}

#[tokio::test]
async fn a_store_that_comes_and_goes_grants_no_more_than_both_limits() {
    let store = falling_back();
    let login = Login::new("alice", 1);
    let mut admitted = 0;
    for outage in 0..40 {
        if outage % 2 == 0 {
            store.inner().fail();
        } else {
            store.inner().work();
        }
        if let Reserved::Charged(charges) = login.begin(&store, NOON).await.unwrap() {
            login.end(&store, &charges, Outcome::Failure, NOON).await.unwrap();
            admitted += 1;
        }
    }
    assert_eq!(admitted, 2 + 2);
}

#[tokio::test]
async fn a_charge_is_settled_where_it_was_made() {
    let store = falling_back();
    let (login, name) = (Login::new("alice", 1), subject("username:alice"));
    let failures = |store: &Scripted| store.map().record(&name).map(|record| record.failures);

    // Made in the store, and settled after an outage came and went.
    let charges = login.charged(&store, NOON).await;
    store.inner().fail();
    let in_fallback = login.charged(&store, NOON).await;
    store.inner().work();
    store.fallback().calls();
    assert_eq!((failures(store.inner()), failures(store.fallback())), (Some(1), Some(1)));
    login.end(&store, &charges, Outcome::Success, NOON).await.unwrap();
    assert_eq!((failures(store.inner()), failures(store.fallback())), (Some(0), Some(1)));
    assert_eq!(store.fallback().calls(), 0);

    // Made in the fallback, and settled when the store is back.
    store.inner().calls();
    login.end(&store, &in_fallback, Outcome::Success, NOON).await.unwrap();
    assert_eq!(failures(store.fallback()), Some(0));
    assert_eq!(store.inner().calls(), 0);
}

#[tokio::test]
async fn what_a_store_notes_in_a_charge_comes_back_to_it() {
    // Both assert it.
    let store = OnOutage::fall_back_to(Scripted::noting(), Scripted::noting());
    let login = Login::new("alice", 1);
    let charges = login.charged(&store, NOON).await;
    login.end(&store, &charges, Outcome::Success, NOON).await.unwrap();
    store.inner().fail();
    let charges = login.charged(&store, NOON).await;
    assert!(charges.iter().all(|charge| charge.tag != NOTE));
    login.end(&store, &charges, Outcome::Success, NOON).await.unwrap();
}

#[tokio::test]
async fn one_outage_policy_holds_another() {
    let inner = OnOutage::fall_back_to(Scripted::noting(), Scripted::noting());
    let store = OnOutage::fall_back_to(inner, Scripted::noting());
    let login = Login::new("alice", 1);
    store.inner().inner().fail();
    let nearer = login.charged(&store, NOON).await;
    store.inner().fallback().fail();
    let farther = login.charged(&store, NOON).await;
    store.inner().fallback().work();
    for charges in [&nearer, &farther] {
        login.end(&store, charges, Outcome::Success, NOON).await.unwrap();
    }
    let name = subject("username:alice");
    for fallback in [store.inner().fallback(), store.fallback()] {
        assert_eq!(fallback.map().record(&name).unwrap().failures, 0);
    }
    assert_eq!(store.inner().inner().map().record(&name), None);
}

/// A fallback that tolerates no failure of a username and does not count addresses.
fn stricter() -> OnOutage<Scripted, Fallback<Scripted>> {
    let rule = Rule::builder(Scope::Username).failure_limit(0);
    falling_back().fallback_policy(Policy::builder().rule(rule).build().unwrap())
}

#[tokio::test]
async fn a_fallback_can_have_rules_of_its_own() {
    let store = stricter();
    store.inner().fail();
    let login = Login::new("alice", 1);
    let charges = login.charged(&store, NOON).await;
    let [username, ip] = &charges[..] else { panic!("a charge for each claim: {charges:?}") };
    assert!(matches!(username.place, Place::Last { .. }));
    assert_eq!((ip.place, ip.failures), (Place::Tolerated, 0));
    let settlement = login.end(&store, &charges, Outcome::Failure, NOON).await.unwrap();
    assert_eq!(settlement.locked.len(), 1);
    assert!(matches!(login.refused(&store, NOON).await, Refusal::Locked { failure_limit: 0, .. }));
    assert_eq!(store.fallback().map().record(&subject("ip:192.0.2.1")), None);
    // In the store the guard's own rules hold.
    store.inner().work();
    login.fail(&store, NOON).await;
    login.fail(&store, NOON).await;
}

#[tokio::test]
async fn a_permit_measures_what_is_left_by_the_fallbacks_rule() {
    let rules = |username, ip| {
        Policy::builder()
            .rule(Rule::builder(Scope::Ip).failure_limit(ip))
            .rule(Rule::builder(Scope::Username).failure_limit(username))
            .build()
            .unwrap()
    };
    let alice = Attempt::new().username("alice").ip([192, 0, 2, 1]);
    for (own, fallback, expected) in [
        (rules(3, 30), rules(1, 30), [Some(0), None]),
        (rules(3, 30), rules(30, 5), [Some(3), Some(3)]),
        (rules(1, 30), rules(2, 30), [Some(1), Some(0)]),
    ] {
        let store = falling_back().fallback_policy(fallback);
        store.inner().fail();
        let guard = Guard::new(store, own);
        for left in expected {
            let permit = guard.begin(&alice).await.unwrap().admitted().unwrap();
            assert_eq!(permit.failures_left(), left);
            permit.fail().await.unwrap();
        }
    }
}

#[tokio::test]
async fn under_a_policy_of_its_own_a_success_is_forgotten_by_the_fallback_alone() {
    let store = stricter();
    store.inner().fail();
    let login = Login::new("alice", 1);
    for _ in 0..10 {
        let charges = login.charged(&store, NOON).await;
        login.end(&store, &charges, Outcome::Success, NOON).await.unwrap();
    }
    assert_eq!(store.fallback().map().record(&subject("username:alice")).unwrap().failures, 0);
}

#[tokio::test]
async fn a_charge_that_cannot_be_settled_stays_and_nobody_is_troubled() {
    let (inner, seen, name) = (Scripted::new(), Seen::default(), subject("username:alice"));
    let store = OnOutage::fail_open(inner.clone()).observer(seen.clone());
    let login = Login::new("alice", 1);
    let charges = login.charged(&store, NOON).await;
    inner.fail();
    let settled = login.end(&store, &charges, Outcome::Success, NOON).await.unwrap();
    assert_eq!(settled, Settlement::default());
    assert_eq!(inner.map().record(&name).unwrap().failures, 1);
    assert_eq!(seen.take(), [Event::OutageBegan(StoreErrorKind::Unavailable)]);

    inner.work();
    let store = OnOutage::fail_closed(inner.clone());
    let charges = login.charged(&store, NOON).await;
    inner.fail();
    assert!(login.end(&store, &charges, Outcome::Success, NOON).await.is_err());
}

#[tokio::test]
async fn a_lockout_whose_failure_met_the_outage_is_told_and_comes() {
    let store = falling_back();
    let login = Login::new("alice", 1);
    login.fail(&store, NOON).await;
    let last = login.charged(&store, NOON).await;
    store.inner().fail();
    let settlement = login.end(&store, &last, Outcome::Failure, NOON).await.unwrap();
    store.inner().work();
    let names = [subject("username:alice"), subject("ip:192.0.2.1")];
    let status = store.status(&names, after(30)).await.unwrap();
    assert_eq!(settlement.locked.into_iter().map(Some).collect::<Vec<_>>(), status);
}

#[tokio::test]
async fn operators_always_get_the_error() {
    async fn assert_error(store: &impl LockoutStore) {
        let (name, query) = (subject("username:alice"), LockedQuery::default());
        for kind in [
            store.lock(&name, None, NOON).await.unwrap_err().kind(),
            store.clear(&name, NOON).await.unwrap_err().kind(),
            store.locked(&query, NOON).await.unwrap_err().kind(),
        ] {
            assert_eq!(kind, StoreErrorKind::Unavailable);
        }
    }

    let inner = Scripted::new();
    inner.fail();
    assert_error(&OnOutage::fail_open(inner.clone())).await;
    assert_error(&OnOutage::fail_closed(inner.clone())).await;
    assert_error(&OnOutage::fall_back_to(inner, MapStore::new())).await;
}

#[tokio::test]
async fn an_unlock_unlocks_in_the_fallback_too() {
    let store = falling_back();
    let (login, name) = (Login::named("alice"), subject("username:alice"));
    store.inner().fail();
    login.fail_times(&store, 2, NOON).await;
    login.refused(&store, NOON).await;
    store.clear(&name, NOON).await.unwrap_err();
    login.fail_times(&store, 2, NOON).await;
    store.inner().work();
    assert!(!store.clear(&name, NOON).await.unwrap(), "in the store it was not locked");
    store.inner().fail();
    login.charged(&store, NOON).await;
}

#[tokio::test]
async fn each_outage_is_told_once_and_its_end_once() {
    let seen = Seen::default();
    let store = OnOutage::fail_open(Scripted::new()).observer(seen.clone());
    let login = Login::new("alice", 1);
    for kind in OUTAGES {
        store.inner().set(Mood::Fails(kind));
        for _ in 0..10 {
            login.charged(&store, NOON).await;
        }
        assert!(store.is_out_of_order());
        assert_eq!(seen.take(), [Event::OutageBegan(kind)]);
        store.inner().work();
        for _ in 0..10 {
            store.status(&[subject("username:nobody")], NOON).await.unwrap();
        }
        assert!(!store.is_out_of_order());
        assert_eq!(seen.take(), [Event::OutageEnded]);
    }
    // An error of a store that works ends an outage too.
    store.inner().fail();
    login.charged(&store, NOON).await;
    store.inner().set(Mood::Fails(StoreErrorKind::Contended));
    login.begin(&store, NOON).await.unwrap_err();
    assert_eq!(seen.take().last(), Some(&Event::OutageEnded));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn five_hundred_calls_that_fail_at_once_are_one_outage() {
    let (inner, seen) = (Scripted::new(), Seen::default());
    let store = Arc::new(OnOutage::fail_open(inner.clone()).observer(seen.clone()));
    for _ in 0..20 {
        inner.set(Mood::Hangs);
        let calls: Vec<_> = (0..500)
            .map(|call| {
                let store = Arc::clone(&store);
                let login = Login::named(&format!("user{call}"));
                tokio::spawn(async move { login.begin(&*store, NOON).await.map(drop) })
            })
            .collect();
        let mut waiting = 0;
        while waiting < 500 {
            tokio::task::yield_now().await;
            waiting += inner.calls();
        }
        inner.wake(Mood::Fails(StoreErrorKind::Timeout));
        for call in calls {
            call.await.unwrap().unwrap();
        }
        assert_eq!(seen.take(), [Event::OutageBegan(StoreErrorKind::Timeout)]);
        inner.work();
        store.status(&[subject("username:bob")], NOON).await.unwrap();
        assert_eq!(seen.take(), [Event::OutageEnded]);
        inner.calls();
    }
}

/// Lets `count` calls hang in the store.
async fn hanging(
    store: &Arc<OnOutage<Scripted, lockout_layers::FailOpen>>,
    count: usize,
) -> Vec<tokio::task::JoinHandle<()>> {
    store.inner().calls();
    store.inner().set(Mood::Hangs);
    let calls = (0..count)
        .map(|call| {
            let store = Arc::clone(store);
            let login = Login::named(&format!("user{call}"));
            tokio::spawn(async move { drop(login.begin(&*store, NOON).await.unwrap()) })
        })
        .collect();
    while store.inner().calls() < count {
        tokio::task::yield_now().await;
    }
    calls
}

#[tokio::test]
async fn failures_of_calls_from_before_the_end_are_no_new_outage() {
    let seen = Seen::default();
    let store = Arc::new(OnOutage::fail_open(Scripted::new()).observer(seen.clone()));
    let stale = hanging(&store, 1).await;
    store.inner().fail();
    Login::named("alice").charged(&*store, NOON).await;
    store.inner().work();
    Login::named("alice").charged(&*store, NOON).await;
    assert_eq!(seen.take().len(), 2);
    store.inner().wake(Mood::Fails(StoreErrorKind::Unavailable));
    for call in stale {
        call.await.unwrap();
    }
    assert_eq!(seen.take(), []);
    assert!(!store.is_out_of_order());
}

#[tokio::test]
async fn an_answer_to_a_call_from_before_the_outage_does_not_end_it() {
    let seen = Seen::default();
    let store = Arc::new(OnOutage::fail_open(Scripted::new()).observer(seen.clone()));
    let stale = hanging(&store, 1).await;
    store.inner().fail();
    Login::named("alice").charged(&*store, NOON).await;
    store.inner().wake(Mood::Works);
    for call in stale {
        call.await.unwrap();
    }
    assert_eq!(seen.take(), [Event::OutageBegan(StoreErrorKind::Unavailable)]);
    assert!(store.is_out_of_order());
}

#[tokio::test]
async fn a_locked_guesser_does_not_ring_the_alarm_again_and_again() {
    let (inner, seen) = (Scripted::new(), Seen::default());
    let cache = LockCache::new(Breaker::new(inner.clone()));
    let store = OnOutage::fail_open(cache).observer(seen.clone());
    let mallory = Login::new("mallory", 6);
    mallory.fail_times(&store, 2, NOON).await;
    inner.fail();
    for _ in 0..20 {
        Login::new("alice", 1).charged(&store, NOON).await;
        assert!(matches!(mallory.refused(&store, NOON).await, Refusal::Locked { .. }));
        let status = store.status(&[subject("username:mallory")], NOON).await.unwrap();
        assert!(status[0].is_some());
    }
    assert_eq!(seen.take(), [Event::OutageBegan(StoreErrorKind::Unavailable)]);
}

#[tokio::test]
async fn a_guard_sees_no_error_and_the_alarm_comes_once() {
    let (inner, seen) = (Scripted::new(), Seen::default());
    let store = OnOutage::fall_back_to(inner.clone(), MapStore::new()).observer(seen.clone());
    let guard = Guard::builder(store, common::policy())
        .clock(FakeClock::at(NOON))
        .observer(seen.clone())
        .build();
    let alice = Attempt::new().username("alice");
    inner.fail();
    for _ in 0..2 {
        guard.begin(&alice).await.unwrap().admitted().unwrap().fail().await.unwrap();
    }
    let refused = guard.begin(&alice).await.unwrap();
    assert!(matches!(refused, Decision::Refused(Refusal::Locked { .. })), "{refused:?}");
    assert!(guard.check(&alice).await.unwrap().is_some());
    let events = seen.take();
    assert!(
        matches!(
            &events[..],
            [
                Event::OutageBegan(StoreErrorKind::Unavailable),
                Event::Locked(_),
                Event::Refused { .. }
            ]
        ),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_fallback_that_fails_too_is_an_error() {
    let store = falling_back();
    store.inner().fail();
    store.fallback().set(Mood::Fails(StoreErrorKind::Config));
    let error = Login::new("alice", 1).begin(&store, NOON).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Config);
}

#[tokio::test]
async fn charges_that_nobody_made_settle_nothing() {
    let store = falling_back();
    let (login, name) = (Login::new("alice", 1), subject("username:alice"));
    store.inner().fail();
    let real = login.charged(&store, NOON).await;
    let forged: Vec<Charge> = real.iter().map(|c| Charge { tag: u64::MAX, ..*c }).collect();
    store.inner().work();
    login.end(&store, &forged, Outcome::Success, NOON).await.unwrap();
    assert_eq!(store.fallback().map().record(&name).unwrap().failures, 1);
}
