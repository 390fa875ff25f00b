//! All layers together, in the order that the documentation says.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use common::{Login, Mood, NOON, Scripted, Seen, after, subject};
use lockout_core::{Event, LockoutStore, MapStore, Outcome, Refusal, StoreErrorKind, UnlockNotice};
use lockout_layers::{
    Breaker, Deadline, Fallback, HashKey, Hashed, LockCache, LockCacheHandle, Metered, OnOutage,
};

type Held = Hashed<LockCache<Breaker<Deadline<Scripted>>>>;

struct Stack {
    store: Metered<OnOutage<Held, Fallback<MapStore>>>,
    server: Scripted,
    seen: Seen,
    unlocks: LockCacheHandle,
}

fn stack() -> Stack {
    let (server, seen) = (Scripted::new(), Seen::default());
    let cache =
        LockCache::new(Breaker::new(Deadline::new(server.clone(), Duration::from_millis(500))));
    let unlocks = cache.handle();
    let hashed = Hashed::new(cache, HashKey::new([7; 32]).unwrap());
    let store = OnOutage::fall_back_to(hashed, MapStore::new()).observer(seen.clone());
    Stack { store: Metered::new(store, "login"), server, seen, unlocks }
}

fn is_locked(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Locked { .. })
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_an_outage_that_soon_costs_nothing() {
    let Stack { store, server, seen, .. } = stack();
    server.set(Mood::Hangs);
    let begun = tokio::time::Instant::now();
    for user in 0..100 {
        Login::named(&format!("user{user}")).charged(&store, NOON).await;
    }
    assert_eq!(server.calls(), 5, "then the circuit is open");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(seen.take(), [Event::OutageBegan(StoreErrorKind::Timeout)]);
    server.wake(Mood::Works);
    Login::named("alice").charged(&store, after(1)).await;
    assert_eq!((server.calls(), &seen.take()[..]), (1, &[Event::OutageEnded][..]));
}

#[tokio::test(start_paused = true)]
async fn a_known_lock_is_refused_in_an_outage_and_the_lock_outlives_it() {
    let Stack { store, server, seen, .. } = stack();
    let login = Login::new("alice", 1);
    login.fail_times(&store, 2, NOON).await;
    server.fail();
    for user in 0..10 {
        Login::named(&format!("user{user}")).charged(&store, NOON).await;
    }
    server.calls();
    for _ in 0..100 {
        assert!(is_locked(&login.refused(&store, after(1)).await));
    }
    assert_eq!(server.calls(), 0);
    // When memory serves no longer, the fallback grants its own limit, and no more.
    login.fail_times(&store, 2, after(6)).await;
    assert!(is_locked(&login.refused(&store, after(6)).await));
    server.work();
    assert!(is_locked(&login.refused(&store, after(60)).await));
    assert_eq!(seen.take(), [Event::OutageBegan(StoreErrorKind::Unavailable)]);
}

#[tokio::test(start_paused = true)]
async fn news_of_an_unlock_come_with_the_name_that_the_server_knows() {
    let Stack { store, server, unlocks, .. } = stack();
    let (login, name) = (Login::named("alice"), subject("username:alice"));
    login.fail_times(&store, 2, NOON).await;
    let stored = store.inner().inner().stored(&name);
    server.map().clear(&stored, NOON).await.unwrap();
    assert!(is_locked(&login.refused(&store, NOON).await), "nobody has told yet");
    unlocks.notice(&UnlockNotice::Unlocked(stored));
    login.charged(&store, NOON).await;
}

#[tokio::test(start_paused = true)]
async fn the_fallback_gets_names_and_the_server_hashes() {
    let Stack { store, server, .. } = stack();
    let (login, name) = (Login::named("alice"), subject("username:alice"));
    login.charged(&store, NOON).await;
    server.fail();
    let charges = login.charged(&store, NOON).await;
    let fallback = store.inner().fallback();
    assert_eq!(fallback.record(&name).unwrap().failures, 1);
    assert_eq!(server.map().record(&name), None);
    assert_eq!(server.map().record(&store.inner().inner().stored(&name)).unwrap().failures, 1);
    server.work();
    login.end(&store, &charges, Outcome::Success, NOON).await.unwrap();
    assert_eq!(fallback.record(&name).unwrap().failures, 0);
}

#[tokio::test(start_paused = true)]
async fn clients_that_hang_up_bring_about_no_outage() {
    let Stack { store, server, seen, .. } = stack();
    server.set(Mood::Hangs);
    for user in 0..1000 {
        let login = Login::named(&format!("user{user}"));
        let gone = tokio::time::timeout(Duration::ZERO, login.begin(&store, NOON)).await;
        assert!(gone.is_err());
    }
    assert_eq!(server.calls(), 1000);
    server.work();
    Login::named("alice").charged(&store, NOON).await;
    assert_eq!(server.calls(), 1);
    assert_eq!(seen.take(), []);
}
