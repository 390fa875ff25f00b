//! What operators do: lock, unlock, look.

use std::collections::BTreeSet;
use std::time::Duration;

use lockout_core::{
    AfterLockout, Cooloff, CooloffList, Cursor, LockedBy, LockedQuery, Names, Policy, Refusal,
    Scope, StoreErrorKind, Subject,
};

use super::Examined;
use super::desk::{Desk, SECOND, alice, from, ip, named, subject, username};

pub(super) async fn an_operator_locks_for_a_time_or_for_good(store: Examined) {
    let desk = Desk::of(store, username());
    let lock = async |text: &str, period| {
        desk.guard.lock(&subject(text), period).await.expect("the store works")
    };
    assert!(lock("username:alice", Some(60 * SECOND)).await);
    assert!(lock("username:bob", None).await);
    let Refusal::Locked { lockouts, .. } = desk.locked(&alice()).await else { unreachable!() };
    assert_eq!(lockouts[0].by, LockedBy::Operator);
    desk.pass(60 * SECOND);
    drop(desk.admit(&alice()).await);
    assert!(desk.locked(&named("bob")).await.is_permanent());
}

pub(super) async fn a_lock_that_ends_later_stays(store: Examined) {
    let desk = Desk::of(store, username());
    let name = subject("username:alice");
    let lock = async |seconds| {
        let period = Duration::from_secs(seconds);
        desk.guard.lock(&name, Some(period)).await.expect("the store works")
    };
    assert!(lock(600).await);
    assert!(!lock(60).await);
    assert_eq!(desk.locked(&alice()).await.retry_after_secs(), Some(600));
    assert!(!lock(900).await);
    assert_eq!(desk.locked(&alice()).await.retry_after_secs(), Some(900));
}

pub(super) async fn a_success_does_not_lift_an_operators_lock(store: Examined) {
    let desk = Desk::of(store, username());
    let early = desk.admit(&alice()).await;
    desk.guard.lock(&subject("username:alice"), None).await.expect("the store works");
    early.succeed().await.expect("the store works");
    desk.locked(&alice()).await;
}

pub(super) async fn an_operators_lock_replaces_one_that_is_under_way(store: Examined) {
    let desk = Desk::of(store, username().failure_limit(0));
    let last = desk.admit(&alice()).await;
    desk.guard.lock(&subject("username:alice"), Some(60 * SECOND)).await.expect("the store works");
    assert_eq!(last.fail().await.expect("the store works").locked, []);
    assert_eq!(desk.locked(&alice()).await.retry_after_secs(), Some(60));
}

pub(super) async fn failures_are_forgotten_with_their_lockout_though_an_operator_locked_too(
    store: Examined,
) {
    let rule = username().attempt_cooloff(Cooloff::NEVER).after_lockout(AfterLockout::Forget);
    let desk = Desk::of(store, rule);
    desk.lock_by_failing(&alice()).await;
    let period = Some(600 * SECOND);
    desk.guard.lock(&subject("username:alice"), period).await.expect("the store works");
    desk.pass(600 * SECOND);
    assert_eq!(desk.admit(&alice()).await.failures_left(), Some(2));
}

pub(super) async fn an_operators_lock_alone_forgets_no_failures(store: Examined) {
    let rule = username().attempt_cooloff(Cooloff::NEVER).after_lockout(AfterLockout::Forget);
    let desk = Desk::of(store, rule);
    desk.fail_times(&alice(), 3).await;
    let period = Some(60 * SECOND);
    desk.guard.lock(&subject("username:alice"), period).await.expect("the store works");
    desk.pass(60 * SECOND);
    assert_eq!(desk.admit(&alice()).await.failures_left(), None);
}

pub(super) async fn an_unlock_forgets_failures_but_not_the_history(store: Examined) {
    let list = CooloffList::from_secs([60, 120]);
    let desk = Desk::of(store, username().lockout_cooloff(list).attempt_cooloff(Cooloff::NEVER));
    desk.lock_by_failing(&alice()).await;
    assert!(desk.guard.unlock(&subject("username:alice")).await.expect("the store works"));
    assert_eq!(desk.admit(&alice()).await.failures_left(), Some(2));
    assert_eq!(desk.lock_by_failing(&alice()).await, Some(120));
}

pub(super) async fn an_unlock_says_whether_there_was_a_lock(store: Examined) {
    let desk = Desk::of(store, username());
    let name = subject("username:alice");
    let unlock = async || desk.guard.unlock(&name).await.expect("the store works");
    assert!(!unlock().await);
    desk.fail_times(&alice(), 2).await;
    assert!(!unlock().await);
    assert_eq!(desk.admit(&alice()).await.failures_left(), Some(2));
    desk.lock_by_failing(&alice()).await;
    assert!(unlock().await);
    assert!(!unlock().await);
    desk.lock_by_failing(&alice()).await;
    desk.pass(300 * SECOND);
    assert!(!unlock().await);
}

pub(super) async fn checking_charges_nothing_and_recording_counts(store: Examined) {
    let desk = Desk::of(store, username());
    for _ in 0..20 {
        assert_eq!(desk.guard.check(&alice()).await.expect("the store works"), None);
    }
    for _ in 0..4 {
        let recorded = desk.guard.record(&alice(), lockout_core::Outcome::Failure).await;
        assert_eq!(recorded.expect("the store works"), None);
    }
    let refusal = desk.guard.check(&alice()).await.expect("the store works");
    assert_eq!(refusal, Some(desk.locked(&alice()).await));
    let recorded = desk.guard.record(&alice(), lockout_core::Outcome::Success).await;
    assert_eq!(recorded.expect("the store works"), refusal);
}

pub(super) async fn status_answers_for_each_subject_in_order(store: Examined) {
    let desk = Desk::of(store, username());
    desk.lock_by_failing(&alice()).await;
    let subjects = ["username:bob", "username:alice", "ip:192.0.2.1"].map(subject);
    let status = desk.guard.status(&subjects).await.expect("the store works");
    let locked: Vec<_> = status.iter().map(Option::is_some).collect();
    assert_eq!(locked, [false, true, false]);
    assert_eq!(desk.guard.status(&[]).await.expect("the store works"), []);
}

async fn list(desk: &Desk, scope: Option<Scope>, limit: usize) -> Vec<Subject> {
    let mut query = LockedQuery { scope, limit, ..LockedQuery::default() };
    let mut subjects = Vec::new();
    for _ in 0..1_000 {
        let page = desk.guard.locked(&query).await.expect("the store works");
        assert!(page.items.len() <= limit, "a page of {} entries", page.items.len());
        subjects.extend(page.items.into_iter().map(|lockout| lockout.subject));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return subjects,
        }
    }
    panic!("the list does not end");
}

pub(super) async fn every_locked_subject_is_listed_once(store: Examined) {
    let policy = Policy::builder().rule(username().failure_limit(0)).rule(ip().failure_limit(0));
    let desk = Desk::new(store, policy);
    let mut expected = BTreeSet::new();
    for host in 0..23 {
        desk.fail(&from(&format!("user{host}"), host)).await;
        expected.insert(subject(&format!("username:user{host}")));
        expected.insert(subject(&format!("ip:198.51.100.{host}")));
    }
    for host in 0..5 {
        let name = subject(&format!("username:user{host}"));
        desk.guard.unlock(&name).await.expect("the store works");
        expected.remove(&name);
    }
    desk.admit(&named("under-way")).await.cancel().await.expect("the store works");
    for limit in [1, 7, 1000, usize::MAX] {
        let all = list(&desk, None, limit).await;
        assert_eq!(all.len(), expected.len(), "something is listed twice or not at all");
        assert_eq!(BTreeSet::from_iter(all), expected);
        assert_eq!(list(&desk, Some(Scope::Username), limit).await.len(), 18);
        assert_eq!(list(&desk, Some(Scope::UsernameIp), limit).await, []);
    }
    desk.pass(300 * SECOND);
    assert_eq!(list(&desk, None, 7).await, []);
}

pub(super) async fn a_foreign_cursor_is_an_error(store: Examined) {
    let desk = Desk::of(store, username());
    let query = LockedQuery { after: Some(Cursor("' OR 1=1 --".into())), ..Default::default() };
    let error = desk.guard.locked(&query).await.expect_err("a foreign cursor");
    assert_eq!(error.kind(), StoreErrorKind::Config);
}

pub(super) async fn no_name_reaches_another_subject(store: Examined) {
    // Letter by letter, so that the store gets to see every character.
    let policy = Policy::builder().names(Names::Exact).rule(username().failure_limit(0));
    let desk = Desk::new(store, policy);
    let names = [
        "a",
        "A",
        "a:b",
        "a|b",
        "a b",
        "a'",
        "a\"",
        "a\\",
        "a%",
        "a_",
        "a*",
        "a?",
        "a{b}",
        "{a}",
        "a/b",
        "a+b",
        "<script>",
        "username:a",
        "ip:a",
        "ä",
        "a\u{308}",
        "名前",
        "🦀",
    ];
    // No attempt has these, but an operator may.
    let texts = ["a\0", "a\0b", "a\u{1}", "a\u{1}0", "a\r\nb", "a\u{2028}b"];
    let by_hand = texts.map(|name| subject(&format!("username:{name}")));
    for name in names {
        desk.fail(&named(name)).await;
    }
    for subject in &by_hand {
        assert!(desk.guard.lock(subject, None).await.expect("the store works"), "{subject:?}");
    }
    for name in names {
        desk.locked(&named(name)).await;
    }
    let listed = BTreeSet::from_iter(list(&desk, None, 10).await);
    let expected = names.iter().filter_map(|name| Names::Exact.username(name)).map(Subject::from);
    assert_eq!(listed, expected.chain(by_hand).collect());
    let long = "x".repeat(3_000);
    desk.fail(&named(&long)).await;
    desk.locked(&named(&long)).await;
}

pub(super) async fn ipv6_is_counted_by_network(store: Examined) {
    let desk = Desk::of(store, ip().failure_limit(0));
    let attempt = |address: &str| {
        let address: std::net::IpAddr = address.parse().expect("an address");
        named("alice").ip(address)
    };
    desk.fail(&attempt("2001:db8:0:1::1")).await;
    desk.locked(&attempt("2001:db8:0:1:ffff:ffff:ffff:ffff")).await;
    drop(desk.admit(&attempt("2001:db8:0:2::1")).await);
    desk.fail(&attempt("::ffff:192.0.2.1")).await;
    desk.locked(&attempt("192.0.2.1")).await;
}
