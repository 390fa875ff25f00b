//! The reference store and the easy way to a store of one's own pass the published suite.

use async_trait::async_trait;
use lockout_core::{
    Attempt, Engined, FakeClock, Guard, LockedQuery, LockoutStore, MapStore, Policy, RecordStore,
    Result, Step, StoreErrorKind, Subject, Timestamp,
};
use lockout_testkit::conformance_suite;

conformance_suite!(map_store, MapStore::new());
conformance_suite!(engined, Engined(MapStore::new()));

/// A store that can change a record and nothing else.
#[derive(Debug, Default)]
struct OneMethod(MapStore);

#[async_trait]
impl RecordStore for OneMethod {
    async fn update(&self, subject: &Subject, step: &mut Step<'_>) -> Result<()> {
        self.0.update(subject, step).await
    }
}

#[tokio::test]
async fn a_store_that_cannot_list_says_what_to_implement_and_does_all_else() {
    let guard = Guard::new(Engined(OneMethod::default()), Policy::default());
    let alice = Attempt::new().username("alice");
    for _ in 0..4 {
        guard.begin(&alice).await.unwrap().admitted().unwrap().fail().await.unwrap();
    }
    let lockouts = guard.lockouts(&alice).await.unwrap();
    assert!(lockouts.len() == 1 && !lockouts[0].is_permanent());
    let error = guard.locked(&LockedQuery::default()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Config);
    assert!(error.to_string().contains("implement RecordStore::subjects"), "{error}");
}

#[tokio::test]
async fn a_sweep_deletes_what_nothing_depends_on() {
    let clock = FakeClock::at(Timestamp::from_millis(1_000_000_000_000));
    let store: &'static MapStore = Box::leak(Box::default());
    let guard = Guard::builder(store, Policy::default()).clock(clock.clone()).build();
    let alice = Attempt::new().username("alice");
    guard.begin(&alice).await.unwrap().admitted().unwrap().fail().await.unwrap();
    let name = Subject::username("alice").unwrap();
    assert!(guard.lock(&Subject::username("bob").unwrap(), None).await.unwrap());
    let expires = store.record(&name).unwrap().expires_at.unwrap();
    assert_eq!(store.sweep(Timestamp::from_millis(expires.as_millis() - 1)), 0);
    assert_eq!(store.sweep(expires), 1);
    assert_eq!(store.record(&name), None);
    assert_eq!(store.sweep(Timestamp::from_millis(u64::MAX)), 0, "bob is locked for good");
    let bob = store.status(&[Subject::username("bob").unwrap()], expires).await.unwrap();
    assert!(bob[0].as_ref().unwrap().is_permanent());
}
