//! The presets decide as the originals did: every event of the [recordings](recordings/README.md),
//! through the code of the `simulate` example, with the same refusals, the same locked subjects and
//! the same milliseconds left.
//!
//! Ours differs on purpose where the originals are wrong: each difference is named, and the tests
//! at the end of a module show what happens instead.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lockout_core::simulate::Simulation;
use lockout_core::{
    Attempt, Decision, FakeClock, Guard, LockedQuery, Lockout, Policy, Scope, StoredDevices,
    Subject, TrustedDevices as _, Username,
};
use lockout_moka::MokaStore;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Locked subjects, each with the seconds left; `null` if without end.
type Locks = BTreeMap<String, Value>;

/// One file: what the original was told, and what it answered.
struct Recording<Settings, Event> {
    name: String,
    settings: Settings,
    events: Vec<Event>,
}

fn recordings<S: DeserializeOwned, E: DeserializeOwned>(peer: &str) -> Vec<Recording<S, E>> {
    #[derive(Deserialize)]
    struct Head<S> {
        effective: S,
    }

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(peer);
    let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let recordings: Vec<_> = files
        .map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            let (head, events) = text.split_once('\n').unwrap();
            Recording {
                name: file.file_stem().unwrap().to_string_lossy().into_owned(),
                settings: serde_json::from_str::<Head<S>>(head).unwrap().effective,
                events: events.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            }
        })
        .collect();
    assert!(!recordings.is_empty(), "{} is empty", folder.display());
    recordings
}

/// A simulation that follows a recording.
struct Replay(Simulation);

impl Replay {
    fn new(policy: Value) -> Self {
        let policy: Policy = serde_json::from_value(policy).unwrap();
        Self(Simulation::new(MokaStore::new(), policy))
    }

    async fn line(&mut self, line: Value) -> Answer {
        let answer = self.0.replay(&line.to_string()).await.unwrap().unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    async fn failure(&mut self, username: &str, ip: &str) -> Answer {
        let t = self.0.guard().now().saturating_since(Simulation::START).as_secs();
        self.line(json!({"t": t, "username": username, "ip": ip, "outcome": "failure"})).await
    }

    fn advance_to(&mut self, t: f64) {
        self.0.advance_to(Duration::from_millis(millis(t))).unwrap();
    }

    /// Everything that is locked now.
    async fn locks(&self) -> Locks {
        let guard = self.0.guard();
        let query = LockedQuery { limit: 1000, ..LockedQuery::default() };
        let lockouts = guard.locked(&query).await.unwrap().items.into_iter();
        let left = |lockout: &Lockout| lockout.remaining(guard.now());
        lockouts
            .map(|lockout| {
                (lockout.subject.to_string(), left(&lockout).map_or(Value::Null, seconds))
            })
            .collect()
    }
}

#[derive(Deserialize)]
struct Answer {
    decision: Option<String>,
    locks: Locks,
}

impl Answer {
    fn is_refused(&self) -> bool {
        match self.decision.as_deref() {
            None | Some("admitted") => false,
            Some("locked") => true,
            other => panic!("decision {other:?}"),
        }
    }
}

/// Milliseconds of a number of seconds that was recorded with three decimals.
fn millis(seconds: f64) -> u64 {
    let period = Duration::from_secs_f64(seconds) + Duration::from_micros(500);
    period.as_millis().try_into().unwrap()
}

fn seconds(period: Duration) -> Value {
    let text = format!("{}.{:03}", period.as_secs(), period.subsec_millis());
    serde_json::from_str(&text).unwrap()
}

/// Its subject as ours is spelled.
fn subject(text: &str) -> String {
    Policy::default().subject(text).unwrap().to_string()
}

mod defender {
    use super::*;

    #[derive(Clone, Deserialize)]
    struct Settings {
        ip_limit: u32,
        username_limit: u32,
        attempt_cooloff: u64,
        lockout_cooloffs: Vec<u64>,
        both: bool,
        disable_ip: bool,
        disable_username: bool,
        store_attempts: bool,
        attempt_expiration_hours: u64,
    }

    impl Settings {
        fn policy(&self) -> Value {
            // Its place in the list goes by the attempts that it has stored and not yet outlived.
            let escalates = self.store_attempts && self.attempt_expiration_hours > 0;
            let known = if escalates { self.lockout_cooloffs.len() } else { 1 };
            let cooloffs: Vec<_> = self.lockout_cooloffs.iter().take(known).collect();
            let rule = |limit| {
                json!({
                    "failure_limit": limit,
                    "attempt_cooloff": self.attempt_cooloff,
                    "lockout_cooloff": cooloffs,
                    "lockout_memory": self.attempt_expiration_hours * 3600,
                })
            };
            let (username, ip) = (rule(self.username_limit), rule(self.ip_limit));
            json!({
                "preset": "django_defender",
                "combine": if self.both { "all" } else { "any" },
                "username": if self.disable_username { json!(false) } else { username },
                "ip": if self.disable_ip { json!(false) } else { ip },
            })
        }
    }

    #[derive(Deserialize)]
    struct Event {
        t: f64,
        op: Op,
        ip: String,
        key_ip: Option<String>,
        username: Option<String>,
        success: bool,
        blocked_before: Option<bool>,
        ips: BTreeMap<String, i64>,
        users: BTreeMap<String, i64>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Op {
        Login,
        Get,
        UnblockIp,
        UnblockUsername,
        Cleanup,
    }

    impl Event {
        /// The address that it counted, which need not be the peer's.
        fn counted_ip(&self) -> &str {
            self.key_ip.as_ref().unwrap_or(&self.ip)
        }

        /// The line that does the same, and whose locks it is answered by; nothing for an event
        /// that neither counts nor unlocks.
        fn line(&self) -> Option<(Value, Vec<String>)> {
            let username = self.username.as_deref().and_then(Subject::username);
            let username = username.map(|username| username.to_string());
            let ip = || subject(&format!("ip:{}", self.counted_ip()));
            let unlock = |subject: String| {
                (json!({"t": self.t, "op": "unlock", "subject": subject}), vec![subject])
            };
            match self.op {
                Op::Login => {
                    let attempt = json!({
                        "t": self.t,
                        "ip": self.counted_ip(),
                        "username": self.username,
                        "outcome": if self.success { "success" } else { "failure" },
                    });
                    Some((attempt, username.into_iter().chain([ip()]).collect()))
                }
                Op::UnblockIp => Some(unlock(ip())),
                Op::UnblockUsername => username.map(unlock),
                Op::Get | Op::Cleanup => None,
            }
        }

        /// What was locked after it.
        fn locks(&self) -> Locks {
            let left = |left: &i64| match u64::try_from(*left) {
                Ok(millis) => seconds(Duration::from_millis(millis)),
                Err(_) => Value::Null,
            };
            let ips = self.ips.iter().map(|(ip, end)| (subject(&format!("ip:{ip}")), left(end)));
            let users = self.users.iter();
            let users = users.map(|(name, end)| (subject(&format!("username:{name}")), left(end)));
            ips.chain(users).collect()
        }
    }

    #[tokio::test]
    async fn every_event_is_decided_as_recorded() {
        for Recording { name, settings, events } in recordings::<Settings, Event>("defender") {
            let mut replay = Replay::new(settings.policy());
            for (index, event) in events.iter().enumerate() {
                let place = format!("{name} event {index}");
                let expected = event.locks();
                if let Some((line, subjects)) = event.line() {
                    let answer = replay.line(line).await;
                    assert_eq!(answer.is_refused(), event.blocked_before == Some(true), "{place}");
                    let mut own = expected.clone();
                    own.retain(|subject, _| subjects.contains(subject));
                    assert_eq!(answer.locks, own, "{place}");
                }
                replay.advance_to(event.t);
                assert_eq!(replay.locks().await, expected, "{place}");
                if let (Op::Get, Some(blocked)) = (&event.op, event.blocked_before) {
                    let visitor: IpAddr = event.counted_ip().parse().unwrap();
                    let refusal = replay.0.guard().check(&Attempt::new().ip(visitor)).await;
                    assert_eq!(refusal.unwrap().is_some(), blocked, "{place}");
                }
            }
        }
    }

    const SETTINGS: Settings = Settings {
        ip_limit: 3,
        username_limit: 3,
        attempt_cooloff: 300,
        lockout_cooloffs: Vec::new(),
        both: false,
        disable_ip: false,
        disable_username: false,
        store_attempts: true,
        attempt_expiration_hours: 24,
    };

    /// It divides by the limit when it looks for its place in the list, and never locks.
    #[tokio::test]
    async fn differs_a_limit_of_zero_locks_at_the_first_failure() {
        let settings =
            Settings { username_limit: 0, lockout_cooloffs: vec![5, 60], ..SETTINGS.clone() };
        let mut replay = Replay::new(settings.policy());
        let answer = replay.failure("alice", "192.0.2.1").await;
        assert_eq!(answer.locks, Locks::from([("username:alice".into(), json!(5.0))]));
    }

    /// It asks for a lock of both halves, and never refuses.
    #[tokio::test]
    async fn differs_of_both_halves_the_one_that_is_left_refuses() {
        for (disable_ip, disable_username) in [(true, false), (false, true)] {
            let settings =
                Settings { both: true, disable_ip, disable_username, ..SETTINGS.clone() };
            let mut replay = Replay::new(settings.policy());
            for _ in 0..4 {
                assert!(!replay.failure("alice", "192.0.2.1").await.is_refused());
            }
            assert!(replay.failure("alice", "192.0.2.1").await.is_refused());
        }
    }

    /// It locks a name by its lower case, counts and escalates it as it was typed, and takes each
    /// spelling of an address for another.
    #[tokio::test]
    async fn differs_spellings_of_one_name_or_address_are_one_subject() {
        let mut replay = Replay::new(SETTINGS.policy());
        for (name, ip) in [
            ("alice", "192.0.2.1"),
            ("ALICE", "192.0.2.2"),
            (" Alice ", "192.0.2.3"),
            ("b", "::ffff:192.0.2.9"),
            ("c", "::ffff:c000:209"),
            ("d", "192.0.2.9"),
        ] {
            assert!(replay.failure(name, ip).await.locks.is_empty());
        }
        assert!(replay.failure("aLiCe", "192.0.2.4").await.locks.contains_key("username:alice"));
        assert!(replay.failure("e", "192.0.2.9").await.locks.contains_key("ip:192.0.2.9"));
    }

    /// It counts whatever the header says.
    #[tokio::test]
    async fn differs_a_forwarded_value_that_is_no_address_is_an_error() {
        let mut replay = Replay::new(SETTINGS.policy());
        for forwarded in ["unknown", "", "192.0.2.1:443", "_hidden"] {
            let line = json!({"t": 0, "ip": forwarded, "outcome": "failure"}).to_string();
            let error = replay.0.replay(&line).await.unwrap_err().to_string();
            assert_eq!(error, format!("ip: {forwarded:?} is no IP address"));
        }
    }
}

/// The part that counts strangers by the name they type. What it counts for trusted devices is not
/// replayed, but what this does to the name is.
mod bf_protect {
    use super::*;

    #[derive(Deserialize)]
    struct Settings {
        limit: u32,
        lock_minutes: u32,
        window_seconds: u64,
    }

    impl Settings {
        fn policy(&self) -> Value {
            json!({
                "preset": "drf_bf_protect",
                "username": {
                    "failure_limit": self.limit,
                    "attempt_cooloff": self.window_seconds,
                    "lockout_cooloff": self.lock_minutes * 60,
                },
            })
        }

        /// What is left of a lock of this age.
        fn left(&self, age: f64) -> Duration {
            let lockout = Duration::from_secs((self.lock_minutes * 60).into());
            lockout.saturating_sub(Duration::from_millis(millis(age)))
        }
    }

    #[derive(Deserialize)]
    struct Event {
        t: f64,
        user: String,
        cookie: Option<String>,
        set_cookie: Option<SetCookie>,
        outcome: Outcome,
        status: Value,
        tokens: Vec<String>,
        locks: BTreeMap<String, f64>,
    }

    #[derive(Deserialize)]
    struct SetCookie {
        value: String,
    }

    #[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Outcome {
        Ok,
        Raise,
        S400,
        S401,
        S403,
        Redirect,
    }

    impl Outcome {
        fn name(self) -> &'static str {
            match self {
                Self::Ok => "success",
                Self::Raise | Self::S401 | Self::S403 => "failure",
                // Neither a login nor a wrong password: it leaves every counter as it was.
                Self::S400 | Self::Redirect => "cancel",
            }
        }
    }

    impl Event {
        /// Nothing for an empty name.
        fn subject(&self) -> Option<String> {
            Subject::username(&self.user).map(|subject| subject.to_string())
        }

        fn is_trusted(&self, tokens: &[String]) -> bool {
            self.cookie.as_ref().is_some_and(|cookie| {
                tokens.iter().filter_map(|token| token.rsplit_once('|')).any(|(name, token)| {
                    uuid(token) == uuid(cookie)
                        && Subject::username(name) == Subject::username(&self.user)
                })
            })
        }

        /// The lines that do the same to the name, of which `left` is left of its lockout.
        fn lines(&self, is_trusted: bool, left: Option<&Value>, recorded: &Locks) -> Vec<Value> {
            let Some(subject) = self.subject() else { return Vec::new() };
            let attempt =
                json!({"t": self.t, "username": self.user, "outcome": self.outcome.name()});
            let lock = |seconds: &Value| json!({"t": self.t, "op": "lock", "subject": subject, "seconds": seconds});
            match (is_trusted, self.outcome.name()) {
                (false, _) => vec![attempt],
                (true, "success") => match left {
                    None => vec![attempt],
                    // The lockout stays, but what strangers failed is forgotten.
                    Some(left) => {
                        let unlock = json!({"t": self.t, "op": "unlock", "subject": subject});
                        vec![unlock, lock(left)]
                    }
                },
                // A device over its limit locks the name for strangers, too: ours will not, so an
                // operator does.
                (true, "failure") if recorded.get(&subject) != left => {
                    recorded.get(&subject).map(lock).into_iter().collect()
                }
                (true, _) => Vec::new(),
            }
        }

        /// What was locked after it, but for the empty name, which is no name to us.
        fn locks(&self, settings: &Settings) -> Locks {
            let locks = self.locks.iter().map(|(name, age)| (name, settings.left(*age)));
            locks
                .filter(|(_, left)| !left.is_zero())
                .filter_map(|(name, left)| {
                    Some((Subject::username(name)?.to_string(), seconds(left)))
                })
                .collect()
        }
    }

    /// Its tokens are UUIDs and may be sent in other spellings, such as in braces.
    fn uuid(text: &str) -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    }

    #[tokio::test]
    async fn every_event_is_decided_as_recorded() {
        for Recording { name, settings, events } in recordings::<Settings, Event>("bf_protect") {
            let mut replay = Replay::new(settings.policy());
            let mut tokens: &[String] = &[];
            for (index, event) in events.iter().enumerate() {
                let place = format!("{name} event {index}");
                let expected = event.locks(&settings);
                replay.advance_to(event.t);
                let before = replay.locks().await;
                let left = event.subject().and_then(|subject| before.get(&subject));
                for line in event.lines(event.is_trusted(tokens), left, &expected) {
                    let answer = replay.line(line).await;
                    assert_eq!(answer.is_refused(), event.status == 423, "{place}");
                }
                assert_eq!(replay.locks().await, expected, "{place}");
                tokens = &event.tokens;
            }
        }
    }

    /// With a guard and its devices, not by the name alone: the same refusals, the same locks, a cookie
    /// where it gave one and the same devices of each name.
    #[tokio::test]
    async fn every_device_is_trusted_as_recorded() {
        for Recording { name, settings, events } in recordings::<Settings, Event>("bf_protect") {
            let mut policy = settings.policy();
            // It has one limit for both, and locks the name with the device.
            policy["device"] = policy["username"].clone();
            policy["locked_device"] = json!("locks_name");
            let policy: Policy = serde_json::from_value(policy).unwrap();
            let store = Arc::new(MokaStore::new());
            let devices = StoredDevices::new(store.clone());
            let clock = FakeClock::at(Simulation::START);
            let builder = Guard::builder(store, policy).clock(clock.clone());
            let guard = builder.devices(devices.clone()).build();
            let mut cookies = BTreeMap::<String, String>::new();
            for (index, event) in events.iter().enumerate() {
                let place = format!("{name} event {index}");
                clock.set(Simulation::START.saturating_add(Duration::from_millis(millis(event.t))));
                let Some(username) = Username::new(&event.user) else { continue };
                let mut attempt = Attempt::new().username(&event.user);
                if let Some(cookie) = event.cookie.as_deref().and_then(|c| cookies.get(&uuid(c))) {
                    attempt = attempt.device_cookie(cookie);
                }
                let decision = guard.begin(&attempt).await.unwrap();
                assert_eq!(
                    event.status == 423,
                    matches!(decision, Decision::Refused(_)),
                    "{place}"
                );
                if let Decision::Admitted(permit) = decision {
                    let outcome = match event.outcome.name() {
                        "success" => lockout_core::Outcome::Success,
                        "failure" => lockout_core::Outcome::Failure,
                        _ => lockout_core::Outcome::Cancelled,
                    };
                    let cookie = permit.settle(outcome).await.unwrap().device_cookie;
                    assert_eq!(cookie.is_some(), event.set_cookie.is_some(), "{place}");
                    if let (Some(ours), Some(theirs)) = (cookie, &event.set_cookie) {
                        // Its browser forgets whoever used it before; the first token is the user's.
                        let (token, _) = ours.value().split_at(32);
                        cookies.insert(uuid(&theirs.value), token.to_owned());
                    }
                }
                let query = LockedQuery { scope: Some(Scope::Username), ..LockedQuery::default() };
                let locked = guard.locked(&query).await.unwrap().items;
                let locks: Locks = locked
                    .iter()
                    .map(|lockout| {
                        let left = lockout.remaining(guard.now()).unwrap();
                        (lockout.subject.to_string(), seconds(left))
                    })
                    .collect();
                assert_eq!(locks, event.locks(&settings), "{place}");
                let names = event.tokens.iter().filter_map(|token| token.rsplit_once('|'));
                let theirs =
                    names.filter(|(name, _)| Username::new(name).as_ref() == Some(&username));
                let ours = devices.devices_of(&username, guard.now()).await.unwrap();
                assert_eq!(ours.len(), theirs.count(), "{place}");
            }
        }
    }

    /// A device over its limit is trusted no more, but the name stays free for everybody.
    #[tokio::test]
    async fn differs_a_device_over_its_limit_does_not_lock_the_name() {
        let store = Arc::new(MokaStore::new());
        let builder = Guard::builder(store.clone(), Policy::drf_bf_protect());
        let guard = builder.devices(StoredDevices::new(store)).build();
        let alice = Attempt::new().username("alice");
        let permit = guard.begin(&alice).await.unwrap().admitted().unwrap();
        let cookie = permit.succeed().await.unwrap().device_cookie.unwrap();
        let stolen = alice.clone().device_cookie(cookie.value());
        for _ in 0..6 {
            guard.begin(&stolen).await.unwrap().admitted().unwrap().fail().await.unwrap();
        }
        assert_eq!(guard.status(&[Subject::username("alice").unwrap()]).await.unwrap(), [None]);
        // From here on it is a stranger.
        for _ in 0..6 {
            guard.begin(&stolen).await.unwrap().admitted().unwrap().fail().await.unwrap();
        }
        assert!(guard.begin(&stolen).await.unwrap().admitted().is_err());
    }

    /// It counts and locks the empty name like any other.
    #[tokio::test]
    async fn differs_an_empty_name_is_never_locked() {
        let mut replay = Replay::new(json!({"preset": "drf_bf_protect"}));
        for _ in 0..20 {
            let answer = replay.failure(" ", "192.0.2.1").await;
            assert!(!answer.is_refused() && answer.locks.is_empty());
        }
    }
}
