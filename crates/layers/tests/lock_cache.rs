//! What is answered in process, and for how long.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::future::Future;
use std::pin::pin;
use std::slice;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use common::{Login, Mood, NOON, Scripted, after, subject};
use held::{Call, Held, Hold};
use lockout_core::{
    Charge, Combine, Cooloff, LockoutStore, Outcome, Place, Policy, Refusal, Rule, Scope,
    Timestamp, UnlockNotice,
};
use lockout_layers::LockCache;

fn store() -> LockCache<Scripted> {
    LockCache::new(Scripted::new())
}

/// A store in which alice has just been locked by her own failures.
async fn locked() -> (LockCache<Scripted>, Login) {
    let (store, login) = (store(), Login::named("alice"));
    login.fail_times(&store, 2, NOON).await;
    store.inner().calls();
    (store, login)
}

async fn assert_locked(store: &impl LockoutStore, login: &Login, now: Timestamp) -> Refusal {
    let refusal = login.refused(store, now).await;
    assert!(matches!(refusal, Refusal::Locked { .. }), "{refusal:?}");
    refusal
}

#[tokio::test]
async fn a_locked_guesser_who_goes_on_costs_no_call() {
    let (store, login) = locked().await;
    for _ in 0..1000 {
        assert_locked(&store, &login, NOON).await;
        let status = store.status(&[subject("username:alice")], NOON).await.unwrap();
        assert!(status[0].is_some());
    }
    assert_eq!(store.inner().calls(), 0);
}

#[tokio::test]
async fn a_refusal_from_memory_is_the_one_that_the_store_would_give() {
    let store = store();
    let lock = async |text: &str, seconds| {
        store.lock(&subject(text), Some(after(seconds)), NOON).await.unwrap();
    };
    lock("username:alice", 60).await;
    lock("ip:192.0.2.1", 3).await;
    lock("ip:192.0.2.2", 600).await;
    for (name, host) in [("alice", 1), ("alice", 2), ("alice", 3), ("bob", 2)] {
        let login = Login::new(name, host);
        assert_locked(&store, &login, NOON).await;
        store.inner().calls();
        for seconds in [0, 2, 4] {
            let from_memory = login.refused(&store, after(seconds)).await;
            let from_store = login.refused(store.inner().map(), after(seconds)).await;
            assert_eq!(from_memory, from_store, "{name} from {host}, {seconds} s later");
        }
        assert_eq!(store.inner().calls(), 0);
    }
}

#[tokio::test]
async fn an_attempt_of_which_something_is_unknown_asks_the_store() {
    let (store, _) = locked().await;
    let elsewhere = Login::new("alice", 9);
    assert_locked(&store, &elsewhere, NOON).await;
    assert_eq!(store.inner().calls(), 1);
    assert_locked(&store, &elsewhere, NOON).await;
    assert_eq!(store.inner().calls(), 0);
    let both = [subject("username:alice"), subject("username:bob")];
    assert_eq!(store.status(&both, NOON).await.unwrap()[1], None);
    assert_eq!(store.inner().calls(), 1);
}

#[tokio::test]
async fn what_is_free_is_never_admitted_from_memory() {
    let store = store();
    store.lock(&subject("username:alice"), None, NOON).await.unwrap();
    assert_locked(&store, &Login::new("alice", 1), NOON).await;
    store.inner().calls();
    // The address is known to be free, by the refusal above.
    let ip_alone =
        Login { claims: Login::new("alice", 1).claims.split_off(1), ..Login::new("", 1) };
    assert_eq!(ip_alone.claims.len(), 1);
    ip_alone.charged(&store, NOON).await;
    assert_eq!(store.inner().calls(), 1);
    let ip = subject("ip:192.0.2.1");
    assert_eq!(store.status(slice::from_ref(&ip), NOON).await.unwrap(), [None]);
    assert_eq!(store.inner().calls(), 1);
}

#[tokio::test]
async fn being_busy_is_not_remembered() {
    let (store, login) = (store(), Login::named("alice"));
    login.fail(&store, NOON).await;
    let last = login.charged(&store, NOON).await;
    store.inner().calls();
    for calls in 1..4 {
        assert!(matches!(login.refused(&store, NOON).await, Refusal::Busy { .. }), "{calls}");
        assert_eq!(store.inner().calls(), 1);
    }
    login.end(&store, &last, Outcome::Success, NOON).await.unwrap();
    login.charged(&store, NOON).await;
}

#[tokio::test]
async fn a_lock_that_comes_of_an_attempt_that_nobody_settles_is_named() {
    let store = LockCache::new(Scripted::new()).max_stale(Duration::from_secs(3600));
    store.lock(&subject("username:alice"), None, NOON).await.unwrap();
    let (alice, bob) = (Login::new("alice", 1), Login::new("bob", 1));
    bob.fail(&store, NOON).await;
    let _never_settled = bob.charged(&store, NOON).await;
    for (seconds, named) in [(0, 1), (29, 1), (30, 2), (31, 2)] {
        let Refusal::Locked { lockouts, .. } = alice.refused(&store, after(seconds)).await else {
            panic!("she is locked")
        };
        assert_eq!(lockouts.len(), named, "after {seconds} s");
    }
}

#[tokio::test]
async fn an_unlock_elsewhere_is_seen_after_max_stale_at_the_latest() {
    let (store, login) = locked().await;
    let elsewhere = store.inner().map();
    elsewhere.clear(&subject("username:alice"), NOON).await.unwrap();
    let almost = Timestamp::from_millis(after(5).as_millis() - 1);
    assert_locked(&store, &login, almost).await;
    assert_eq!(store.inner().calls(), 0);
    login.charged(&store, after(5)).await;

    let store = LockCache::new(store.into_inner()).max_stale(Duration::ZERO);
    store.lock(&subject("username:alice"), None, NOON).await.unwrap();
    store.inner().calls();
    for _ in 0..3 {
        assert_locked(&store, &login, NOON).await;
        assert_eq!(store.inner().calls(), 1);
    }
}

#[tokio::test]
async fn an_unlock_elsewhere_is_seen_at_once_through_the_handle() {
    let name = subject("username:alice");
    for notice in [UnlockNotice::Unlocked(name.clone()), UnlockNotice::Missed] {
        let (store, login) = locked().await;
        let handle = store.handle().clone();
        handle.notice(&UnlockNotice::Unlocked(subject("username:bob")));
        store.inner().map().clear(&name, NOON).await.unwrap();
        assert_locked(&store, &login, NOON).await;
        handle.notice(&notice);
        login.charged(&store, NOON).await;
    }
}

#[tokio::test]
async fn an_unlock_through_the_store_is_seen_at_once() {
    let (store, login) = locked().await;
    assert_locked(&store, &login, NOON).await;
    assert!(store.clear(&subject("username:alice"), NOON).await.unwrap());
    login.charged(&store, NOON).await;
}

#[tokio::test]
async fn a_lock_that_an_operator_lengthens_is_seen_at_once() {
    let (store, login) = locked().await;
    assert!(!assert_locked(&store, &login, NOON).await.is_permanent());
    store.lock(&subject("username:alice"), None, NOON).await.unwrap();
    assert!(assert_locked(&store, &login, NOON).await.is_permanent());
}

#[tokio::test]
async fn a_lock_that_a_success_lifts_is_forgotten() {
    let policy = Policy::builder()
        .combine(Combine::All)
        .rule(Rule::builder(Scope::Username).failure_limit(1))
        .rule(Rule::builder(Scope::Ip).failure_limit(1))
        .build()
        .unwrap();
    let store = store();
    let both = Login::of(policy.clone(), "alice", 1);
    both.fail_times(&store, 2, NOON).await;
    assert_locked(&store, &both, NOON).await;
    let elsewhere = Login::of(policy, "alice", 2);
    let charges = elsewhere.charged(&store, NOON).await;
    elsewhere.end(&store, &charges, Outcome::Success, NOON).await.unwrap();
    both.charged(&store, NOON).await;
}

#[tokio::test]
async fn an_error_while_settling_leaves_nothing_known() {
    let (store, login) = locked().await;
    assert_locked(&store, &login, NOON).await;
    store.inner().fail();
    store.clear(&subject("username:alice"), NOON).await.unwrap_err();
    // It may have been unlocked.
    assert!(login.begin(&store, NOON).await.is_err());
}

#[tokio::test]
async fn an_answer_that_was_on_its_way_when_an_unlock_came_is_not_noted() {
    let (login, name) = (Login::named("alice"), subject("username:alice"));
    for through_handle in [false, true] {
        let cache = held(Hold::After(Call::Reserve));
        cache.inner().map().lock(&name, None, NOON).await.unwrap();
        let refused = {
            let (cache, login) = (cache.clone(), Login::named("alice"));
            tokio::spawn(async move { login.refused(&*cache, NOON).await })
        };
        cache.inner().reached().await;
        if through_handle {
            cache.inner().map().clear(&name, NOON).await.unwrap();
            cache.handle().notice(&UnlockNotice::Unlocked(name.clone()));
        } else {
            cache.clear(&name, NOON).await.unwrap();
        }
        cache.inner().let_go();
        assert!(matches!(refused.await.unwrap(), Refusal::Locked { .. }));
        login.charged(&*cache, NOON).await;
    }
}

#[tokio::test]
async fn what_is_noted_while_an_unlock_is_under_way_is_forgotten() {
    let (login, name) = (Login::named("alice"), subject("username:alice"));
    let cache = held(Hold::Before(Call::Clear));
    cache.lock(&name, None, NOON).await.unwrap();
    let cleared = {
        let (cache, name) = (cache.clone(), name.clone());
        tokio::spawn(async move { cache.clear(&name, NOON).await.unwrap() })
    };
    cache.inner().reached().await;
    assert_locked(&*cache, &login, NOON).await;
    cache.inner().let_go();
    assert!(cleared.await.unwrap());
    login.charged(&*cache, NOON).await;
}

/// Under `all`, an attempt on a locked name whose success lifts the lock, and one that it refuses.
async fn about_to_lift(cache: &Cache) -> (Login, Vec<Charge>, Login) {
    let rule =
        |scope| Rule::builder(scope).failure_limit(1).attempt_cooloff(Duration::from_secs(9));
    let policy = Policy::builder()
        .combine(Combine::All)
        .rule(rule(Scope::Username))
        .rule(rule(Scope::Ip))
        .build()
        .unwrap();
    let (lifts, refused) = (Login::of(policy.clone(), "alice", 2), Login::of(policy, "alice", 1));
    refused.fail_times(&**cache, 2, NOON).await;
    // Her failures are forgotten by now, her lock is not.
    let charges = lifts.charged(&**cache, after(10)).await;
    assert!(charges.iter().all(|charge| charge.place == Place::Tolerated));
    assert_locked(&**cache, &refused, after(10)).await;
    (lifts, charges, refused)
}

#[tokio::test]
async fn what_is_noted_while_a_success_is_under_way_is_forgotten() {
    let cache = held(Hold::Before(Call::Settle));
    cache.inner().let_go();
    let (lifts, charges, refused) = about_to_lift(&cache).await;
    cache.inner().hold();
    let settled = {
        let cache = cache.clone();
        tokio::spawn(async move {
            lifts.end(&*cache, &charges, Outcome::Success, after(10)).await.unwrap()
        })
    };
    cache.inner().reached().await;
    assert_locked(&*cache, &refused, after(10)).await;
    cache.inner().let_go();
    assert_eq!(settled.await.unwrap().unlocked, [subject("username:alice")]);
    refused.charged(&*cache, after(10)).await;
}

#[tokio::test]
async fn a_success_that_nobody_waits_for_is_forgotten_too() {
    let cache = held(Hold::After(Call::Settle));
    cache.inner().let_go();
    let (lifts, charges, refused) = about_to_lift(&cache).await;
    cache.inner().hold();
    {
        let settling = pin!(lifts.end(&*cache, &charges, Outcome::Success, after(10)));
        assert!(settling.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    refused.charged(&*cache, after(10)).await;
}

#[tokio::test]
async fn an_unlock_that_nobody_waits_for_is_forgotten_too() {
    let (login, name) = (Login::named("alice"), subject("username:alice"));
    let cache = held(Hold::After(Call::Clear));
    cache.lock(&name, None, NOON).await.unwrap();
    assert_locked(&*cache, &login, NOON).await;
    {
        let clearing = pin!(cache.clear(&name, NOON));
        assert!(clearing.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    login.charged(&*cache, NOON).await;
}

#[tokio::test]
async fn an_attempt_that_is_admitted_makes_what_was_known_out_of_date() {
    let (store, login) = (store(), Login::named("alice"));
    store.lock(&subject("username:alice"), Some(after(60)), NOON).await.unwrap();
    assert_locked(&store, &login, after(58)).await;
    login.charged(&store, after(60)).await;
    // The clock steps back, and a record never runs backwards.
    login.charged(&store, after(59)).await;
}

#[tokio::test]
async fn memory_is_bounded_and_what_is_evicted_costs_a_call() {
    let store = LockCache::with_capacity(Scripted::new(), 10);
    let logins: Vec<_> = (0..1000).map(|user| Login::named(&format!("user{user}"))).collect();
    for login in &logins {
        login.fail_times(&store, 2, NOON).await;
        assert_locked(&store, login, NOON).await;
    }
    store.inner().calls();
    for login in &logins {
        assert_locked(&store, login, NOON).await;
    }
    let calls = store.inner().calls();
    // Moka evicts now and then, not at once.
    assert!((500..=1000).contains(&calls), "{calls} of 1000 asked the store");
}

#[tokio::test]
async fn a_permanent_lock_is_remembered_and_asked_for_again() {
    let rule = Rule::builder(Scope::Username).failure_limit(0).lockout_cooloff(Cooloff::NEVER);
    let login = Login::of(Policy::builder().rule(rule).build().unwrap(), "alice", 1);
    let store = store();
    login.fail(&store, NOON).await;
    store.inner().calls();
    for seconds in 0..5 {
        assert!(assert_locked(&store, &login, after(seconds)).await.is_permanent());
    }
    assert_eq!(store.inner().calls(), 0);
    assert!(assert_locked(&store, &login, after(86_400 * 365)).await.is_permanent());
    assert_eq!(store.inner().calls(), 1);
}

#[tokio::test]
async fn a_lock_is_over_when_it_is_over() {
    let rule =
        Rule::builder(Scope::Username).failure_limit(0).lockout_cooloff(Cooloff::from_secs(2));
    let login = Login::of(Policy::builder().rule(rule).build().unwrap(), "alice", 1);
    let store = store();
    login.fail(&store, NOON).await;
    assert_locked(&store, &login, Timestamp::from_millis(after(2).as_millis() - 1)).await;
    login.charged(&store, after(2)).await;
}

#[tokio::test]
async fn what_was_noted_at_a_time_yet_to_come_is_not_used() {
    let (store, login) = locked().await;
    let back = Timestamp::from_millis(NOON.as_millis() - 3_600_000);
    assert_locked(&store, &login, back).await;
    assert_eq!(store.inner().calls(), 1, "the store was asked");
    // Noted anew, it serves by the clock as it is now, and no longer than ever.
    assert_locked(&store, &login, back.saturating_add(Duration::from_secs(4))).await;
    assert_eq!(store.inner().calls(), 0);
    assert_locked(&store, &login, back.saturating_add(Duration::from_secs(5))).await;
    assert_eq!(store.inner().calls(), 1);
}

#[tokio::test]
async fn a_failure_below_the_limit_forgets_nothing() {
    let store = store();
    store.lock(&subject("username:alice"), None, NOON).await.unwrap();
    let (alice, bob) = (Login::named("alice"), Login::named("bob"));
    assert_locked(&store, &alice, NOON).await;
    bob.fail(&store, NOON).await;
    store.inner().calls();
    assert_locked(&store, &alice, NOON).await;
    assert_eq!(store.inner().calls(), 0);
}

#[tokio::test]
async fn a_known_lock_is_answered_in_an_outage() {
    let (store, login) = locked().await;
    store.inner().set(Mood::Fails(lockout_core::StoreErrorKind::Unavailable));
    assert_locked(&store, &login, after(4)).await;
    assert!(login.begin(&store, after(5)).await.is_err());
    assert!(Login::named("bob").begin(&store, NOON).await.is_err());
}

#[tokio::test]
async fn debug_of_a_handle_names_nobody() {
    let (store, _) = locked().await;
    assert_eq!(format!("{:?}", store.handle()), "LockCacheHandle { .. }");
}

type Cache = Arc<LockCache<Held>>;

fn held(hold: Hold) -> Cache {
    Arc::new(LockCache::new(Held::new(hold)))
}

/// A store that holds up one kind of call.
mod held {
    use async_trait::async_trait;
    use lockout_core::{
        Charge, LockedQuery, Lockout, LockoutStore, MapStore, Outcome, Page, Reservation, Reserved,
        Result, Settlement, Subject, Timestamp,
    };
    use tokio::sync::{Notify, watch};

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) enum Call {
        Reserve,
        Settle,
        Clear,
    }

    /// Whether it holds the call up on its way to the store or on its way back.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) enum Hold {
        Before(Call),
        After(Call),
    }

    #[derive(Debug)]
    pub(super) struct Held {
        map: MapStore,
        hold: Hold,
        reached: Notify,
        holds: watch::Sender<bool>,
    }

    impl Held {
        pub(super) fn new(hold: Hold) -> Self {
            let holds = watch::Sender::new(true);
            Self { map: MapStore::new(), hold, reached: Notify::new(), holds }
        }

        pub(super) fn map(&self) -> &MapStore {
            &self.map
        }

        pub(super) fn hold(&self) {
            self.holds.send_replace(true);
        }

        pub(super) fn let_go(&self) {
            self.holds.send_replace(false);
        }

        /// Ends when a call is held up.
        pub(super) async fn reached(&self) {
            self.reached.notified().await;
        }

        async fn pass(&self, point: Hold) {
            if self.hold == point && *self.holds.borrow() {
                self.reached.notify_one();
                let mut holds = self.holds.subscribe();
                holds.wait_for(|holds| !holds).await.expect("the sender is here");
            }
        }
    }

    #[async_trait]
    impl LockoutStore for Held {
        async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
            self.pass(Hold::Before(Call::Reserve)).await;
            let reserved = self.map.reserve(reservation, now).await;
            self.pass(Hold::After(Call::Reserve)).await;
            reserved
        }

        async fn settle(
            &self,
            reservation: &Reservation<'_>,
            charges: &[Charge],
            outcome: Outcome,
            now: Timestamp,
        ) -> Result<Settlement> {
            self.pass(Hold::Before(Call::Settle)).await;
            let settled = self.map.settle(reservation, charges, outcome, now).await;
            self.pass(Hold::After(Call::Settle)).await;
            settled
        }

        async fn status(
            &self,
            subjects: &[Subject],
            now: Timestamp,
        ) -> Result<Vec<Option<Lockout>>> {
            self.map.status(subjects, now).await
        }

        async fn lock(
            &self,
            subject: &Subject,
            until: Option<Timestamp>,
            now: Timestamp,
        ) -> Result<bool> {
            self.map.lock(subject, until, now).await
        }

        async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
            self.pass(Hold::Before(Call::Clear)).await;
            let cleared = self.map.clear(subject, now).await;
            self.pass(Hold::After(Call::Clear)).await;
            cleared
        }

        async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
            self.map.locked(query, now).await
        }
    }
}
