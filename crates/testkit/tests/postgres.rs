//! Throw-away PostgreSQL servers: that they are what they claim to be, and that nothing is left of
//! them.
#![cfg(feature = "servers")]

use std::env;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use lockout_testkit::servers::{PostgresServer, ServerError, TestPostgres};

mod common;
use common::{
    CHILD, Scratch, eventually, family, have_shared_memory, is_running, is_stopped, lines,
    next_after, pause, rerun, rerun_command,
};

/// The temporary folder that a server keeps everything in.
fn folder(server: &PostgresServer) -> PathBuf {
    let data = PathBuf::from(server.sql("SHOW data_directory").expect("it may be asked"));
    data.parent().expect("it is in the folder").to_owned()
}

fn psql(url: &str, statement: &str) -> Output {
    Command::new("psql")
        .args(["-X", "-A", "-t", "-q", "-w", "-c", statement, url])
        .output()
        .expect("psql is installed")
}

#[test]
fn a_server_answers_when_start_returns() {
    let server = PostgresServer::start().unwrap();
    server.sql("CREATE TABLE words (id int, word text)").unwrap();
    server.sql("INSERT INTO words VALUES (1, 'é|ü'), (2, NULL), (3, '')").unwrap();
    assert_eq!(server.sql("SELECT * FROM words ORDER BY id").unwrap(), "1|é|ü\n2|\n3|");
    assert_eq!(server.sql("SELECT * FROM words WHERE id = 4").unwrap(), "");
    assert_eq!(server.sql("SHOW server_encoding").unwrap(), "UTF8");
    assert_eq!(server.url(), format!("postgres://lockout@{}/lockout", server.address()));
    TcpStream::connect(server.address()).unwrap();
}

#[test]
fn the_url_is_of_a_user_who_may_do_everything_in_the_database_and_nothing_else() {
    let server = PostgresServer::start().unwrap();
    let made = psql(&server.url(), "CREATE TABLE mine (id int); SELECT 1");
    assert_eq!(String::from_utf8_lossy(&made.stdout), "1\n", "{made:?}");
    let refused = psql(&server.url(), "CREATE ROLE other");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("permission denied"), "{refused:?}");
    let refused = psql(&server.url().replace("lockout@", "postgres@"), "SELECT 1");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("pg_hba.conf"), "{refused:?}");
}

#[test]
fn an_error_is_the_servers_and_does_not_repeat_the_statement() {
    let server = PostgresServer::start().unwrap();
    let error = server.sql("SELECT 'a secret' FROM nowhere").unwrap_err();
    assert!(matches!(&error, ServerError::Reply { command, .. } if command == "SELECT"), "{error}");
    assert!(error.to_string().contains("relation \"nowhere\" does not exist"), "{error}");
    assert!(!error.to_string().contains("a secret"), "{error}");
}

#[test]
fn two_servers_know_nothing_of_each_other() {
    let (one, other) = (PostgresServer::start().unwrap(), PostgresServer::start().unwrap());
    assert_ne!(one.address(), other.address());
    one.sql("CREATE TABLE words (word text)").unwrap();
    other.sql("SELECT * FROM words").unwrap_err();
}

#[test]
fn a_durable_server_that_is_killed_comes_back_at_the_same_place_with_what_it_committed() {
    let mut server = PostgresServer::builder().durable().start().unwrap();
    server.sql("CREATE TABLE words (word text)").unwrap();
    server.sql("INSERT INTO words VALUES ('kept')").unwrap();
    let (address, pids) = (server.address(), family(server.pid()));
    server.kill();
    assert!(pids.len() > 1, "{pids:?}");
    assert!(!pids.iter().any(|pid| is_running(*pid)));
    TcpStream::connect(address).unwrap_err();
    let error = server.sql("SELECT 1").unwrap_err();
    assert!(matches!(error, ServerError::Io { .. }), "{error}");
    server.restart().unwrap();
    assert_eq!(server.address(), address);
    assert_eq!(server.sql("SELECT * FROM words").unwrap(), "kept");
    assert_eq!(server.sql("SHOW fsync; SHOW synchronous_commit").unwrap(), "on\non");
}

#[test]
fn a_forgetful_server_comes_back_too() {
    let mut server = PostgresServer::start().unwrap();
    assert_eq!(server.sql("SHOW fsync").unwrap(), "off");
    server.kill();
    server.restart().unwrap();
    assert_eq!(server.sql("SELECT 1").unwrap(), "1");
    // It need not have been killed.
    server.restart().unwrap();
    assert_eq!(server.sql("SELECT 1").unwrap(), "1");
}

#[test]
fn a_paused_server_answers_only_when_it_is_resumed() {
    let server = PostgresServer::start().unwrap();
    std::thread::scope(|scope| {
        let before = scope.spawn(|| server.sql("SELECT pg_sleep(5), 'before'"));
        eventually("the statement runs", || {
            let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%''before''' \
                           AND pid <> pg_backend_pid()";
            server.sql(running).unwrap() == "1"
        });
        server.pause();
        let meanwhile = scope.spawn(|| server.sql("SELECT 'meanwhile'"));
        assert!(family(server.pid()).into_iter().all(is_stopped));
        pause(Duration::from_millis(500));
        assert!(!before.is_finished() && !meanwhile.is_finished());
        server.resume();
        assert_eq!(before.join().unwrap().unwrap(), "|before");
        assert_eq!(meanwhile.join().unwrap().unwrap(), "meanwhile");
    });
}

#[test]
fn a_setting_that_postgres_does_not_know_is_an_error_with_its_log() {
    let error = PostgresServer::builder().config("no_such_thing", "1").start().unwrap_err();
    assert!(matches!(error, ServerError::Ended { .. }), "{error}");
    assert!(error.to_string().contains("no_such_thing"), "{error}");
}

#[test]
fn a_setting_is_the_servers() {
    let server = PostgresServer::builder().config("lock_timeout", "'7s'").start().unwrap();
    assert_eq!(server.sql("SHOW lock_timeout").unwrap(), "7s");
}

#[test]
fn the_shared_server_is_one_and_the_prefixes_differ() {
    let (one, other) = (TestPostgres::shared().unwrap(), TestPostgres::shared().unwrap());
    assert_eq!(one.url, other.url);
    assert_ne!(one.prefix, other.prefix);
    assert!(one.prefix.starts_with("lockout_test_") && one.prefix.len() <= 40, "{}", one.prefix);
    let is_plain = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '_');
    assert!(one.prefix.chars().all(is_plain), "{}", one.prefix);
}

#[test]
fn a_server_that_the_environment_names_is_used_instead() {
    const URL: &str = "LOCKOUT_TEST_POSTGRES_URL";
    const NAME: &str = "a_server_that_the_environment_names_is_used_instead";
    const MARK: &str = "the url is ";
    let ours = "postgres://user:password@postgres.invalid:1/name";
    if env::var(URL).is_ok_and(|value| value == ours) {
        println!("{MARK}{}", TestPostgres::shared().unwrap().url);
    } else {
        let mut child = rerun(NAME, URL, ours);
        let mut lines = lines(&mut child);
        assert_eq!(next_after(MARK, &mut lines), ours);
        child.wait().unwrap();
    }
}

#[test]
fn nothing_is_left_of_a_server_that_is_dropped_even_if_it_is_paused() {
    let running = PostgresServer::start().unwrap();
    let mut killed = PostgresServer::start().unwrap();
    let paused = PostgresServer::start().unwrap();
    let folders = [&running, &killed, &paused].map(folder);
    let pids = [&running, &killed, &paused].map(|server| family(server.pid())).concat();
    assert!(have_shared_memory(&pids));
    killed.kill();
    paused.pause();
    drop((running, killed, paused));
    assert!(!pids.iter().any(|pid| is_running(*pid)));
    assert!(!have_shared_memory(&pids));
    assert!(!folders.iter().any(|folder| folder.exists()));
}

/// The other process is killed while it has servers, in every state that a server can be in.
#[test]
fn nothing_is_left_when_the_test_process_is_killed() {
    const NAME: &str = "nothing_is_left_when_the_test_process_is_killed";
    const MARK: &str = "a server: ";
    if env::var_os(CHILD).is_some() {
        let shared = TestPostgres::shared().unwrap();
        let running = PostgresServer::start().unwrap();
        let paused = PostgresServer::start().unwrap();
        let mut killed = PostgresServer::start().unwrap();
        let servers = [&running, &paused, &killed];
        let lines = servers.map(|server| format!("{} {}", server.pid(), folder(server).display()));
        paused.pause();
        killed.kill();
        lines.iter().for_each(|line| println!("{MARK}{line}"));
        println!("{MARK}{}", shared.url);
        loop {
            // What is under way ends too.
            let _ = running.sql("SELECT pg_sleep(50)");
        }
    }
    let mut child = rerun(NAME, CHILD, "1");
    let mut lines = lines(&mut child);
    let servers = [(); 3].map(|()| {
        let line = next_after(MARK, &mut lines);
        let (pid, folder) = line.split_once(' ').unwrap();
        (pid.parse().unwrap(), PathBuf::from(folder))
    });
    let shared = next_after(MARK, &mut lines);
    let shared = shared.split(['@', '/']).nth(3).unwrap();
    assert_eq!(servers.each_ref().map(|(pid, _)| is_running(*pid)), [true, true, false]);
    assert!(servers.iter().all(|(_, folder)| folder.exists()));
    TcpStream::connect(shared).unwrap();
    let pids = servers.each_ref().map(|(pid, _)| family(*pid)).concat();
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the servers and their folders are gone", || {
        !servers.iter().any(|(_, folder)| folder.exists())
            && !pids.iter().any(|pid| is_running(*pid))
            && !have_shared_memory(&pids)
            && TcpStream::connect(shared).is_err()
    });
}

/// Killed at some moment while it makes a server.
#[test]
fn nothing_is_left_when_the_test_process_is_killed_while_a_server_starts() {
    const NAME: &str = "nothing_is_left_when_the_test_process_is_killed_while_a_server_starts";
    if env::var_os(CHILD).is_some() {
        return drop(PostgresServer::start().unwrap());
    }
    for milliseconds in [50, 150, 400] {
        let folder = Scratch::new(milliseconds);
        let mut command = rerun_command(NAME, CHILD, "1");
        let mut child = command.env("TMPDIR", folder.path()).spawn().unwrap();
        eventually("it has a folder", || !folder.is_empty());
        pause(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        eventually("the server's folder is gone", || folder.is_empty());
    }
}
