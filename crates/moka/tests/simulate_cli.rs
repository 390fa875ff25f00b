//! The `simulate` example as a user calls it: what it reads, what it writes, how it exits.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "an example has a main of its own")]
#[path = "../examples/simulate.rs"]
mod simulate;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

const POLICY: &str = "preset = 'django_defender'\nusername = false\nip.failure_limit = 0\n";
const FAILURE: &str = r#"{"t":1,"ip":"192.0.2.1","outcome":"failure"}"#;
const LOCKED: &str = r#"{"t":1,"ip":"192.0.2.1","outcome":"failure","decision":"admitted","locks":{"ip:192.0.2.1":300.0}}"#;
const REFUSED: &str = r#"{"t":1,"ip":"192.0.2.1","outcome":"failure","decision":"locked","locks":{"ip:192.0.2.1":300.0}}"#;

/// Exit status, standard output, standard error.
type Exit = (u8, String, String);

async fn simulate(arguments: &[&str], stdin: &[u8]) -> Exit {
    let arguments = arguments.iter().map(OsString::from);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = simulate::run(arguments, stdin, &mut out, &mut err).await;
    (status, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// A file of this test run alone.
fn file(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path.into_os_string().into_string().unwrap()
}

#[tokio::test]
async fn it_answers_every_line_and_sums_up() {
    let policy = file("answers.toml", POLICY);
    let input = file("answers.jsonl", &format!("{FAILURE}\r\n\n{FAILURE}"));
    let expected = (
        0,
        format!("{LOCKED}\n{REFUSED}\n"),
        "attempts: 2, refused: 1, lockouts: ip 1\n".to_string(),
    );
    assert_eq!(simulate(&["--policy", &policy, "--input", &input], b"").await, expected);
    let lines = fs::read(&input).unwrap();
    assert_eq!(simulate(&["--policy", &policy, "--input", "-"], &lines).await, expected);
    assert_eq!(simulate(&["--policy", &policy], &lines).await, expected);
}

#[tokio::test]
async fn a_malformed_line_exits_with_2_after_the_answers_to_those_before_it() {
    let policy = file("malformed.toml", POLICY);
    let input = file("malformed.jsonl", &format!("{FAILURE}\n\n{{\"t\":0}}\n{FAILURE}\n"));
    let (status, out, err) = simulate(&["--policy", &policy, "--input", &input], b"").await;
    assert_eq!((status, out), (2, format!("{LOCKED}\n")));
    assert_eq!(
        err,
        format!(
            "{input}: line 3: outcome: missing; an attempt has `failure`, `success` or `cancel`, \
             an operation has an op instead\n"
        )
    );
    let (status, out, err) = simulate(&["--policy", &policy], b"\xff\n").await;
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(err.starts_with("standard input: line 1: "), "{err}");
}

#[tokio::test]
async fn a_wrong_policy_exits_with_2_and_names_the_file_and_the_key() {
    for (name, text, what) in [
        ("unknown.toml", "[ip]\nfailure_limt = 3", "ip.failure_limt: "),
        ("bounds.toml", "ip.prefix_v6 = 0", "ip.prefix_v6: 1 to 128 bits are allowed\n"),
        ("syntax.toml", "ip = ", "TOML parse error at line 1"),
    ] {
        let policy = file(name, text);
        let (status, out, err) = simulate(&["--policy", &policy], FAILURE.as_bytes()).await;
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(err.starts_with(&format!("{policy}: {what}")), "{err}");
    }
}

#[tokio::test]
async fn wrong_arguments_exit_with_2() {
    let policy = file("arguments.toml", POLICY);
    for (arguments, what) in [
        (&[][..], "--policy is missing"),
        (&["--policy"], "\"--policy\" needs a file"),
        (&["--policy", &policy, "--policy", &policy], "\"--policy\" is there twice"),
        (&["--polcy", &policy], "\"--polcy\" is no argument"),
        (&["--policy", "no/such.toml"], "no/such.toml: "),
        (&["--policy", &policy, "--input", "no/such.jsonl"], "no/such.jsonl: "),
    ] {
        let (status, out, err) = simulate(arguments, b"").await;
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.starts_with(what), "{err}");
    }
}

#[tokio::test]
async fn help_is_no_error() {
    let (status, out, err) = simulate(&["--help"], b"").await;
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(out.contains("Usage: simulate --policy FILE"));
}

#[tokio::test]
async fn output_that_cannot_be_written_exits_with_1_and_a_closed_pipe_quietly() {
    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let policy = file("broken.toml", POLICY);
    for (kind, expected) in [(io::ErrorKind::StorageFull, 1), (io::ErrorKind::BrokenPipe, 0)] {
        let arguments = ["--policy", &policy].map(OsString::from).into_iter();
        let mut err = Vec::new();
        let status =
            simulate::run(arguments, FAILURE.as_bytes(), &mut Broken(kind), &mut err).await;
        assert_eq!(status, expected);
        assert_eq!(err.is_empty(), expected == 0);
    }
}
