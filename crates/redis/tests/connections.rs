//! Every way to reach a server, and what a connection must never do or tell.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lockout_core::{
    Attempt, Effect, Guard, LockedQuery, Policy, Refusal, Rule, Scope, StoreError, StoreErrorKind,
    Subject, SystemClock,
};
use lockout_redis::redis::Client;
use lockout_redis::redis::aio::ConnectionManager;
use lockout_redis::{BuildError, RedisStore, RedisStoreBuilder};
use lockout_testkit::servers::{RedisServer, RedisServerBuilder};

/// What a busy machine may need on top.
const MARGIN: Duration = Duration::from_secs(5);

/// Characters that mean something in a URL, and some that are not ASCII.
const ODD_NAME: &str = "shop@eu:1/50%#?-käse";
const ODD_PASSWORD: &str = "p@ss:w/o%r#d? with space & =+ ünï 密";

fn guard(store: RedisStore) -> Guard {
    let rules = [Scope::Username, Scope::Ip, Scope::UsernameIp].into_iter();
    let policy = rules.fold(Policy::builder(), |policy, scope| {
        policy.rule(Rule::builder(scope).failure_limit(1))
    });
    Guard::new(store, policy.build().unwrap())
}

fn alice() -> Attempt {
    Attempt::new().username("alice").ip([192, 0, 2, 1])
}

async fn fail(guard: &Guard) -> usize {
    let permit = guard.begin(&alice()).await.unwrap().admitted().unwrap();
    permit.fail().await.unwrap().locked.len()
}

async fn is_locked(guard: &Guard) -> bool {
    let refused = guard.check(&alice()).await.unwrap();
    matches!(refused, Some(Refusal::Locked { .. }))
}

/// All that a login and an operator do: three subjects are locked, listed and unlocked.
async fn cycle(store: RedisStore) {
    let guard = guard(store);
    assert_eq!((fail(&guard).await, fail(&guard).await), (0, 3));
    assert!(is_locked(&guard).await);
    let refused = guard.begin(&alice()).await.unwrap().admitted().unwrap_err();
    assert!(matches!(refused, Refusal::Locked { lockouts, .. } if lockouts.len() == 3));
    for lockout in guard.locked(&LockedQuery::default()).await.unwrap().items {
        assert!(guard.unlock(&lockout.subject).await.unwrap());
    }
    guard.begin(&alice()).await.unwrap().admitted().unwrap().succeed().await.unwrap();
    let operators = Subject::username("operators").unwrap();
    assert!(guard.lock(&operators, None).await.unwrap());
}

/// The error of a store that cannot work, which comes in time.
async fn error(store: &RedisStore) -> StoreError {
    let start = Instant::now();
    let error = guard(store.clone()).begin(&alice()).await.unwrap_err();
    let limit = RedisStoreBuilder::DEFAULT_TIMEOUT + MARGIN;
    assert!(start.elapsed() < limit, "{:?}", start.elapsed());
    error
}

/// Asks again until the store works, which it must do soon.
async fn recovers(store: &RedisStore) {
    let (guard, start) = (guard(store.clone()), Instant::now());
    while let Err(error) = guard.check(&alice()).await {
        assert!(start.elapsed() < MARGIN, "it does not recover: {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn odd_server() -> RedisServerBuilder {
    RedisServer::builder().user(ODD_NAME, ODD_PASSWORD)
}

fn open(url: &str) -> RedisStore {
    RedisStore::open(url).unwrap()
}

/// The same server's URL with another database, or other options.
fn with(server: &RedisServer, end: &str) -> String {
    format!("{}{end}", server.url().strip_suffix("/0").unwrap())
}

/// What the clients that came by TCP speak.
fn protocols(server: &RedisServer) -> Vec<String> {
    let clients = server.cli(&["CLIENT", "LIST"]).unwrap();
    let of_tcp = clients.lines().filter(|client| client.contains(" addr=127.0.0.1:"));
    let fields = of_tcp.flat_map(|client| client.split(' '));
    fields.filter(|field| field.starts_with("resp=")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_url_of_tcp() {
    let server = RedisServer::start().unwrap();
    cycle(open(&server.url())).await;
    assert_eq!(protocols(&server), ["resp=3"]);
}

#[tokio::test]
async fn a_url_of_a_unix_socket() {
    let server = RedisServer::start().unwrap();
    let url = server.unix_url();
    cycle(open(&url)).await;
    let url = url.replace("redis+unix://", "unix:");
    cycle(RedisStore::builder().prefix("short").open(&url).unwrap()).await;
}

#[tokio::test]
async fn a_user_whose_name_and_password_are_odd() {
    let server = odd_server().start().unwrap();
    cycle(open(&server.url())).await;
    let store = RedisStore::builder().prefix("lockout-unix").open(&server.unix_url()).unwrap();
    cycle(store).await;
    assert!(server.cli(&["CLIENT", "LIST"]).unwrap().contains("user=shop@eu:1/50%#?-"));
}

#[tokio::test]
async fn a_url_of_another_database() {
    let server = RedisServer::start().unwrap();
    let third = guard(open(&with(&server, "/3")));
    fail(&third).await;
    fail(&third).await;
    assert!(is_locked(&third).await);
    let first = guard(open(&server.url()));
    assert!(!is_locked(&first).await);
    assert_eq!(server.cli(&["DBSIZE"]).unwrap(), "0");
    assert!(first.locked(&LockedQuery::default()).await.unwrap().items.is_empty());
    let third = RedisStore::builder().prefix("unix").open(&format!("{}?db=3", server.unix_url()));
    cycle(third.unwrap()).await;
    assert_eq!(server.cli(&["DBSIZE"]).unwrap(), "0");
}

#[tokio::test]
async fn a_url_that_asks_for_resp2() {
    let server = RedisServer::start().unwrap();
    cycle(open(&with(&server, "/0?protocol=resp2"))).await;
    assert_eq!(protocols(&server), ["resp=2"]);
}

#[tokio::test]
async fn a_manager_that_is_given() {
    let server = odd_server().start().unwrap();
    let client = Client::open(server.url()).unwrap();
    let manager = ConnectionManager::new(client).await.unwrap();
    cycle(RedisStore::builder().manager(manager).unwrap()).await;
}

#[tokio::test]
async fn a_connection_that_is_given() {
    let server = odd_server().start().unwrap();
    let client = Client::open(server.url()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    cycle(RedisStore::builder().multiplexed(connection).unwrap()).await;
}

#[tokio::test]
async fn a_client_that_is_given() {
    let server = odd_server().start().unwrap();
    let client = Client::open(server.url()).unwrap();
    cycle(RedisStore::builder().client(client).unwrap()).await;
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_url_of_tls_with_an_authority_that_is_given() {
    use lockout_redis::redis::TlsCertificates;

    let server = odd_server().tls().start().unwrap();
    assert!(server.url().starts_with("rediss://"));
    let root_cert = server.ca_pem().map(|pem| pem.as_bytes().to_vec());
    let certificates = TlsCertificates { client_tls: None, root_cert };
    let client = Client::build_with_tls(server.url(), certificates).unwrap();
    cycle(RedisStore::builder().client(client).unwrap()).await;
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_an_error_and_not_a_hang() {
    let server = RedisServer::builder().tls().start().unwrap();
    let store = open(&server.url());
    let error = error(&store).await;
    assert_eq!((error.kind(), error.effect()), (StoreErrorKind::Config, Effect::None), "{error}");
    assert_eq!(server.cli(&["DBSIZE"]).unwrap(), "0");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn plain_text_to_a_port_of_tls_is_an_error_and_not_a_hang() {
    let server = RedisServer::builder().tls().start().unwrap();
    error(&open(&server.url().replace("rediss:", "redis:"))).await;
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn a_url_of_tls_needs_the_feature() {
    let error = RedisStore::open("rediss://127.0.0.1/").unwrap_err();
    assert!(matches!(error, BuildError::Url(_)), "{error}");
    assert!(error.to_string().contains("`tls`"), "{error}");
}

#[tokio::test]
async fn wrong_credentials_are_a_matter_of_configuration() {
    let server = RedisServer::builder().user("app", "right").start().unwrap();
    for credentials in ["app:wrong@", "nobody:right@", ":right@", ""] {
        for options in ["", "/?protocol=resp2"] {
            let url = format!("redis://{credentials}{}{options}", server.address());
            let error = error(&open(&url)).await;
            let verdict = (error.kind(), error.effect());
            assert_eq!(verdict, (StoreErrorKind::Config, Effect::None), "{url}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_a_matter_of_configuration() {
    let server = RedisServer::start().unwrap();
    let error = error(&open(&with(&server, "/99"))).await;
    assert_eq!(error.kind(), StoreErrorKind::Config, "{error:?}");
}

#[tokio::test]
async fn credentials_that_are_put_right_on_the_server_need_no_restart() {
    for options in ["", "/?protocol=resp2"] {
        let server = RedisServer::builder().user("app", "old").start().unwrap();
        let store = open(&format!("redis://app:new@{}{options}", server.address()));
        assert_eq!(error(&store).await.kind(), StoreErrorKind::Config);
        server.cli(&["ACL", "SETUSER", "app", ">new"]).unwrap();
        recovers(&store).await;
    }
}

#[tokio::test]
async fn a_server_that_is_busy_when_a_database_is_selected_is_unavailable_and_no_longer() {
    let server = Arc::new(RedisServer::start().unwrap());
    server.cli(&["CONFIG", "SET", "busy-reply-threshold", "1"]).unwrap();
    let store = open(&with(&server, "/3"));
    let script = std::thread::spawn({
        let server = Arc::clone(&server);
        move || server.cli(&["EVAL", "while true do end", "0"])
    });
    while server.cli(&["PING"]).is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for _ in 0..2 {
        let error = error(&store).await;
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    }
    server.cli(&["SCRIPT", "KILL"]).unwrap();
    assert!(script.join().unwrap().is_err());
    recovers(&store).await;
}

#[tokio::test]
async fn a_server_with_too_many_clients_is_unavailable_until_there_is_a_place() {
    let server = RedisServer::start().unwrap();
    let occupied = open(&server.url());
    recovers(&occupied).await;
    server.cli(&["CONFIG", "SET", "maxclients", "1"]).unwrap();
    let store = open(&server.url());
    for _ in 0..3 {
        let error = error(&store).await;
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    }
    drop(occupied);
    recovers(&store).await;
}

#[tokio::test]
async fn after_a_restart_of_the_server_a_lost_connection_is_made_anew() {
    let mut server = RedisServer::start().unwrap();
    let client = Client::open(server.url()).unwrap();
    let manager = ConnectionManager::new(client.clone()).await.unwrap();
    let stores = [
        open(&server.url()),
        open(&with(&server, "/3?protocol=resp2")),
        open(&server.unix_url()),
        RedisStore::builder().client(client.clone()).unwrap(),
        RedisStore::builder().manager(manager).unwrap(),
    ];
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let lost = RedisStore::builder().multiplexed(connection).unwrap();
    for store in stores.iter().chain([&lost]) {
        recovers(store).await;
    }
    server.kill();
    for store in &stores {
        assert_eq!(error(store).await.kind(), StoreErrorKind::Unavailable);
    }
    server.restart().unwrap();
    for store in &stores {
        recovers(store).await;
    }
    assert_eq!(
        error(&lost).await.kind(),
        StoreErrorKind::Unavailable,
        "whose it is, makes it anew"
    );
}

#[tokio::test]
async fn no_error_and_no_debug_tells_the_password() {
    const SECRET: &str = "s3cr3t-w0rd";
    let mut server = RedisServer::builder().user("app", "right").start().unwrap();
    let url = format!("redis://app:{SECRET}@{}", server.address());
    let store = open(&url);
    let wrong_password = error(&store).await;
    let (watch, clock) = (store.watch_unlocks(drop).unwrap(), store.clock(SystemClock).await);
    let mut told =
        format!("{store:?}{watch:?}{:?}{:?}", guard(store.clone()), RedisStore::builder());
    tell(&mut told, &wrong_password);
    tell(&mut told, &clock.map(drop).unwrap_err());
    server.kill();
    tell(&mut told, &error(&store).await);
    tell(&mut told, &error(&open(&url)).await);
    for url in [
        format!("redis://app:{SECRET}@127.0.0.1:port/0"),
        format!("redis://app:{SECRET}@127.0.0.1/database"),
        format!("redis://app:{SECRET}%ff@127.0.0.1/"),
        format!("redis://app:{SECRET}@/0"),
        format!("redis://app:{SECRET}@0.0.0.0/0"),
        format!("redis://app:1/{SECRET}@127.0.0.1/0"),
        format!("redis://app:{SECRET}/@127.0.0.1/0"),
        format!("redis://app:{SECRET}@127.0.0.1/?protocol=4#{SECRET}"),
        format!("http://app:{SECRET}@127.0.0.1/"),
        format!("app:{SECRET}@127.0.0.1"),
        format!("unix:///tmp/x?pass={SECRET}&db=x"),
        format!("rediss://app:{SECRET}@127.0.0.1/#{SECRET}"),
    ] {
        let error = RedisStore::open(&url).expect_err(&url);
        assert!(matches!(error, BuildError::Url(_)), "{url}: {error}");
        tell(&mut told, &error);
    }
    assert!(!told.contains(SECRET) && told.contains("mend the URL"), "{told}");
}

/// Whatever a log could show of `error` and of its causes.
fn tell(told: &mut String, error: &(dyn Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        told.push_str(&format!("{error} {error:?} {error:#?}\n"));
        next = error.source();
    }
}

#[tokio::test]
async fn each_wrong_setting_is_an_error_that_names_it() {
    let url = "redis://127.0.0.1:1/";
    for prefix in ["", "a:b", "{a}", "a*", "a b", "ä", &"x".repeat(65)] {
        let error = RedisStore::builder().prefix(prefix).open(url).unwrap_err();
        assert!(matches!(&error, BuildError::Prefix(wrong) if wrong == prefix), "{error}");
        assert!(error.to_string().starts_with("prefix: "), "{error}");
    }
    let error = RedisStore::builder().timeout(Duration::ZERO).open(url).unwrap_err();
    assert!(matches!(error, BuildError::Timeout), "{error}");
    assert!(error.to_string().starts_with("timeout: "), "{error}");
    for url in ["", "127.0.0.1:6379", "http://127.0.0.1/", "redis://", "redis://127.0.0.1/x"] {
        let error = RedisStore::open(url).expect_err(url);
        assert!(matches!(error, BuildError::Url(_)), "{url}: {error}");
        assert!(error.to_string().starts_with("url: ") && error.source().is_some(), "{error}");
    }
    RedisStore::builder().prefix("x".repeat(64)).timeout(Duration::MAX).open(url).unwrap();
}

#[test]
fn outside_of_a_runtime_there_is_no_store() {
    let error = RedisStore::open("redis://127.0.0.1/").unwrap_err();
    assert!(matches!(error, BuildError::NoRuntime), "{error}");
    assert!(error.to_string().contains("tokio"), "{error}");
}

#[tokio::test]
async fn stores_with_different_prefixes_know_nothing_of_each_other() {
    let server = RedisServer::start().unwrap();
    let of = |prefix| guard(RedisStore::builder().prefix(prefix).open(&server.url()).unwrap());
    let (here, there, longer) = (of("shop"), of("forum"), of("shop/eu"));
    fail(&here).await;
    fail(&here).await;
    assert!(is_locked(&here).await && is_locked(&of("shop")).await);
    for other in [there, longer] {
        assert!(!is_locked(&other).await);
        assert!(other.locked(&LockedQuery::default()).await.unwrap().items.is_empty());
        assert!(!other.unlock(&Subject::username("alice").unwrap()).await.unwrap());
        assert_eq!(fail(&other).await, 0);
    }
    assert!(is_locked(&here).await);
}

#[tokio::test]
async fn nothing_is_written_outside_of_the_prefix() {
    let server = RedisServer::start().unwrap();
    cycle(RedisStore::builder().prefix("shop-1/eu_2.a").open(&server.url()).unwrap()).await;
    let keys = server.cli(&["KEYS", "*"]).unwrap();
    assert!(keys.lines().count() > 2, "{keys}");
    assert!(keys.lines().all(|key| key.starts_with("shop-1/eu_2.a:{")), "{keys}");
    let elsewhere = server.cli(&["INFO", "keyspace"]).unwrap();
    assert_eq!(elsewhere.matches(":keys=").count(), 1, "{elsewhere}");
}
