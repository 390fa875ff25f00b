//! What the lines answer, and which are refused.

use proptest::prelude::*;

use super::*;
use crate::memory::MapStore;

fn simulation(policy: &str) -> Simulation {
    Simulation::new(MapStore::new(), toml::from_str(policy).unwrap())
}

async fn replay(simulation: &mut Simulation, line: &str) -> String {
    simulation.replay(line).await.unwrap().unwrap()
}

/// What is wrong with `line`, which must have changed nothing.
async fn wrong(line: &str) -> String {
    let mut simulation = simulation("");
    let error = simulation.replay(line).await.unwrap_err().to_string();
    assert_eq!(simulation.summary().attempts(), 0, "{line}");
    assert_eq!(simulation.guard().now(), Simulation::START, "{line}");
    error
}

#[tokio::test]
async fn an_answer_is_the_line_with_a_decision_and_the_locks() {
    let mut simulation = simulation("ip.failure_limit = 0\nusername.lockout_cooloff = 0");
    let failure = r#"{"t": 12.50,"username":"Al\u0069ce", "outcome":"failure"}"#;
    for _ in 0..3 {
        let answer = replay(&mut simulation, failure).await;
        assert_eq!(
            answer,
            r#"{"t": 12.50,"username":"Al\u0069ce", "outcome":"failure","decision":"admitted","locks":{}}"#
        );
    }
    let last = r#" {"outcome": "failure", "ip": "192.0.2.1", "username": "alice", "t": 13 } "#;
    assert_eq!(
        replay(&mut simulation, last).await,
        r#"{"outcome": "failure", "ip": "192.0.2.1", "username": "alice", "t": 13 ,"decision":"admitted","locks":{"ip:192.0.2.1":300.0,"username:alice":null}}"#
    );
    let refused = r#"{"t":14.004,"ip":"192.0.2.1","username":null,"outcome":"success"}"#;
    assert_eq!(
        replay(&mut simulation, refused).await,
        r#"{"t":14.004,"ip":"192.0.2.1","username":null,"outcome":"success","decision":"locked","locks":{"ip:192.0.2.1":298.996}}"#
    );
    assert_eq!(
        simulation.summary().to_string(),
        "attempts: 5, refused: 1, lockouts: username 1, ip 1"
    );
}

#[tokio::test]
async fn an_operation_is_answered_by_the_locks_of_its_subject() {
    let mut simulation = simulation("username.failure_limit = 0");
    for (line, end) in [
        (r#"{"t":0,"op":"unlock","subject":"ip:192.0.2.1"}"#, r#""locks":{}}"#),
        (r#"{"t":0,"username":"bob","outcome":"failure"}"#, r#"{"username:bob":300.0}}"#),
        (r#"{"t":1,"op":"unlock","subject":"username: BOB"}"#, r#"BOB","locks":{}}"#),
        (r#"{"t":1,"username":"bob","outcome":"success"}"#, r#""admitted","locks":{}}"#),
        (
            r#"{"t":2,"op":"lock","subject":"username:bob","seconds":0.5}"#,
            r#""seconds":0.5,"locks":{"username:bob":0.5}}"#,
        ),
        (r#"{"t":2.499,"username":"bob","outcome":"success"}"#, r#"{"username:bob":0.001}}"#),
        (r#"{"t":2.5,"username":"bob","outcome":"success"}"#, r#""admitted","locks":{}}"#),
        (r#"{"t":3,"op":"lock","subject":"username:bob"}"#, r#"{"username:bob":null}}"#),
    ] {
        let answer = replay(&mut simulation, line).await;
        assert!(answer.ends_with(end), "{answer} does not end with {end}");
    }
    assert_eq!(simulation.summary().lockouts(Scope::Username), 1);
    assert_eq!(simulation.summary().lockouts(Scope::UsernameIp), 0);
}

#[tokio::test]
async fn a_cancelled_attempt_counts_nothing() {
    let mut simulation = simulation("username.failure_limit = 1");
    let line = |outcome| format!(r#"{{"t":1,"username":"bob","outcome":"{outcome}"}}"#);
    for outcome in ["failure", "cancel", "cancel"] {
        let answer = replay(&mut simulation, &line(outcome)).await;
        assert!(answer.ends_with(r#""admitted","locks":{}}"#), "{answer}");
    }
    let answer = replay(&mut simulation, &line("failure")).await;
    assert!(answer.ends_with(r#""admitted","locks":{"username:bob":300.0}}"#), "{answer}");
}

#[tokio::test]
async fn a_blank_line_has_no_answer() {
    assert!(simulation("").replay(" \r\n").await.unwrap().is_none());
}

#[tokio::test]
async fn a_malformed_line_is_an_error_that_names_the_field_and_what_is_allowed() {
    let seconds = "a number of seconds from 0 to 4000000000";
    for (line, parts) in [
        ("failure", &["this is no JSON object"][..]),
        (r#"[1,"bob",null,"failure",null,null,null]"#, &["this is no JSON object"]),
        ("{t:1}", &["this is no JSON object: ", "(column 2)"]),
        (r#"{"t":1"#, &["(column 6)"]),
        (r#"{"t":1,"outcome":"failure"} {}"#, &["trailing characters (column 29)"]),
        (r#"{"outcome":"failure"}"#, &["missing field `t`"]),
        (r#"{"t":null,"outcome":"failure"}"#, &["t: ", "null", seconds]),
        (r#"{"t":"1","outcome":"failure"}"#, &["t: ", seconds]),
        (r#"{"t":-1,"outcome":"failure"}"#, &["t: ", "`-1`", seconds]),
        (r#"{"t":-0.1,"outcome":"failure"}"#, &["t: ", "`-0.1`", seconds]),
        (r#"{"t":1e300,"outcome":"failure"}"#, &["t: ", "`1e+300`", seconds]),
        (r#"{"t":1e999,"outcome":"failure"}"#, &["out of range (column 10)"]),
        (r#"{"t":4000000001,"outcome":"failure"}"#, &["t: ", seconds]),
        (r#"{"t":18446744073709551615,"outcome":"failure"}"#, &["t: ", seconds]),
        (r#"{"t":1,"t":2,"outcome":"failure"}"#, &["duplicate field `t`"]),
        (r#"{"t":1,"usernme":"bob"}"#, &["unknown field `usernme`", "`username`"]),
        (r#"{"t":1,"username":"bob"}"#, &["outcome: missing", "`cancel`"]),
        (r#"{"t":1,"outcome":null}"#, &["outcome: missing"]),
        (r#"{"t":1,"outcome":"fail"}"#, &["outcome: ", "`fail`", "`failure`"]),
        (r#"{"t":1,"username":7,"outcome":"failure"}"#, &["username: ", "a string"]),
        (r#"{"t":1,"ip":"10.0.0.256","outcome":"failure"}"#, &["ip: \"10.0.0.256\" is no IP"]),
        (r#"{"t":1,"ip":"","outcome":"failure"}"#, &["ip: \"\" is no IP"]),
        (r#"{"t":1,"subject":"ip:::1"}"#, &["op: missing", "`unlock` or `lock`"]),
        (r#"{"t":1,"seconds":1,"outcome":"failure"}"#, &["op: missing"]),
        (r#"{"t":1,"op":"reset","subject":"ip:::1"}"#, &["op: ", "`reset`", "`unlock`"]),
        (r#"{"t":1,"op":"unlock"}"#, &["subject: missing"]),
        (r#"{"t":1,"op":"unlock","subject":"bob"}"#, &["subject: ", "`username:NAME`"]),
        (r#"{"t":1,"op":"unlock","subject":"ip:::1","seconds":1}"#, &["seconds: ", "`lock`"]),
        (r#"{"t":1,"op":"lock","subject":"ip:::1","seconds":0}"#, &["seconds: zero"]),
        (r#"{"t":1,"op":"lock","subject":"ip:::1","seconds":-1}"#, &["seconds: ", seconds]),
        (r#"{"t":1,"op":"lock","subject":"ip:::1","ip":"::1"}"#, &["op: ", "no outcome"]),
    ] {
        let error = wrong(line).await;
        for part in parts {
            assert!(error.contains(part), "{line} gave {error:?}, which lacks {part:?}");
        }
    }
}

#[tokio::test]
async fn an_error_quotes_a_line_safely() {
    let error = wrong(r#"{"t":1,"\nline 2: \u001b[2J":1}"#).await;
    assert!(error.contains("unknown field `\u{fffd}line 2: \u{fffd}[2J`"), "{error}");
    let error = wrong(&format!(r#"{{"t":1,"{}":1}}"#, "é".repeat(100_000))).await;
    assert_eq!(error.chars().count(), 400);
}

#[tokio::test]
async fn time_cannot_go_back() {
    let mut simulation = simulation("");
    let line = |t| format!(r#"{{"t":{t},"username":"bob","outcome":"failure"}}"#);
    for t in ["0", "2.5", "2.5", "2.4999"] {
        replay(&mut simulation, &line(t)).await;
    }
    let error = simulation.replay(&line("2.499")).await.unwrap_err();
    assert!(matches!(error, SimulationError::Backwards { .. }));
    assert_eq!(
        error.to_string(),
        "t: 2.499 s is earlier than the 2.5 s of the line before it, lines come in the order \
         of time"
    );
    assert_eq!(simulation.summary().attempts(), 4);
}

#[tokio::test]
async fn the_latest_time_can_be_replayed() {
    let mut simulation = simulation("username.failure_limit = 0");
    let line = r#"{"t":4000000000,"username":"bob","outcome":"failure"}"#;
    let answer = replay(&mut simulation, line).await;
    assert!(answer.ends_with(r#"{"username:bob":300.0}}"#), "{answer}");
    assert!(simulation.advance_to(Duration::MAX).is_ok());
    assert!(simulation.advance_to(Duration::ZERO).is_err());
}

proptest! {
    #[test]
    fn seconds_print_with_their_milliseconds(millis in 0..10_000_000_000_000_u64) {
        let text = Value::from(seconds(Duration::from_millis(millis))).to_string();
        let exact = format!("{}.{:03}", millis / 1000, millis % 1000);
        let shortest = exact.trim_end_matches('0');
        let zero = if shortest.ends_with('.') { "0" } else { "" };
        prop_assert_eq!(text, format!("{shortest}{zero}"));
    }

    #[test]
    fn any_line_is_read_or_refused(line in ".*") {
        let _ = Line::read(&line, &Policy::default());
    }
}
