//! Permits: the last place, late and missing outcomes.

use std::time::Duration;

use lockout_core::{Event, Policy};

use super::Examined;
use super::desk::{Desk, SECOND, alice, from, ip, named, subject, username};

pub(super) async fn while_the_last_place_is_under_way_others_are_busy_not_locked(store: Examined) {
    let desk = Desk::of(store, username());
    desk.fail_times(&alice(), 3).await;
    let last = desk.admit(&alice()).await;
    desk.busy(&alice()).await;
    assert_eq!(desk.lockout(&subject("username:alice")).await, None);
    last.succeed().await.expect("the store works");
    assert_eq!(desk.admit(&alice()).await.failures_left(), Some(2));
}

pub(super) async fn a_failure_on_the_last_place_locks_from_then_on(store: Examined) {
    let desk = Desk::of(store, username().failure_limit(0));
    let last = desk.admit(&alice()).await;
    desk.pass(20 * SECOND);
    let settlement = last.fail().await.expect("the store works");
    assert_eq!(settlement.locked[0].since, desk.now());
    assert_eq!(settlement.locked[0].remaining(desk.now()), Some(300 * SECOND));
}

pub(super) async fn a_dropped_permit_stays_charged(store: Examined) {
    let desk = Desk::of(store, username());
    for _ in 0..4 {
        drop(desk.admit(&alice()).await);
    }
    desk.busy(&alice()).await;
    assert_eq!(desk.lockout(&subject("username:alice")).await, None);
    desk.pass(30 * SECOND);
    assert!(desk.lockout(&subject("username:alice")).await.is_some());
    desk.locked(&alice()).await;
    desk.pass(270 * SECOND);
    drop(desk.admit(&alice()).await);
}

pub(super) async fn an_outcome_later_than_the_lease_still_counts(store: Examined) {
    let policy = Policy::builder().rule(username().failure_limit(0)).lease(5 * SECOND);
    let desk = Desk::new(store, policy);
    let right = desk.admit(&alice()).await;
    let wrong = desk.admit(&named("bob")).await;
    desk.pass(5 * SECOND);
    desk.locked(&alice()).await;
    right.succeed().await.expect("the store works");
    drop(desk.admit(&alice()).await);
    wrong.fail().await.expect("the store works");
    let bob = desk.lockout(&subject("username:bob")).await.expect("a lockout");
    assert_eq!(bob.remaining(desk.now()), Some(300 * SECOND));
}

pub(super) async fn a_success_forgives_what_began_before_it_and_not_what_began_after(
    store: Examined,
) {
    let desk = Desk::of(store, username());
    desk.fail_times(&alice(), 1).await;
    let owner = desk.admit(&alice()).await;
    desk.fail_times(&alice(), 1).await;
    owner.succeed().await.expect("the store works");
    assert_eq!(desk.admit(&alice()).await.failures_left(), Some(1));
}

pub(super) async fn an_older_success_does_not_lift_a_newer_lock(store: Examined) {
    let desk = Desk::of(store, username());
    let owner = desk.admit(&alice()).await;
    desk.fail_times(&alice(), 3).await;
    desk.locked(&alice()).await;
    let settlement = owner.succeed().await.expect("the store works");
    assert_eq!(settlement.unlocked, []);
    desk.locked(&alice()).await;
}

pub(super) async fn an_older_success_frees_a_place_that_is_only_under_way(store: Examined) {
    let desk = Desk::of(store, username());
    let owner = desk.admit(&alice()).await;
    desk.fail_times(&alice(), 2).await;
    let last = desk.admit(&alice()).await;
    desk.busy(&alice()).await;
    owner.succeed().await.expect("the store works");
    assert_eq!(last.failures_left(), None);
    assert_eq!(last.fail().await.expect("the store works").locked, []);
    assert_eq!(desk.fail(&alice()).await.locked.len(), 1);
}

pub(super) async fn a_lock_that_was_lifted_leaves_no_history(store: Examined) {
    let list = lockout_core::CooloffList::from_secs([60, 120]);
    let desk = Desk::of(store, username().lockout_cooloff(list));
    desk.fail_times(&alice(), 3).await;
    desk.succeed(&alice()).await;
    assert_eq!(desk.lock_by_failing(&alice()).await, Some(60));
}

pub(super) async fn a_permit_of_a_forgotten_count_settles_nothing_of_the_next(store: Examined) {
    let desk = Desk::of(store, username().attempt_cooloff(10 * SECOND));
    let late = desk.admit(&alice()).await;
    desk.pass(3600 * SECOND);
    desk.fail_times(&alice(), 3).await;
    late.succeed().await.expect("the store works");
    assert_eq!(desk.admit(&alice()).await.failures_left(), None);
}

pub(super) async fn a_refund_from_before_an_unlock_is_not_paid_from_a_later_charge(
    store: Examined,
) {
    let desk = Desk::of(store, ip().failure_limit(3));
    let early = desk.admit(&from("alice", 1)).await;
    desk.guard.unlock(&subject("ip:198.51.100.1")).await.expect("the store works");
    desk.fail(&from("mallory", 1)).await;
    early.succeed().await.expect("the store works");
    assert_eq!(desk.admit(&from("mallory", 1)).await.failures_left(), Some(1));
}

pub(super) async fn a_refund_frees_the_last_place_though_failures_outlived_a_lockout(
    store: Examined,
) {
    let desk = Desk::of(store, ip().failure_limit(1).lockout_cooloff(10 * SECOND));
    desk.fail_times(&from("mallory", 1), 2).await;
    desk.pass(10 * SECOND);
    for _ in 0..3 {
        desk.succeed(&from("alice", 1)).await;
    }
    assert_eq!(desk.fail(&from("mallory", 1)).await.locked.len(), 1);
}

pub(super) async fn a_late_failure_confirms_no_lock_but_its_own(store: Examined) {
    let desk = Desk::of(store, username().failure_limit(0));
    let early = desk.admit(&alice()).await;
    desk.guard.unlock(&subject("username:alice")).await.expect("the store works");
    let last = desk.admit(&alice()).await;
    assert_eq!(early.fail().await.expect("the store works").locked, []);
    desk.busy(&alice()).await;
    last.succeed().await.expect("the store works");
    drop(desk.admit(&alice()).await);
}

pub(super) async fn a_failure_after_its_lock_is_over_locks_no_more(store: Examined) {
    let rule = username().failure_limit(0).lockout_cooloff(10 * SECOND);
    let desk = Desk::of(store, rule);
    let slow = desk.admit(&alice()).await;
    desk.pass(12 * SECOND);
    assert_eq!(slow.fail().await.expect("the store works").locked, []);
    drop(desk.admit(&alice()).await);
}

pub(super) async fn a_busy_client_waits_no_longer_than_the_lock_could_last(store: Examined) {
    let rule = username().failure_limit(0).lockout_cooloff(Duration::from_millis(200));
    let desk = Desk::of(store, rule);
    let _last = desk.admit(&alice()).await;
    let refusal = desk.begin(&alice()).await.expect_err("a busy subject");
    assert_eq!(refusal.retry_after(), Some(Duration::from_millis(200)));
}

pub(super) async fn a_permit_from_before_an_unlock_settles_nothing_after_it(store: Examined) {
    let desk = Desk::of(store, username().failure_limit(1));
    let early = [desk.admit(&alice()).await, desk.admit(&alice()).await];
    desk.guard.unlock(&subject("username:alice")).await.expect("the store works");
    desk.pass(SECOND);
    desk.fail_times(&alice(), 2).await;
    desk.locked(&alice()).await;
    for permit in early {
        permit.succeed().await.expect("the store works");
    }
    desk.locked(&alice()).await;
}

pub(super) async fn an_attempt_is_charged_to_all_its_subjects_or_to_none(store: Examined) {
    let policy = Policy::builder().rule(ip().failure_limit(9)).rule(username().failure_limit(0));
    let desk = Desk::new(store, policy);
    desk.fail(&from("alice", 1)).await;
    for _ in 0..50 {
        desk.locked(&from("alice", 2)).await;
    }
    assert_eq!(desk.admit(&from("bob", 2)).await.failures_left(), None);
    for left in (0..8).rev() {
        // The username's rule is the stricter one: look at the address by itself.
        let permit = desk.admit(&from("", 2)).await;
        assert_eq!(permit.failures_left(), Some(left));
    }
}

pub(super) async fn exactly_one_event_for_each_lockout_and_each_unlock(store: Examined) {
    let desk = Desk::of(store, username());
    let alice_subject = subject("username:alice");
    desk.fail_times(&alice(), 3).await;
    assert_eq!(desk.events(), []);
    let settlement = desk.fail(&alice()).await;
    assert_eq!(desk.events(), [Event::Locked(settlement.locked[0].clone())]);
    for _ in 0..5 {
        desk.locked(&alice()).await;
    }
    assert_eq!(desk.events(), []);
    for _ in 0..2 {
        desk.guard.unlock(&alice_subject).await.expect("the store works");
    }
    assert_eq!(desk.events(), [Event::Unlocked(alice_subject.clone())]);
    for minutes in [10, 5] {
        let period = Some(Duration::from_secs(minutes * 60));
        desk.guard.lock(&alice_subject, period).await.expect("the store works");
    }
    assert!(matches!(&desk.events()[..], [Event::Locked(_)]));

    desk.fail_times(&named("bob"), 3).await;
    drop(desk.admit(&named("bob")).await);
    assert!(
        matches!(&desk.events()[..], [Event::Locked(lockout)] if lockout.subject == subject("username:bob"))
    );
    desk.pass(30 * SECOND);
    desk.locked(&named("bob")).await;
    assert_eq!(desk.events(), []);
}
