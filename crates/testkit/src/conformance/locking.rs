//! Lockouts: when they begin, how long they last, and what they refuse.

use std::time::Duration;

use lockout_core::{
    Combine, Cooloff, CooloffList, EscalateBy, LockedBy, Policy, Refusal, RuleBuilder,
};

use super::Examined;
use super::desk::{Desk, SECOND, alice, from, ip, named, subject, username};

pub(super) async fn a_lockout_ends_on_time_and_says_when(store: Examined) {
    let desk = Desk::of(store, username().lockout_cooloff(60 * SECOND));
    assert_eq!(desk.lock_by_failing(&alice()).await, Some(60));
    let end = desk.now().saturating_add(60 * SECOND);
    desk.pass(Duration::from_millis(59_001));
    let refusal = desk.locked(&alice()).await;
    assert_eq!(refusal.retry_after(), Some(Duration::from_millis(999)));
    assert_eq!(refusal.retry_after_secs(), Some(1));
    let Refusal::Locked { lockouts, until, failure_limit, .. } = refusal else { unreachable!() };
    assert_eq!((until, failure_limit), (Some(end), 3));
    assert_eq!(lockouts.len(), 1);
    assert_eq!(lockouts[0].subject, subject("username:alice"));
    assert_eq!(lockouts[0].by, LockedBy::Rule);
    desk.pass(Duration::from_millis(999));
    assert_eq!(desk.lockout(&subject("username:alice")).await, None);
    drop(desk.admit(&alice()).await);
}

pub(super) async fn a_cooloff_of_zero_locks_until_somebody_unlocks(store: Examined) {
    for list in [CooloffList::default(), CooloffList::from_secs([0])] {
        let name = format!("user{}", list.entries().len());
        let desk = Desk::of(store.clone(), username().lockout_cooloff(list));
        assert_eq!(desk.lock_by_failing(&named(&name)).await, None);
        desk.pass(1_000_000_000 * SECOND);
        assert!(desk.locked(&named(&name)).await.is_permanent());
        let subject = subject(&format!("username:{name}"));
        assert!(desk.guard.unlock(&subject).await.expect("the store works"));
        drop(desk.admit(&named(&name)).await);
    }
}

/// Locks again and again, each time as soon as possible; how long in seconds, 0 for without end.
async fn lockouts(store: Examined, rule: RuleBuilder, times: usize) -> Vec<u64> {
    let desk = Desk::of(store, rule);
    let mut periods = Vec::new();
    for _ in 0..times {
        let period = desk.lock_by_failing(&alice()).await;
        periods.push(period.unwrap_or(0));
        desk.pass(Duration::from_secs(period.unwrap_or(0)));
    }
    periods
}

pub(super) async fn lockouts_get_longer_and_the_last_entry_repeats(store: Examined) {
    let rule = username().lockout_cooloff(CooloffList::from_secs([60, 120, 300]));
    assert_eq!(lockouts(store, rule, 5).await, [60, 120, 300, 300, 300]);
}

pub(super) async fn the_history_is_a_window_that_slides(store: Examined) {
    let rule = username()
        .cooloff(Cooloff::from_secs(10))
        .lockout_cooloff(CooloffList::from_secs([10, 20, 30, 40]))
        .lockout_memory(100 * SECOND);
    let desk = Desk::of(store, rule);
    assert_eq!(desk.lock_by_failing(&alice()).await, Some(10)); // at 0 s
    desk.pass(50 * SECOND);
    assert_eq!(desk.lock_by_failing(&alice()).await, Some(20)); // at 50 s
    desk.pass(49 * SECOND);
    assert_eq!(desk.lock_by_failing(&alice()).await, Some(30)); // at 99 s
    desk.pass(52 * SECOND);
    // At 151 s the first two are forgotten.
    assert_eq!(desk.lock_by_failing(&alice()).await, Some(20));
}

pub(super) async fn a_success_does_not_shorten_the_history(store: Examined) {
    let desk = Desk::of(store, username().lockout_cooloff(CooloffList::from_secs([60, 120])));
    desk.lock_by_failing(&alice()).await;
    desk.pass(60 * SECOND);
    desk.succeed(&alice()).await;
    assert_eq!(desk.lock_by_failing(&alice()).await, Some(120));
}

pub(super) async fn lockouts_can_escalate_by_failures(store: Examined) {
    let rule = username()
        .failure_limit(1)
        .lockout_cooloff(CooloffList::from_secs([10, 20, 30]))
        .escalate_by(EscalateBy::Failures);
    let desk = Desk::of(store, rule);
    // A success leaves no mark, so it takes two failures for each level.
    desk.succeed(&alice()).await;
    assert_eq!(desk.lock_by_failing(&alice()).await, Some(20));
    desk.pass(20 * SECOND);
    desk.succeed(&alice()).await;
    assert_eq!(desk.lock_by_failing(&alice()).await, Some(30));
}

pub(super) async fn lockouts_can_escalate_by_attempts(store: Examined) {
    let rule = username()
        .failure_limit(2)
        .lockout_cooloff(CooloffList::from_secs([10, 20, 30]))
        .escalate_by(EscalateBy::Attempts);
    let desk = Desk::of(store, rule);
    assert_eq!(desk.lock_by_failing(&named("bob")).await, Some(10));
    for _ in 0..3 {
        desk.succeed(&alice()).await;
    }
    assert_eq!(desk.lock_by_failing(&alice()).await, Some(30));
}

pub(super) async fn jitter_lengthens_a_lockout_within_its_bound(store: Examined) {
    let rule = username().failure_limit(0).lockout_jitter(1000 * SECOND);
    let desk = Desk::of(store, rule);
    let mut periods = Vec::new();
    for client in 0..20 {
        periods.push(desk.lock_by_failing(&named(&format!("user{client}"))).await);
    }
    assert!(periods.iter().all(|p| (300..=1300).contains(&p.unwrap_or(0))), "{periods:?}");
    periods.dedup();
    assert!(periods.len() > 1, "every lockout got the same jitter: {periods:?}");
}

pub(super) async fn any_locked_subject_refuses(store: Examined) {
    let policy = Policy::builder()
        .rule(username().failure_limit(0).lockout_cooloff(60 * SECOND))
        .rule(ip().failure_limit(0).lockout_cooloff(600 * SECOND));
    let desk = Desk::new(store, policy);
    assert_eq!(desk.fail(&from("alice", 1)).await.locked.len(), 2);
    for (attempt, seconds, subjects) in
        [(from("alice", 2), 60, 1), (from("bob", 1), 600, 1), (from("alice", 1), 600, 2)]
    {
        let refusal = desk.locked(&attempt).await;
        assert_eq!(refusal.retry_after_secs(), Some(seconds), "{attempt:?}");
        let Refusal::Locked { lockouts, .. } = refusal else { unreachable!() };
        assert_eq!(lockouts.len(), subjects, "{attempt:?}");
    }
    drop(desk.admit(&from("bob", 2)).await);
}

fn both() -> lockout_core::PolicyBuilder {
    Policy::builder()
        .combine(Combine::All)
        .rule(username().failure_limit(1).lockout_cooloff(100 * SECOND))
        .rule(ip().failure_limit(1).lockout_cooloff(200 * SECOND))
}

pub(super) async fn under_all_only_every_locked_subject_together_refuses(store: Examined) {
    let desk = Desk::new(store, both());
    desk.fail_times(&from("alice", 1), 2).await;
    // It can pass again when the first of its locks ends.
    assert_eq!(desk.locked(&from("alice", 1)).await.retry_after_secs(), Some(100));
    desk.succeed(&from("bob", 1)).await;
    desk.admit(&from("alice", 2)).await.cancel().await.expect("the store works");
    // An attempt that lacks a subject is not refused.
    drop(desk.admit(&named("alice")).await);
}

pub(super) async fn under_all_a_further_failure_renews_the_lock(store: Examined) {
    let desk = Desk::new(store, both());
    desk.fail_times(&from("alice", 1), 2).await;
    desk.events();
    desk.pass(50 * SECOND);
    let settlement = desk.fail(&from("bob", 1)).await;
    assert_eq!(settlement.locked, []);
    let lockout = desk.lockout(&subject("ip:198.51.100.1")).await.expect("a lockout");
    assert_eq!(lockout.remaining(desk.now()), Some(200 * SECOND));
    assert_eq!(desk.events(), [], "the same lockout, not a new one");
    let lockout = desk.lockout(&subject("username:alice")).await.expect("a lockout");
    assert_eq!(lockout.remaining(desk.now()), Some(50 * SECOND));
}

pub(super) async fn under_all_a_lock_and_a_place_under_way_are_busy(store: Examined) {
    let policy = Policy::builder()
        .combine(Combine::All)
        .rule(username().failure_limit(0))
        .rule(ip().failure_limit(0));
    let desk = Desk::new(store, policy);
    desk.lock_by_failing(&named("alice")).await;
    let _last = desk.admit(&from("alice", 1)).await;
    desk.busy(&from("alice", 1)).await;
}

pub(super) async fn under_all_counting_attempts_a_further_failure_sets_the_end_anew(
    store: Examined,
) {
    let rule = |rule: RuleBuilder| {
        rule.failure_limit(2)
            .lockout_cooloff(CooloffList::from_secs([500, 20]))
            .escalate_by(EscalateBy::Attempts)
    };
    let policy = Policy::builder().combine(Combine::All).rule(rule(username())).rule(rule(ip()));
    let desk = Desk::new(store, policy);
    let left = async || {
        let lockout = desk.lockout(&subject("username:alice")).await.expect("a lockout");
        lockout.remaining(desk.now())
    };
    desk.fail_times(&from("alice", 1), 3).await;
    assert_eq!(left().await, Some(500 * SECOND));
    desk.fail(&from("alice", 2)).await;
    assert_eq!(left().await, Some(20 * SECOND));
}

pub(super) async fn under_all_a_success_lifts_what_it_clears(store: Examined) {
    let desk = Desk::new(store, both());
    desk.fail_times(&from("alice", 1), 2).await;
    let settlement = desk.succeed(&from("alice", 2)).await;
    assert_eq!(settlement.unlocked, [subject("username:alice")]);
    assert!(desk.lockout(&subject("ip:198.51.100.1")).await.is_some());
}

pub(super) async fn time_is_the_argument_and_nothing_else(store: Examined) {
    // Far in the past and far in the future of any clock that the store might read.
    for (name, start) in [("past", 1_000_000), ("future", 100_000_000_000_000)] {
        let desk = Desk::of(store.clone(), username());
        desk.clock.set(lockout_core::Timestamp::from_millis(start));
        assert_eq!(desk.lock_by_failing(&named(name)).await, Some(300));
        desk.pass(299 * SECOND);
        desk.locked(&named(name)).await;
        desk.pass(SECOND);
        drop(desk.admit(&named(name)).await);
    }
}

pub(super) async fn a_clock_that_steps_back_neither_unlocks_nor_forgets(store: Examined) {
    let desk = Desk::of(store, username());
    desk.fail_times(&alice(), 2).await;
    let noon = desk.now();
    desk.clock.set(lockout_core::Timestamp::from_millis(noon.as_millis() - 4_000));
    desk.fail_times(&alice(), 2).await;
    let refusal = desk.locked(&alice()).await;
    let Refusal::Locked { until, .. } = refusal else { unreachable!() };
    assert_eq!(until, Some(noon.saturating_add(300 * SECOND)));
    desk.clock.set(noon.saturating_add(299 * SECOND));
    desk.locked(&alice()).await;
    desk.pass(SECOND);
    drop(desk.admit(&alice()).await);
}
