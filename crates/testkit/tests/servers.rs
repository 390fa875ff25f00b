//! Throw-away Redis servers: that they are what they claim to be, and that nothing is left of them.
#![cfg(feature = "servers")]

use std::env;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use lockout_testkit::servers::{
    OtherServer, Proxy, RedisCluster, RedisSentinels, RedisServer, ServerError, TestCluster,
    TestRedis,
};
use redis::cluster::ClusterClient;
use redis::sentinel::{SentinelClient, SentinelServerType};
use redis::{Client, Commands as _, Connection, TlsCertificates};

mod common;
use common::{CHILD, eventually, is_running, is_stopped, lines, next_after, rerun};

/// The temporary folder that a server keeps everything in.
fn folder(server: &RedisServer) -> PathBuf {
    let answer = server.cli(&["CONFIG", "GET", "dir"]).expect("it may be asked");
    answer.lines().nth(1).expect("the second line is the value").into()
}

#[test]
fn a_server_answers_when_start_returns() {
    let server = RedisServer::start().unwrap();
    assert_eq!(server.cli(&["SET", "key", "a value"]).unwrap(), "OK");
    assert_eq!(server.cli(&["GET", "key"]).unwrap(), "a value");
    assert_eq!(server.cli(&["DEL", "key", "other"]).unwrap(), "1");
    assert_eq!(server.cli(&["GET", "key"]).unwrap(), "");
    assert_eq!(server.url(), format!("redis://{}/0", server.address()));
    TcpStream::connect(server.address()).unwrap();
}

#[test]
fn an_error_reply_is_an_error_that_does_not_repeat_the_arguments() {
    let server = RedisServer::start().unwrap();
    let error = server.cli(&["AUTH", "somebody", "a secret"]).unwrap_err();
    assert!(matches!(error, ServerError::Reply { .. }), "{error}");
    assert!(error.to_string().contains("WRONGPASS"), "{error}");
    assert!(!error.to_string().contains("a secret"), "{error}");
}

#[test]
fn a_server_that_is_killed_comes_back_at_the_same_place_with_what_it_wrote() {
    let mut server = RedisServer::builder()
        .config("appendonly", "yes")
        .config("appendfsync", "always")
        .start()
        .unwrap();
    server.cli(&["SET", "key", "kept"]).unwrap();
    let (address, pid) = (server.address(), server.pid());
    server.kill();
    assert!(!is_running(pid));
    TcpStream::connect(address).unwrap_err();
    server.cli(&["PING"]).unwrap_err();
    server.restart().unwrap();
    assert_eq!(server.address(), address);
    assert_eq!(server.cli(&["GET", "key"]).unwrap(), "kept");
}

#[test]
fn a_paused_server_answers_only_when_it_is_resumed() {
    let server = RedisServer::start().unwrap();
    server.pause();
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| server.cli(&["PING"]));
        assert!(is_stopped(server.pid()));
        assert!(!answer.is_finished());
        server.resume();
        assert_eq!(answer.join().unwrap().unwrap(), "PONG");
    });
}

#[test]
fn a_user_may_do_everything_with_keys_of_lockout_and_nothing_with_others() {
    let (name, password) = ("lock@out:é", "p@ss: \"word\"\\/?&=+%#é");
    let server = RedisServer::builder().user(name, password).start().unwrap();
    for url in [server.url(), server.unix_url()] {
        let mut client = Client::open(url).unwrap().get_connection().unwrap();
        let () = client.set("lockout:key", "value").unwrap();
        assert_eq!(client.get::<_, String>("lockout:key").unwrap(), "value");
        let refused = client.set::<_, _, ()>("other:key", "value").unwrap_err();
        assert_eq!(refused.code(), Some("NOPERM"), "{refused}");
        let refused = client.publish::<_, _, ()>("other", "message").unwrap_err();
        assert_eq!(refused.code(), Some("NOPERM"), "{refused}");
    }
    assert_eq!(server.cli(&["SET", "other:key", "value"]).unwrap(), "OK");
}

#[test]
fn with_a_user_nobody_else_gets_in() {
    let server = RedisServer::builder().user("lockout", "right").start().unwrap();
    let anonymous = format!("redis://{}/0", server.address());
    let mut client = Client::open(anonymous).unwrap().get_connection().unwrap();
    let refused = client.get::<_, ()>("lockout:key").unwrap_err();
    assert_eq!(refused.code(), Some("NOAUTH"), "{refused}");
    let wrong = Client::open(server.url().replace("right", "wrong")).unwrap();
    assert!(wrong.get_connection().is_err());
}

#[test]
fn tls_is_spoken_on_the_port_and_nothing_else() {
    let server = RedisServer::builder().user("lockout", "secret").tls().start().unwrap();
    assert!(server.url().starts_with("rediss://"));
    let ca = |pem: &str| TlsCertificates { client_tls: None, root_cert: Some(pem.into()) };
    let trusting = ca(server.ca_pem().unwrap());
    for url in [server.url(), server.url().replace("127.0.0.1", "localhost")] {
        let client = Client::build_with_tls(url, trusting.clone()).unwrap();
        let () = client.get_connection().unwrap().set("lockout:key", "value").unwrap();
    }
    let other = RedisServer::builder().tls().start().unwrap();
    let distrusting = ca(other.ca_pem().unwrap());
    let client = Client::build_with_tls(server.url(), distrusting).unwrap();
    assert!(client.get_connection().is_err());

    let mut plain = TcpStream::connect(server.address()).unwrap();
    plain.write_all(b"PING\r\n").unwrap();
    let mut answer = Vec::new();
    // Either end is fine: closed, or closed with a reset.
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"+") && !answer.starts_with(b"-"), "{answer:?}");
    let mut unix = Client::open(server.unix_url()).unwrap().get_connection().unwrap();
    assert_eq!(unix.get::<_, String>("lockout:key").unwrap(), "value");
}

#[test]
fn the_shared_server_is_one_and_the_prefixes_differ() {
    let (one, other) = (TestRedis::shared().unwrap(), TestRedis::shared().unwrap());
    assert_eq!(one.url, other.url);
    assert_ne!(one.prefix, other.prefix);
    assert!(one.prefix.starts_with("lockout"));
}

#[test]
fn a_cluster_answers_when_start_returns() {
    let cluster = TestCluster::shared().unwrap();
    assert_eq!(cluster.urls.len(), 6);
    let mut client = ClusterClient::new(cluster.urls).unwrap().get_connection().unwrap();
    for number in 0..100 {
        let () = client.set(format!("{}{number}", cluster.prefix), number).unwrap();
    }
    assert_ne!(TestCluster::shared().unwrap().prefix, cluster.prefix);
}

#[test]
fn a_cluster_has_as_many_masters_as_are_asked_for() {
    for masters in [1, 2] {
        let cluster = RedisCluster::builder().masters(masters).without_replicas().start().unwrap();
        assert_eq!((cluster.masters().len(), cluster.replicas().len()), (masters, 0));
        let mut client = ClusterClient::new(cluster.urls()).unwrap().get_connection().unwrap();
        for number in 0..100 {
            let () = client.set(format!("lockout:{number}"), number).unwrap();
        }
        for master in cluster.masters() {
            let keys: u32 = master.cli(&["DBSIZE"]).unwrap().parse().unwrap();
            assert!(keys > 20, "{keys} of 100 keys on one of {masters}");
        }
    }
}

#[test]
fn in_a_cluster_a_replica_takes_over_for_its_master() {
    let mut cluster = RedisCluster::start().unwrap();
    assert_eq!((cluster.masters().len(), cluster.replicas().len()), (3, 3));
    cluster.kill_master(1);
    let replica = &cluster.replicas()[1];
    eventually("the replica is a master", || replica.cli(&["ROLE"]).unwrap().starts_with("master"));
    for node in cluster
        .masters()
        .iter()
        .chain(cluster.replicas())
        .filter(|node| node.pid() != cluster.masters()[1].pid())
    {
        eventually("the cluster is complete again", || {
            node.cli(&["CLUSTER", "INFO"]).unwrap().contains("cluster_state:ok")
        });
    }
    let mut client = ClusterClient::new(cluster.urls()).unwrap().get_connection().unwrap();
    for number in 0..100 {
        let () = client.set(format!("lockout:{number}"), number).unwrap();
    }
}

#[test]
fn under_sentinels_the_replica_takes_over_for_its_master() {
    let mut set = RedisSentinels::start().unwrap();
    let urls = set.sentinel_urls();
    let mut sentinels: Vec<_> =
        urls.iter().map(|url| Client::open(&**url).unwrap().get_connection().unwrap()).collect();
    let name = set.master_name().to_owned();
    let mut masters = || -> Vec<u16> {
        let ask = |sentinel: &mut Connection| {
            let question = redis::cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&name).clone();
            question.query::<(String, u16)>(sentinel).unwrap().1
        };
        sentinels.iter_mut().map(ask).collect()
    };
    assert_eq!(masters(), [set.master().address().port(); 3]);
    set.kill_master();
    let replica = set.replica().address().port();
    eventually("the sentinels name the replica", || masters() == [replica; 3]);
    let mut client =
        SentinelClient::build(urls, set.master_name(), None, SentinelServerType::Master).unwrap();
    let () = client.get_connection().unwrap().set("lockout:key", "value").unwrap();
    assert_eq!(set.replica().cli(&["GET", "lockout:key"]).unwrap(), "value");
}

/// A server, a proxy in front of it, and a client that is connected through it.
fn proxied() -> (RedisServer, Proxy, Connection) {
    let server = RedisServer::start().expect("Redis starts");
    let proxy = Proxy::to(server.address()).expect("a port is free");
    let client = connect(&proxy).expect("the proxy passes on");
    (server, proxy, client)
}

fn connect(proxy: &Proxy) -> redis::RedisResult<Connection> {
    let client = Client::open(format!("redis://{}/0", proxy.address()))?;
    let connection = client.get_connection()?;
    connection.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(connection)
}

#[test]
fn a_proxy_passes_on_what_is_too_large_for_one_packet() {
    let (server, proxy, mut client) = proxied();
    let value = "0123456789".repeat(100_000);
    let () = client.set("lockout:key", &value).unwrap();
    assert_eq!(client.get::<_, String>("lockout:key").unwrap(), value);
    assert_eq!(server.cli(&["STRLEN", "lockout:key"]).unwrap(), "1000000");
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn a_cut_reply_belongs_to_a_command_that_the_server_carried_out_once() {
    let (server, proxy, mut client) = proxied();
    let () = client.incr("lockout:key", 1).unwrap();
    proxy.cut_next_reply();
    let error = client.incr::<_, _, i64>("lockout:key", 1).unwrap_err();
    assert!(error.is_connection_dropped(), "{error}");
    assert_eq!(server.cli(&["GET", "lockout:key"]).unwrap(), "2");
    let mut again = connect(&proxy).unwrap();
    assert_eq!(again.incr::<_, _, i64>("lockout:key", 1).unwrap(), 3);
    assert_eq!(proxy.connections(), 2);
}

#[test]
fn a_cut_reply_waits_for_a_slow_server() {
    let (server, proxy, mut client) = proxied();
    server.pause();
    proxy.cut_next_reply();
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| client.incr::<_, _, i64>("lockout:key", 1));
        eventually("the request is with the server", || has_unread_bytes(server.address()));
        assert!(!answer.is_finished());
        server.resume();
        assert!(answer.join().unwrap().unwrap_err().is_connection_dropped());
    });
    assert_eq!(server.cli(&["GET", "lockout:key"]).unwrap(), "1");
}

/// Whether the kernel holds bytes that this server has not read.
fn has_unread_bytes(server: SocketAddr) -> bool {
    let connections = std::fs::read_to_string("/proc/net/tcp").expect("Linux has it");
    let port = format!(":{:04X}", server.port());
    connections.lines().skip(1).any(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        fields[1].ends_with(&port) && fields[3] == "01" && !fields[4].ends_with(":00000000")
    })
}

#[test]
fn stalled_replies_are_delivered_later() {
    let (server, proxy, mut client) = proxied();
    proxy.stall(true);
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| client.incr::<_, _, i64>("lockout:key", 1));
        eventually("the server has done it", || {
            server.cli(&["GET", "lockout:key"]).unwrap() == "1"
        });
        assert!(!answer.is_finished());
        proxy.stall(false);
        assert_eq!(answer.join().unwrap().unwrap(), 1);
    });
}

#[test]
fn a_proxy_that_refuses_cuts_what_is_there_and_what_comes() {
    let (_server, proxy, mut client) = proxied();
    proxy.stall(true);
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| client.get::<_, ()>("lockout:key"));
        proxy.refuse(true);
        assert!(answer.join().unwrap().unwrap_err().is_connection_dropped());
    });
    proxy.stall(false);
    assert!(connect(&proxy).is_err());
    assert_eq!(proxy.connections(), 2);
    proxy.refuse(false);
    let () = connect(&proxy).unwrap().get("lockout:key").unwrap();
}

#[test]
fn a_proxy_outlives_its_server_and_nobody_gets_through_when_it_is_dropped() {
    let (mut server, proxy, mut client) = proxied();
    server.kill();
    client.get::<_, ()>("lockout:key").unwrap_err();
    assert!(connect(&proxy).is_err());
    server.restart().unwrap();
    let mut client = connect(&proxy).unwrap();
    let address = proxy.address();
    drop(proxy);
    client.get::<_, ()>("lockout:key").unwrap_err();
    TcpStream::connect(address).unwrap_err();
}

#[test]
fn nothing_is_left_of_a_server_that_is_dropped_even_if_it_is_paused() {
    let mut killed = RedisServer::start().unwrap();
    let paused = RedisServer::start().unwrap();
    let folders = [folder(&killed), folder(&paused)];
    let pids = [killed.pid(), paused.pid()];
    killed.kill();
    paused.pause();
    drop((killed, paused));
    assert!(!pids.into_iter().any(is_running));
    assert!(!folders.iter().any(|folder| folder.exists()));
}

#[test]
fn any_program_is_a_server_and_gone_with_its_value() {
    let command = |address: SocketAddr| {
        let port = address.port().to_string();
        ["NAME=value", "redis-server", "--port", &port, "--save", ""].map(str::to_owned).to_vec()
    };
    let answers = |address| TcpStream::connect(address).is_ok();
    let server = OtherServer::start("redis", command, answers).unwrap();
    let (address, folder) = (server.address(), server.folder().to_owned());
    assert!(folder.join("log").exists() && server.pid() > 0);
    drop(server);
    assert!(!folder.exists() && !answers(address));
}

#[test]
fn a_program_that_ends_before_it_answers_is_an_error_with_its_last_words() {
    let command =
        |_| ["sh", "-c", "echo no port is good enough; exit 1"].map(str::to_owned).to_vec();
    let error = OtherServer::start("picky", command, |_| false).unwrap_err();
    assert!(error.to_string().contains("no port is good enough"), "{error}");
}

#[test]
fn a_server_that_the_environment_names_is_used_instead() {
    const URL: &str = "LOCKOUT_TEST_REDIS_URL";
    const URLS: &str = "LOCKOUT_TEST_REDIS_CLUSTER_URLS";
    const NAME: &str = "a_server_that_the_environment_names_is_used_instead";
    const MARK: &str = "the url is ";
    let ours = "redis://user:password@redis.invalid:1";
    let is = |variable| env::var(variable).is_ok_and(|value| value.starts_with(ours));
    if is(URL) {
        println!("{MARK}{}", TestRedis::shared().unwrap().url);
    } else if is(URLS) {
        println!("{MARK}{}", TestCluster::shared().unwrap().urls.join(" and "));
    } else {
        for (variable, value, used) in [
            (URL, ours.to_owned(), ours.to_owned()),
            (URLS, format!("{ours},{ours}2"), format!("{ours} and {ours}2")),
        ] {
            let mut child = rerun(NAME, variable, &value);
            let mut lines = lines(&mut child);
            assert_eq!(next_after(MARK, &mut lines), used);
            child.wait().unwrap();
        }
    }
}

/// The other process is killed while it has servers, in every state that a server can be in.
#[test]
fn nothing_is_left_when_the_test_process_is_killed() {
    const NAME: &str = "nothing_is_left_when_the_test_process_is_killed";
    const MARK: &str = "a server: ";
    if env::var_os(CHILD).is_some() {
        let shared = TestRedis::shared().unwrap();
        let (running, paused) = (RedisServer::start().unwrap(), RedisServer::start().unwrap());
        let mut killed = RedisServer::start().unwrap();
        let servers = [&running, &paused, &killed];
        let lines = servers.map(|server| format!("{} {}", server.pid(), folder(server).display()));
        paused.pause();
        killed.kill();
        lines.iter().for_each(|line| println!("{MARK}{line}"));
        println!("{MARK}{}", shared.url);
        loop {
            std::thread::park();
        }
    }
    let mut child = rerun(NAME, CHILD, "1");
    let mut lines = lines(&mut child);
    let servers = [(); 3].map(|()| {
        let line = next_after(MARK, &mut lines);
        let (pid, folder) = line.split_once(' ').unwrap();
        (pid.parse().unwrap(), PathBuf::from(folder))
    });
    let shared = Client::open(next_after(MARK, &mut lines)).unwrap();
    assert_eq!(servers.each_ref().map(|(pid, _)| is_running(*pid)), [true, true, false]);
    assert!(servers.iter().all(|(_, folder)| folder.exists()));
    shared.get_connection().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the servers and their folders are gone", || {
        !servers.iter().any(|(pid, folder)| is_running(*pid) || folder.exists())
            && shared.get_connection().is_err()
    });
}
