//! Failures: when they count, and for how long.

use lockout_core::{AfterLockout, Cooloff, OnSuccess, Policy};

use super::Examined;
use super::desk::{Desk, SECOND, alice, from, ip, named, username};

pub(super) async fn failures_up_to_the_limit_are_tolerated_and_the_next_one_locks(store: Examined) {
    let desk = Desk::of(store, username().failure_limit(3));
    for left in [Some(2), Some(1), Some(0), None] {
        let permit = desk.admit(&alice()).await;
        assert_eq!(permit.failures_left(), left);
        let settlement = permit.fail().await.expect("the store works");
        assert_eq!(settlement.locked.len(), usize::from(left.is_none()));
    }
    desk.locked(&alice()).await;
    desk.fail(&named("bob")).await;
}

pub(super) async fn a_limit_of_zero_locks_at_the_first_failure(store: Examined) {
    let desk = Desk::of(store, username().failure_limit(0));
    assert_eq!(desk.fail(&alice()).await.locked.len(), 1);
    desk.locked(&alice()).await;
}

pub(super) async fn each_scope_has_its_own_limit(store: Examined) {
    let policy = Policy::builder().rule(username().failure_limit(1)).rule(ip().failure_limit(4));
    let desk = Desk::new(store, policy);
    desk.fail_times(&from("alice", 1), 2).await;
    desk.locked(&from("alice", 2)).await;
    desk.fail_times(&from("bob", 1), 2).await;
    desk.fail(&from("carol", 1)).await;
    desk.locked(&from("dave", 1)).await;
    desk.fail(&from("dave", 2)).await;
}

pub(super) async fn failures_are_forgotten_after_a_quiet_time_that_each_failure_renews(
    store: Examined,
) {
    let desk = Desk::of(store, username().failure_limit(2).attempt_cooloff(100 * SECOND));
    for _ in 0..2 {
        desk.fail(&alice()).await;
        desk.pass(99 * SECOND);
    }
    assert_eq!(desk.admit(&alice()).await.failures_left(), None);
    desk.pass(100 * SECOND);
    desk.locked(&alice()).await;

    desk.fail_times(&named("bob"), 2).await;
    desk.pass(100 * SECOND);
    assert_eq!(desk.admit(&named("bob")).await.failures_left(), Some(1));
}

pub(super) async fn an_attempt_cooloff_of_zero_never_forgets(store: Examined) {
    let desk = Desk::of(store, username().failure_limit(2).attempt_cooloff(Cooloff::NEVER));
    desk.fail(&alice()).await;
    desk.pass(1_000_000_000 * SECOND);
    desk.fail(&alice()).await;
    desk.pass(1_000_000_000 * SECOND);
    assert_eq!(desk.fail(&alice()).await.locked.len(), 1);
}

pub(super) async fn failures_outlive_a_lockout_so_that_one_more_locks_again(store: Examined) {
    let rule = username().attempt_cooloff(600 * SECOND).lockout_cooloff(60 * SECOND);
    let desk = Desk::of(store, rule);
    desk.lock_by_failing(&alice()).await;
    desk.pass(60 * SECOND);
    assert_eq!(desk.fail(&alice()).await.locked.len(), 1);
    desk.locked(&alice()).await;
}

pub(super) async fn after_a_lockout_failures_are_forgotten_if_the_rule_says_so(store: Examined) {
    let rule = username()
        .attempt_cooloff(600 * SECOND)
        .lockout_cooloff(60 * SECOND)
        .after_lockout(AfterLockout::Forget);
    let desk = Desk::of(store, rule);
    desk.lock_by_failing(&alice()).await;
    desk.pass(60 * SECOND);
    desk.fail_times(&alice(), 3).await;
    assert_eq!(desk.fail(&alice()).await.locked.len(), 1);
}

pub(super) async fn a_success_clears(store: Examined) {
    let desk = Desk::of(store, username());
    desk.fail_times(&alice(), 3).await;
    desk.succeed(&alice()).await;
    assert_eq!(desk.admit(&alice()).await.failures_left(), Some(2));
}

pub(super) async fn a_success_refunds_its_own_charge_only(store: Examined) {
    let desk = Desk::of(store, ip().failure_limit(3));
    desk.fail_times(&from("mallory", 1), 3).await;
    // An attacker with an account of his own resets nothing.
    for _ in 0..5 {
        desk.succeed(&from("his-own", 1)).await;
    }
    assert_eq!(desk.fail(&from("victim", 1)).await.locked.len(), 1);
    desk.locked(&from("his-own", 1)).await;
}

pub(super) async fn a_refund_does_not_renew_older_failures(store: Examined) {
    let desk = Desk::of(store, ip().failure_limit(3).attempt_cooloff(100 * SECOND));
    desk.fail_times(&from("alice", 1), 3).await;
    desk.pass(99 * SECOND);
    desk.succeed(&from("bob", 1)).await;
    desk.pass(SECOND);
    assert_eq!(desk.admit(&from("carol", 1)).await.failures_left(), Some(2));
}

pub(super) async fn a_success_that_keeps_counts_like_a_failure(store: Examined) {
    let desk = Desk::of(store, username().failure_limit(1).on_success(OnSuccess::Keep));
    desk.succeed(&alice()).await;
    assert_eq!(desk.succeed(&alice()).await.locked.len(), 1);
    desk.locked(&alice()).await;
}

pub(super) async fn a_cancelled_attempt_counts_nothing(store: Examined) {
    let policy = Policy::builder().rule(username()).rule(ip().failure_limit(3));
    let desk = Desk::new(store, policy);
    desk.fail_times(&from("alice", 1), 3).await;
    for _ in 0..10 {
        let permit = desk.admit(&from("alice", 1)).await;
        assert_eq!(permit.failures_left(), None);
        permit.cancel().await.expect("the store works");
    }
    assert_eq!(desk.fail(&from("alice", 1)).await.locked.len(), 2);
}

pub(super) async fn a_refused_attempt_changes_nothing(store: Examined) {
    let policy = Policy::builder().rule(username().failure_limit(1)).rule(ip().failure_limit(2));
    let desk = Desk::new(store, policy);
    desk.fail_times(&from("alice", 1), 2).await;
    let before = desk.locked(&from("alice", 2)).await;
    for _ in 0..50 {
        assert_eq!(desk.locked(&from("alice", 2)).await, before);
    }
    // The address that only ever was refused is as good as new.
    assert_eq!(desk.admit(&from("bob", 2)).await.failures_left(), Some(0));
    desk.pass(300 * SECOND);
    drop(desk.admit(&from("alice", 2)).await);
}

pub(super) async fn an_attempt_without_a_username_counts_for_its_address(store: Examined) {
    let policy = Policy::builder().rule(username().failure_limit(0)).rule(ip().failure_limit(1));
    let desk = Desk::new(store, policy);
    desk.fail_times(&from(" ", 1), 2).await;
    desk.locked(&from("", 1)).await;
    desk.fail(&from("", 2)).await;
}
