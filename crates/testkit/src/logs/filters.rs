//! Filters.

use lockout_core::{Attempt, AttemptEntry, AttemptQuery, LoggedOutcome, Username};

use super::ExaminedLog;
use super::entries::{after, append, failure, failures, from, list, reversed, username};

pub(super) async fn a_username_finds_its_own_and_nobody_elses(log: ExaminedLog) {
    let names = ["alice", "alic", "alice2", "malice", "a", "%", "_", "a%", "alic_", "*", "alic?"];
    let mut entries: Vec<_> = (0..).zip(names).map(|(at, name)| failure(at, name)).collect();
    entries.push(AttemptEntry::new(after(100), &Attempt::new(), LoggedOutcome::Failed));
    append(&log, &entries).await;
    for (at, name) in (0..).zip(names) {
        let query = AttemptQuery { username: Some(username(name)), ..AttemptQuery::default() };
        assert_eq!(list(&log, &query).await, [failure(at, name)], "{name}");
    }
    let query = AttemptQuery { username: Some(username("ALICE")), ..AttemptQuery::default() };
    assert_eq!(list(&log, &query).await, [failure(0, "alice")]);
    let query = AttemptQuery { username: Some(username("nobody")), ..AttemptQuery::default() };
    assert_eq!(list(&log, &query).await, []);
}

pub(super) async fn an_address_finds_its_own_and_mapped_ipv4_is_ipv4(log: ExaminedLog) {
    let plain = std::net::Ipv4Addr::new(198, 51, 100, 7);
    let mapped = plain.to_ipv6_mapped();
    let other = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);
    let attempts = [
        Attempt::new().ip(plain),
        Attempt::new().ip(mapped),
        Attempt::new().ip(other),
        Attempt::new().ip([198, 51, 100, 70]),
        Attempt::new(),
    ];
    let times = (0..).zip(&attempts);
    let entry = |(at, attempt)| AttemptEntry::new(after(at), attempt, LoggedOutcome::Failed);
    append(&log, &times.map(entry).collect::<Vec<_>>()).await;
    let found = async |ip| {
        let query = AttemptQuery { ip: Some(ip), ..AttemptQuery::default() };
        list(&log, &query).await.iter().map(|entry| entry.at).collect::<Vec<_>>()
    };
    assert_eq!(found(plain.into()).await, [after(1), after(0)]);
    assert_eq!(found(mapped.into()).await, [after(1), after(0)]);
    assert_eq!(found(other.into()).await, [after(2)]);
    assert_eq!(found([198, 51, 100, 8].into()).await, []);
}

pub(super) async fn an_outcome_finds_its_own(log: ExaminedLog) {
    let entry = |at, outcome| AttemptEntry::new(after(at), &from("alice", 1), outcome);
    let entries: Vec<_> =
        (0..).zip(LoggedOutcome::ALL).map(|(at, outcome)| entry(at, outcome)).collect();
    append(&log, &entries).await;
    for expected in entries {
        let query = AttemptQuery { outcome: Some(expected.outcome), ..AttemptQuery::default() };
        assert_eq!(list(&log, &query).await, [expected]);
    }
}

pub(super) async fn since_is_included_and_until_is_not(log: ExaminedLog) {
    append(&log, &failures(0..10)).await;
    let between = |since: Option<u64>, until: Option<u64>| AttemptQuery {
        since: since.map(after),
        until: until.map(after),
        limit: 3,
        ..AttemptQuery::default()
    };
    for (since, until, expected) in [
        (Some(3), None, 3..10),
        (None, Some(3), 0..3),
        (Some(3), Some(7), 3..7),
        (Some(3), Some(3), 0..0),
        (Some(7), Some(3), 0..0),
        (Some(10), None, 0..0),
        (None, Some(0), 0..0),
        (Some(0), Some(10), 0..10),
    ] {
        let found = list(&log, &between(since, until)).await;
        assert_eq!(found, reversed(&failures(expected)), "from {since:?} to {until:?}");
    }
}

pub(super) async fn filters_hold_alone_and_together(log: ExaminedLog) {
    let mut chance = fastrand::Rng::with_seed(7);
    let mut entries = Vec::new();
    for at in 0..300_u64 {
        let mut attempt = Attempt::new();
        if chance.u8(..) > 20 {
            attempt = attempt.username(["alice", "bob", "carol"][chance.usize(..3)]);
        }
        if chance.u8(..) > 20 {
            attempt = attempt.ip([198, 51, 100, chance.u8(..3)]);
        }
        let outcome = LoggedOutcome::ALL[chance.usize(..LoggedOutcome::ALL.len())];
        entries.push(AttemptEntry::new(after(at / 3), &attempt, outcome));
    }
    for entries in entries.chunks(50) {
        append(&log, entries).await;
    }
    for which in 0..32_u8 {
        let chosen = |bit: u8| which & (1 << bit) != 0;
        let query = AttemptQuery {
            username: Username::new("alice").filter(|_| chosen(0)),
            ip: Some([198, 51, 100, 1].into()).filter(|_| chosen(1)),
            outcome: Some(LoggedOutcome::ALL[chance.usize(..3)]).filter(|_| chosen(2)),
            since: Some(after(20)).filter(|_| chosen(3)),
            until: Some(after(80)).filter(|_| chosen(4)),
            after: None,
            limit: chance.usize(1..100),
        };
        let wanted: Vec<_> = entries.iter().filter(|entry| query.wants(entry)).cloned().collect();
        assert_eq!(list(&log, &query).await, reversed(&wanted), "{query:?}");
    }
}

pub(super) async fn a_needle_is_found_in_a_haystack(log: ExaminedLog) {
    let needle = AttemptEntry::new(after(0), &from("needle", 1), LoggedOutcome::Cancelled);
    append(&log, std::slice::from_ref(&needle)).await;
    for chunk in 0..20 {
        let entries: Vec<_> = (1..100).map(|at| failure(chunk * 100 + at, "hay")).collect();
        append(&log, &entries).await;
    }
    let query = AttemptQuery { limit: 5, ..AttemptQuery::default() };
    let by_outcome = AttemptQuery { outcome: Some(LoggedOutcome::Cancelled), ..query.clone() };
    let by_name = AttemptQuery { username: Some(username("needle")), ..query.clone() };
    let by_address = AttemptQuery { ip: Some([198, 51, 100, 1].into()), ..query };
    for query in [by_outcome, by_name, by_address] {
        assert_eq!(list(&log, &query).await, std::slice::from_ref(&needle), "{query:?}");
    }
}
