//! The recommended stack on real servers that die, hang, refuse it or hold junk.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::Seen;
use lockout_core::{
    Attempt, Decision, Event, FakeClock, Guard, MapStore, Policy, Refusal, Rule, Scope,
    StoreErrorKind,
};
use lockout_layers::{Breaker, Deadline, HashKey, Hashed, LockCache, Metered, OnOutage, StandIn};
use lockout_redis::RedisStore;
use lockout_testkit::servers::RedisServer;
use tokio::task::JoinSet;

const DEADLINE: Duration = Duration::from_millis(500);
/// What a busy machine may need on top; still less than the server hangs.
const MARGIN: Duration = Duration::from_secs(3);
const HANGS: Duration = Duration::from_secs(5);
const LIMIT: usize = 3;
const TASKS: usize = 8;

type Held = Hashed<LockCache<Breaker<Deadline<RedisStore>>>>;

/// All that lies within `OnOutage`. The circuit is tried more often than by default, for the
/// tests' sake.
fn held(url: &str) -> Held {
    let store = Deadline::new(RedisStore::open(url).unwrap(), DEADLINE);
    let store = Breaker::new(store).cooloff(Duration::from_millis(100), Duration::from_millis(500));
    Hashed::new(LockCache::new(store), HashKey::new([7; 32]).unwrap())
}

fn fall_back(url: &str) -> OnOutage<Held, impl StandIn + use<>> {
    OnOutage::fall_back_to(held(url), MapStore::new())
}

/// A node of a service, and what it is told of outages.
struct Node {
    guard: Guard,
    seen: Seen,
    events: Vec<Event>,
}

impl Node {
    fn new(store: OnOutage<Held, impl StandIn>) -> Self {
        let seen = Seen::default();
        let store = Metered::new(store.observer(seen.clone()), "login");
        Self { guard: Guard::new(store, policy()), seen, events: Vec::new() }
    }

    /// Waits until so many outages have begun and ended, and not more.
    async fn told(&mut self, events: usize) {
        let start = Instant::now();
        while self.events.len() < events {
            assert!(start.elapsed() < MARGIN, "{:?}", self.events);
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.events.append(&mut self.seen.take());
        }
        self.check_events(events);
    }

    fn check_events(&mut self, events: usize) {
        self.events.append(&mut self.seen.take());
        assert_eq!(self.events.len(), events, "{:?}", self.events);
        for (index, event) in self.events.iter().enumerate() {
            match event {
                Event::OutageBegan(StoreErrorKind::Unavailable | StoreErrorKind::Timeout) => {
                    assert_eq!(index % 2, 0, "{:?}", self.events);
                }
                event => assert_eq!((index % 2, event), (1, &Event::OutageEnded)),
            }
        }
    }
}

fn policy() -> Policy {
    let limit = u32::try_from(LIMIT).unwrap();
    let rules = [Scope::Username, Scope::Ip].into_iter();
    let rules = rules.map(|scope| Rule::builder(scope).failure_limit(limit));
    rules.fold(Policy::builder(), |policy, rule| policy.rule(rule)).build().unwrap()
}

fn named(name: &str) -> Attempt {
    Attempt::new().username(name)
}

/// How many of twenty failures in a row are admitted; what the others are told.
async fn guess(guard: &Guard, name: &str) -> (usize, Option<Refusal>) {
    let (mut admitted, mut last) = (0, None);
    for _ in 0..20 {
        match guard.begin(&named(name)).await.unwrap() {
            Decision::Refused(refusal) => last = Some(refusal),
            Decision::Admitted(permit) => {
                permit.fail().await.unwrap();
                admitted += 1;
            }
        }
    }
    (admitted, last)
}

/// How many of forty failures at once are admitted.
async fn guess_at_once(guard: &Guard, name: &str) -> usize {
    let mut guesses = JoinSet::new();
    for _ in 0..40 {
        let (guard, attempt) = (guard.clone(), named(name));
        guesses.spawn(async move {
            match guard.begin(&attempt).await.unwrap() {
                Decision::Refused(_) => 0,
                Decision::Admitted(permit) => permit.fail().await.map(|_| 1).unwrap(),
            }
        });
    }
    guesses.join_all().await.into_iter().sum()
}

/// Logins that go on until they are stopped, each of somebody else.
struct Load {
    tasks: JoinSet<Passed>,
    stop: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Passed {
    attempts: usize,
    longest: Duration,
    refused: Vec<Refusal>,
}

impl Load {
    fn start(guard: &Guard, name: &str) -> Self {
        let (mut tasks, stop) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
        for task in 0..TASKS {
            let (guard, stop, name) = (guard.clone(), Arc::clone(&stop), format!("{name}-{task}"));
            tasks.spawn(async move {
                let mut passed = Passed::default();
                while !stop.load(Ordering::Relaxed) {
                    passed.login(&guard, &format!("{name}-{}", passed.attempts)).await;
                    tokio::time::sleep(Duration::from_millis(4)).await;
                }
                passed
            });
        }
        Self { tasks, stop }
    }

    async fn stop(self) -> Passed {
        self.stop.store(true, Ordering::Relaxed);
        let passed = self.tasks.join_all().await.into_iter();
        passed.fold(Passed::default(), |mut sum, mut passed| {
            sum.attempts += passed.attempts;
            sum.longest = sum.longest.max(passed.longest);
            sum.refused.append(&mut passed.refused);
            sum
        })
    }
}

impl Passed {
    async fn login(&mut self, guard: &Guard, name: &str) {
        self.attempts += 1;
        let start = Instant::now();
        let decision = guard.begin(&named(name)).await.expect("something stands in");
        self.longest = self.longest.max(start.elapsed());
        match decision {
            Decision::Refused(refusal) => self.refused.push(refusal),
            Decision::Admitted(permit) => {
                let start = Instant::now();
                // While it fails closed, the error is the answer.
                let _ = permit.succeed().await;
                self.longest = self.longest.max(start.elapsed());
            }
        }
    }
}

/// Kills and restarts the server twice in mid-load; `during` is asked while it is down.
async fn killed_twice(
    make: impl FnOnce(&str) -> Node,
    during: impl AsyncFn(&Guard, &str),
) -> Passed {
    let mut server = RedisServer::start().unwrap();
    let mut node = make(&server.url());
    let load = Load::start(&node.guard, "load");
    for (outage, name) in ["alice", "bob"].into_iter().enumerate() {
        assert_eq!(guess(&node.guard, &format!("{name}-before")).await.0, LIMIT + 1);
        server.kill();
        node.told(2 * outage + 1).await;
        during(&node.guard, name).await;
        server.restart().unwrap();
        node.told(2 * outage + 2).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(guess_at_once(&node.guard, &format!("{name}-after")).await, LIMIT + 1);
        assert_ne!(server.cli(&["DBSIZE"]).unwrap(), "0", "the server counts again");
    }
    let passed = load.stop().await;
    node.check_events(4);
    passed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_is_one_outage_in_which_all_are_admitted() {
    let make = |url: &str| Node::new(OnOutage::fail_open(held(url)));
    let passed = killed_twice(make, async |guard, name| {
        assert_eq!(guess(guard, name).await, (20, None));
    });
    assert_eq!(passed.await.refused, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_is_one_outage_in_which_all_are_refused() {
    let make = |url: &str| Node::new(OnOutage::fail_closed(held(url)));
    let unavailable = |refusal: &Refusal| matches!(refusal, Refusal::Unavailable { .. });
    let passed = killed_twice(make, async |guard, name| {
        let (admitted, refusal) = guess(guard, name).await;
        assert!(admitted == 0 && refusal.as_ref().is_some_and(unavailable), "{refusal:?}");
        assert!(guard.check(&named(name)).await.is_err(), "who is locked is not known");
    });
    let passed = passed.await;
    assert!(!passed.refused.is_empty() && passed.refused.iter().all(unavailable));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_is_one_outage_in_which_a_fallback_counts() {
    let make = |url: &str| Node::new(fall_back(url));
    let passed = killed_twice(make, async |guard, name| {
        let (admitted, refusal) = guess(guard, name).await;
        assert_eq!(admitted, LIMIT + 1);
        assert!(matches!(refusal, Some(Refusal::Locked { .. })), "{refusal:?}");
    });
    assert_eq!(passed.await.refused, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_keeps_nobody_waiting_and_the_limit_holds() {
    let server = RedisServer::start().unwrap();
    let mut node = Node::new(fall_back(&server.url()));
    let permit = node.guard.begin(&named("victim")).await.unwrap().admitted().unwrap();
    permit.fail().await.unwrap();
    server.cli(&["CONFIG", "RESETSTAT"]).unwrap();
    server.pause();
    let start = Instant::now();
    let load = Load::start(&node.guard, "load");
    node.told(1).await;
    assert_eq!(node.events, [Event::OutageBegan(StoreErrorKind::Timeout)]);
    assert_eq!(guess(&node.guard, "victim").await.0, LIMIT + 1, "the fallback's own limit");
    tokio::time::sleep(HANGS.saturating_sub(start.elapsed())).await;
    node.check_events(1);
    let passed = load.stop().await;
    server.resume();

    assert!(passed.longest < DEADLINE + MARGIN, "{:?}", passed.longest);
    // Each task waits once or twice until the circuit is open; then it is tried now and then.
    let asked = usize::try_from(calls(&server, "evalsha")).unwrap();
    assert!(asked < 5 * TASKS && passed.attempts > 20 * TASKS, "{asked} of {passed:?}");
    assert_eq!(passed.refused, []);
    let load = Load::start(&node.guard, "later");
    node.told(2).await;
    // One failure was before, and those count whose answers came too late.
    let (admitted, refusal) = guess(&node.guard, "victim").await;
    assert!(admitted <= LIMIT, "{admitted}");
    assert!(matches!(refusal, Some(Refusal::Locked { .. })), "{refusal:?}");
    assert_eq!(guess_at_once(&node.guard, "another").await, LIMIT + 1);
    load.stop().await;
    node.check_events(2);
}

/// How often the server has run a command.
fn calls(server: &RedisServer, command: &str) -> u64 {
    let stats = server.cli(&["INFO", "commandstats"]).unwrap();
    let head = format!("cmdstat_{command}:calls=");
    let count = stats.lines().find_map(|line| line.strip_prefix(&head)?.split(',').next());
    count.map_or(0, |count| count.parse().unwrap())
}

/// Every attempt is this error, however many there are, and nothing stands in.
async fn is_no_outage(mut node: Node, kind: StoreErrorKind) {
    for _ in 0..20 {
        let error = node.guard.begin(&named("alice")).await.expect_err("nobody is admitted");
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(node.guard.check(&named("alice")).await.unwrap_err().kind(), kind);
    }
    node.check_events(0);
}

/// A node for each thing that can stand in.
fn nodes(url: &str) -> [Node; 3] {
    let (open, closed) = (OnOutage::fail_open(held(url)), OnOutage::fail_closed(held(url)));
    [Node::new(open), Node::new(closed), Node::new(fall_back(url))]
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_and_missing_rights_are_no_outage() {
    let server = RedisServer::builder().user("app", "right");
    let server = server.config("user", "reader on >right ~* &* +get +mget").start().unwrap();
    for node in nodes(&format!("redis://app:wrong@{}", server.address())) {
        is_no_outage(node, StoreErrorKind::Config).await;
    }
    for mut node in nodes(&format!("redis://reader:right@{}", server.address())) {
        for _ in 0..20 {
            let error = node.guard.begin(&named("alice")).await.expect_err("nobody is admitted");
            assert_eq!(error.kind(), StoreErrorKind::Config, "{error}");
        }
        node.check_events(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_read_is_no_outage() {
    let server = RedisServer::start().unwrap();
    let node = Node::new(fall_back(&server.url()));
    drop(node.guard.begin(&named("alice")).await.unwrap());
    let key = server.cli(&["KEYS", "*"]).unwrap();
    assert!(!key.contains("alice"), "{key}");
    server.cli(&["SET", &key, "junk"]).unwrap();
    is_no_outage(node, StoreErrorKind::Corrupt).await;
    for node in nodes(&server.url()) {
        is_no_outage(node, StoreErrorKind::Corrupt).await;
    }
    assert_eq!(server.cli(&["GET", &key]).unwrap(), "junk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_lock_is_refused_without_a_command() {
    let server = RedisServer::start().unwrap();
    let store = Metered::new(fall_back(&server.url()), "login");
    let guard = Guard::builder(store, policy()).clock(FakeClock::default()).build();
    let alice = named("alice").ip([192, 0, 2, 1]);
    for _ in 0..=LIMIT {
        let permit = guard.begin(&alice).await.unwrap().admitted().unwrap();
        permit.fail().await.unwrap();
    }
    // From the first refusal it is known how all of the attempt's subjects stand.
    assert!(guard.begin(&alice).await.unwrap().admitted().is_err());
    let before = commands(&server);
    assert!(before.iter().any(|line| line.starts_with("cmdstat_evalsha:")), "{before:?}");
    for _ in 0..1000 {
        let refusal = guard.begin(&alice).await.unwrap().admitted().unwrap_err();
        assert!(matches!(refusal, Refusal::Locked { lockouts, .. } if lockouts.len() == 2));
    }
    assert!(guard.check(&alice).await.unwrap().is_some());
    assert_eq!(commands(&server), before);
    // Somebody else asks the server.
    drop(guard.begin(&named("bob")).await.unwrap());
    assert_ne!(commands(&server), before);
}

/// What the server has done so far, without being asked for it.
fn commands(server: &RedisServer) -> Vec<String> {
    let stats = server.cli(&["INFO", "commandstats"]).unwrap();
    let lines = stats.lines().filter(|line| line.starts_with("cmdstat_"));
    lines.filter(|line| !line.starts_with("cmdstat_info")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_makes_locks_fail_opens_no_login() {
    // A server without the replica that locks are to wait for.
    let server = RedisServer::start().unwrap();
    let builder = RedisStore::builder().wait_for_replicas(1, Duration::from_millis(50));
    let store = Breaker::new(Deadline::new(builder.open(&server.url()).unwrap(), DEADLINE));
    let seen = Seen::default();
    let store = OnOutage::fail_open(store).observer(seen.clone());
    let guard = Guard::new(
        store,
        Policy::builder().rule(Rule::builder(Scope::Username).failure_limit(0)).build().unwrap(),
    );
    // Many last places at once, all of which then fail, one right after the other.
    let mut permits = Vec::new();
    for number in 0..50 {
        let attempt = named(&format!("own-{number}"));
        permits.push(guard.begin(&attempt).await.unwrap().admitted().unwrap());
    }
    for permit in permits {
        drop(permit.fail().await);
    }
    let admitted = guard.begin(&named("victim")).await.unwrap().admitted();
    drop(admitted.unwrap().fail().await);
    for _ in 0..20 {
        let refused = guard.begin(&named("victim")).await.unwrap();
        assert!(matches!(refused, Decision::Refused(Refusal::Locked { .. })), "{refused:?}");
    }
    assert!(seen.take().is_empty(), "an alarm for a store that works");
}
