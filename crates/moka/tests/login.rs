//! The login example over a real socket, in virtual time: its pages, its headers, and that no more
//! passwords are verified than the policy says.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../examples/login/accounts.rs"]
mod accounts;
#[path = "../examples/login/app.rs"]
mod app;
#[path = "../examples/login/attack.rs"]
mod attack;
#[path = "../examples/login/pages.rs"]
mod pages;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use argon2::Params;
use async_trait::async_trait;
use lockout_core::{
    Attempt, CooloffList, Decision, DeviceKey, Effect, Engined, FakeClock, Guard, LockoutStore,
    Policy, RecordStore, Rule, Scope, SignedDevices, Step, StoreError, StoreErrorKind, Subject,
    Timestamp, Username,
};
use lockout_moka::MokaStore;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use accounts::{Accounts, Password};

const LIMIT: usize = 3;

struct Login {
    address: SocketAddr,
    guard: Guard,
    accounts: Arc<Accounts>,
    clock: FakeClock,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: String,
}

impl Answer {
    fn retry_after(&self) -> Option<&str> {
        self.headers.get("retry-after").map(String::as_str)
    }
}

impl Login {
    async fn start() -> Self {
        Self::start_on(MokaStore::new()).await
    }

    async fn start_on(store: impl LockoutStore) -> Self {
        let clock = FakeClock::at(Timestamp::from_millis(1_700_000_000_000));
        let policy = Policy::builder()
            .rule(
                Rule::builder(Scope::Username)
                    .failure_limit(LIMIT.try_into().unwrap())
                    .lockout_cooloff(CooloffList::from_secs([60, 300])),
            )
            .rule(Rule::builder(Scope::Ip))
            .devices(Rule::builder(Scope::Device).failure_limit(LIMIT.try_into().unwrap()))
            .build()
            .unwrap();
        let devices = SignedDevices::new(DeviceKey::random());
        let guard = Guard::builder(store, policy).clock(clock.clone()).devices(devices).build();
        let accounts = accounts();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = app::router(guard.clone(), Arc::clone(&accounts));
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { address, guard, accounts, clock }
    }

    async fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        Answer { status, headers, body: body.to_owned() }
    }

    async fn ask(&self, method: &str, path: &str) -> Answer {
        self.send(&format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"))
            .await
    }

    async fn post(&self, form: &str) -> Answer {
        self.send(&format!(
            "POST /login HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ))
        .await
    }

    async fn log_in(&self, username: &str, password: &str) -> Answer {
        self.post(&format!("username={username}&password={password}")).await
    }

    async fn fail(&self, username: &str, times: usize) {
        for _ in 0..times {
            assert_eq!(self.log_in(username, "wrong").await.status, 401);
        }
    }
}

fn accounts() -> Arc<Accounts> {
    let cheap = Params::new(8, 1, 1, None).unwrap();
    let hashes = HashMap::from([
        ("alice".to_owned(), accounts::hash("right", &cheap).unwrap()),
        ("broken".to_owned(), "not a hash".to_owned()),
    ]);
    Arc::new(Accounts::new(hashes, &cheap).unwrap())
}

#[tokio::test]
async fn the_form_is_there_for_get_and_head() {
    let login = Login::start().await;
    for path in ["/", "/login"] {
        let page = login.ask("GET", path).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains(r#"<form method="post" action="/login">"#));
        let head = login.ask("HEAD", path).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
    }
    assert_eq!(login.ask("GET", "/nowhere").await.status, 404);
}

#[tokio::test]
async fn what_the_pages_load_is_there_and_allowed() {
    let login = Login::start().await;
    login.fail("alice", LIMIT).await;
    let refusal = login.log_in("alice", "wrong").await;
    assert!(refusal.headers["content-security-policy"].contains("script-src 'self'"));
    for (path, kind) in [("/style.css", "text/css"), ("/countdown.js", "text/javascript")] {
        assert!(refusal.body.contains(path));
        let file = login.ask("GET", path).await;
        assert_eq!(file.status, 200);
        assert!(file.headers["content-type"].starts_with(kind));
    }
}

#[tokio::test]
async fn no_answer_is_kept_in_a_cache() {
    let login = Login::start().await;
    let answers =
        [login.ask("GET", "/").await, login.log_in("alice", "wrong").await, login.post("").await];
    for answer in answers {
        assert_eq!(answer.headers["cache-control"], "no-store", "{answer:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_the_way_on() {
    let login = Login::start().await;
    let answer = login.log_in("alice", "wrong").await;
    assert_eq!((answer.status, answer.retry_after()), (401, None));
    assert!(answer.body.contains("try again"));
    assert!(answer.body.contains("<form"));
}

#[tokio::test]
async fn the_right_password_is_welcome_and_clears_the_failures() {
    let login = Login::start().await;
    for _ in 0..2 {
        login.fail("alice", LIMIT).await;
        let answer = login.log_in("alice", "right").await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("Welcome"));
    }
}

#[tokio::test]
async fn one_failure_too_many_locks_until_the_clock_says_otherwise() {
    let login = Login::start().await;
    login.fail("alice", LIMIT).await;

    let began = login.log_in("alice", "wrong").await;
    assert_eq!((began.status, began.retry_after()), (429, Some("60")));
    assert!(began.body.contains(r#"data-seconds="60">1:00</time>"#));
    assert!(began.body.contains("<noscript><p>Come back in 60 seconds."));

    login.clock.advance(Duration::from_millis(18_500));
    let verified = login.accounts.verified();
    let refused = login.log_in("alice", "right").await;
    assert_eq!((refused.status, refused.retry_after()), (429, Some("42")));
    assert_eq!(login.accounts.verified(), verified, "a refused password was looked at");

    login.clock.advance(Duration::from_millis(41_499));
    assert_eq!(login.log_in("alice", "right").await.retry_after(), Some("1"));
    login.clock.advance(Duration::from_millis(1));
    assert_eq!(login.log_in("alice", "right").await.status, 200);
}

#[tokio::test]
async fn the_next_lockout_is_longer() {
    let login = Login::start().await;
    login.fail("alice", LIMIT).await;
    assert_eq!(login.log_in("alice", "wrong").await.retry_after(), Some("60"));
    login.clock.advance(Duration::from_secs(60));
    let again = login.log_in("alice", "wrong").await;
    assert_eq!(again.retry_after(), Some("300"));
    assert!(again.body.contains(r#"data-seconds="300">5:00</time>"#));
}

#[tokio::test]
async fn nothing_tells_whether_an_account_exists() {
    let login = Login::start().await;
    for _ in 0..LIMIT + 2 {
        let verified = login.accounts.verified();
        let known = login.log_in("alice", "wrong").await;
        let known_cost = login.accounts.verified() - verified;
        let unknown = login.log_in("nobody", "wrong").await;
        let unknown_cost = login.accounts.verified() - verified - known_cost;
        assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
        assert_eq!(known.retry_after(), unknown.retry_after());
        assert_eq!(known_cost, unknown_cost, "an unknown name costs a hash too");
    }
}

#[tokio::test]
async fn the_decoy_opens_no_account() {
    let login = Login::start().await;
    assert_eq!(login.log_in("nobody", "").await.status, 401);
    assert_eq!(login.log_in("", "").await.status, 401);
}

#[tokio::test]
async fn a_lock_without_end_names_no_time() {
    let login = Login::start().await;
    let alice = Subject::from(Username::new("alice").unwrap());
    login.guard.lock(&alice, None).await.unwrap();
    let answer = login.log_in("alice", "right").await;
    assert_eq!((answer.status, answer.retry_after()), (429, None));
    assert!(answer.body.contains("administrator"));
    assert!(!answer.body.contains("countdown"));
}

#[tokio::test]
async fn a_busy_login_is_not_a_lockout() {
    let login = Login::start().await;
    let elsewhere = Attempt::new().username("alice").ip([192, 0, 2, 1]);
    let mut under_way = Vec::new();
    for _ in 0..=LIMIT {
        match login.guard.begin(&elsewhere).await.unwrap() {
            Decision::Admitted(permit) => under_way.push(permit),
            Decision::Refused(refusal) => panic!("{refusal}"),
        }
    }
    let answer = login.log_in("alice", "right").await;
    assert_eq!((answer.status, answer.retry_after()), (429, Some("1")));
    assert!(answer.body.contains("in a moment"));
    assert!(!answer.body.contains("countdown"));

    for permit in under_way {
        permit.cancel().await.unwrap();
    }
    assert_eq!(login.log_in("alice", "right").await.status, 200);
}

#[tokio::test]
async fn a_verifier_that_breaks_is_our_fault_and_is_not_counted() {
    let login = Login::start().await;
    for _ in 0..LIMIT + 2 {
        assert_eq!(login.log_in("broken", "any").await.status, 500);
    }
}

#[tokio::test]
async fn without_its_store_the_login_is_closed() {
    let login = Login::start_on(Engined(Down)).await;
    assert_eq!(login.log_in("alice", "right").await.status, 503);
    assert_eq!(login.accounts.verified(), 0);
}

#[derive(Debug)]
struct Down;

#[async_trait]
impl RecordStore for Down {
    async fn update(&self, _: &Subject, _: &mut Step<'_>) -> Result<(), StoreError> {
        Err(StoreError::new(StoreErrorKind::Unavailable, Effect::None, "down", "it is down"))
    }
}

#[tokio::test]
async fn what_a_client_sends_is_not_shown() {
    let login = Login::start().await;
    for _ in 0..LIMIT + 2 {
        let answer = login.log_in("%3Cscript%3Ealert(1)%3C/script%3E", "%22%3E%3Cb%3E").await;
        assert!(!answer.body.contains("alert(1)"));
        assert!(!answer.body.contains("<b>"));
    }
}

#[tokio::test]
async fn a_form_that_is_not_one_is_refused_and_costs_nothing() {
    let login = Login::start().await;
    for form in ["", "username=alice", "password=right", "username=a&username=b&password=c"] {
        assert_eq!(login.post(form).await.status, 422, "{form}");
    }
    assert_eq!(login.accounts.verified(), 0);
    assert_eq!(login.log_in("%FF%00", "%FF").await.status, 401);
}

#[tokio::test]
async fn a_body_has_a_longest_length() {
    let login = Login::start().await;
    let form = |length: usize| format!("{:x<length$}", "username=alice&password=");
    assert_eq!(login.post(&form(8 * 1024 + 1)).await.status, 413);
    assert_eq!(login.accounts.verified(), 0);
    assert_eq!(login.post(&form(8 * 1024)).await.status, 401);
}

#[tokio::test]
async fn a_password_cannot_be_printed() {
    let typed: StrDeserializer<'_, ValueError> = "secret".into_deserializer();
    let password = Password::deserialize(typed).unwrap();
    assert!(!format!("{password:?}").contains("secret"));
}

#[tokio::test]
async fn whoever_was_there_before_gets_in_by_his_cookie_though_the_name_is_locked() {
    let login = Login::start().await;
    let first = attack::log_in(login.address, "alice", "right", None).await.unwrap();
    let cookie = first.cookie.unwrap();
    assert!(cookie.starts_with("__Host-did="), "{cookie}");
    login.fail("alice", LIMIT).await;
    assert_eq!(login.log_in("alice", "wrong").await.status, 429);
    let stranger = attack::log_in(login.address, "alice", "right", None).await.unwrap();
    assert_eq!((stranger.status, stranger.cookie), (429, None));
    let owner = attack::log_in(login.address, "alice", "right", Some(&cookie)).await.unwrap();
    assert_eq!(owner.status, 200);
    assert_ne!(owner.cookie.unwrap(), cookie, "a new one each time");
    // For another name it is no cookie.
    let forged = attack::log_in(login.address, "mallory", "wrong", Some(&cookie)).await.unwrap();
    assert_eq!((forged.status, forged.cookie), (401, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_guesses_from_many_addresses_verify_no_more_than_the_limit_and_one() {
    for _ in 0..10 {
        let login = Login::start().await;
        let answers = attack::run(login.address, "alice", 64).await.unwrap();
        assert_eq!(login.accounts.verified(), LIMIT + 1);
        assert_eq!(answers.by_status, BTreeMap::from([(401, LIMIT), (429, 64 - LIMIT)]));
        assert_eq!(answers.many_addresses, cfg!(target_os = "linux"));
    }
}
