//! Random histories, played to a store and to the engine at the same time.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use lockout_core::{
    AfterLockout, Attempt, Charge, Claim, Combine, Cooloff, CooloffList, CustomScope, DeviceId,
    EscalateBy, LockedQuery, Lockout, LockoutStore, MapStore, OnSuccess, Outcome, Page, Place,
    Policy, Refusal, Reservation, Reserved, Rule, Scope, Settlement, Spread, Subject, Timestamp,
};

/// Operations in one history.
pub const STEPS: usize = 200;

/// Plays `histories` random histories of [`STEPS`] operations each and asserts after every one
/// that the store answers as [`MapStore`], the engine itself, does.
///
/// The same seed gives the same histories. Time is virtual and now and then steps back, by less
/// than [`Record::GRACE`](lockout_core::Record::GRACE).
///
/// # Panics
/// If an answer differs, with the seed and the operation; or if the store fails.
pub async fn run(store: Arc<dyn LockoutStore>, seed: u64, histories: u64) {
    for number in 0..histories {
        History::new(Arc::clone(&store), seed, number).play().await;
    }
}

/// Attempts that are charged at both stores and not settled yet.
struct Open {
    claims: Vec<Claim>,
    spread: Spread,
    examined: Vec<Charge>,
    engine: Vec<Charge>,
}

struct History {
    name: String,
    random: fastrand::Rng,
    policy: Policy,
    examined: Arc<dyn LockoutStore>,
    engine: MapStore,
    open: Vec<Open>,
    now: Timestamp,
    latest: Timestamp,
    /// Instants at which something ends: where mistakes are.
    ends: Vec<Timestamp>,
}

impl History {
    fn new(examined: Arc<dyn LockoutStore>, seed: u64, number: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed.wrapping_mul(1_000_003) ^ number);
        let policy = random_policy(&mut random);
        let now = Timestamp::from_millis(1_000_000_000_000);
        Self {
            name: format!("seed {seed:#x}, history {number}"),
            random,
            policy,
            examined,
            engine: MapStore::new(),
            open: Vec::new(),
            now,
            latest: now,
            ends: Vec::new(),
        }
    }

    async fn play(mut self) {
        for step in 0..STEPS {
            self.pass_time();
            let (operation, examined, engine) = self.step().await;
            assert_eq!(
                examined, engine,
                "{}, step {step}: {operation} at {:?} under {:#?}: the store (left) differs from \
                 the engine (right)",
                self.name, self.now, self.policy
            );
        }
    }

    async fn step(&mut self) -> (String, Answer, Answer) {
        match self.random.u8(..100) {
            0..50 => self.reserve().await,
            50..80 => self.settle().await,
            80..83 => self.abandon(),
            83..88 => self.clear().await,
            88..91 => self.lock().await,
            91..96 => self.status().await,
            _ => self.list().await,
        }
    }

    async fn reserve(&mut self) -> (String, Answer, Answer) {
        let mut attempt = Attempt::new();
        if self.random.u8(..10) > 0 {
            attempt = attempt.username(&self.username());
        }
        if self.random.u8(..10) > 0 {
            attempt = attempt.ip(self.address());
        }
        if self.random.u8(..4) > 0 {
            attempt = attempt.custom(tenant(), &self.username());
        }
        if self.random.u8(..4) == 0 {
            attempt = attempt.trusted_device(device(&self.name, self.random.u8(..2)));
        }
        let claims = self.policy.claims(&attempt);
        let spread = Spread::new(self.random.u16(..));
        let reservation = Reservation::new(&self.policy, &claims, spread);
        let examined =
            self.examined.reserve(&reservation, self.now).await.expect("the store works");
        let engine = self.engine.reserve(&reservation, self.now).await.expect("a map works");
        let answers = (Answer::from(&examined), Answer::from(&engine));
        if let (Reserved::Charged(examined), Reserved::Charged(engine)) = (examined, engine) {
            self.open.push(Open { claims, spread, examined, engine });
        }
        self.note_ends();
        (format!("reserve {attempt:?}"), answers.0, answers.1)
    }

    async fn settle(&mut self) -> (String, Answer, Answer) {
        let Some(open) = self.take_open() else { return self.status().await };
        let outcome = match self.random.u8(..10) {
            0..5 => Outcome::Failure,
            5..9 => Outcome::Success,
            _ => Outcome::Cancelled,
        };
        let reservation = Reservation::new(&self.policy, &open.claims, open.spread);
        let examined = self.examined.settle(&reservation, &open.examined, outcome, self.now).await;
        let engine = self.engine.settle(&reservation, &open.engine, outcome, self.now).await;
        let operation = format!("settle {:?} with {outcome:?}", open.engine);
        self.note_ends();
        (
            operation,
            Answer::Settled(examined.expect("the store works")),
            Answer::Settled(engine.expect("a map works")),
        )
    }

    /// A permit that is dropped: neither store is told.
    fn abandon(&mut self) -> (String, Answer, Answer) {
        self.take_open();
        ("abandon".into(), Answer::Done(true), Answer::Done(true))
    }

    async fn clear(&mut self) -> (String, Answer, Answer) {
        let subject = self.subject();
        let examined = self.examined.clear(&subject, self.now).await.expect("the store works");
        let engine = self.engine.clear(&subject, self.now).await.expect("a map works");
        (format!("clear {subject:?}"), Answer::Done(examined), Answer::Done(engine))
    }

    async fn lock(&mut self) -> (String, Answer, Answer) {
        let subject = self.subject();
        let period = Duration::from_secs(self.random.u64(..120));
        let until = (self.random.u8(..8) > 0).then(|| self.now.saturating_add(period));
        let examined = self.examined.lock(&subject, until, self.now).await;
        let engine = self.engine.lock(&subject, until, self.now).await;
        (
            format!("lock {subject:?} until {until:?}"),
            Answer::Done(examined.expect("the store works")),
            Answer::Done(engine.expect("a map works")),
        )
    }

    async fn status(&mut self) -> (String, Answer, Answer) {
        let subjects: Vec<_> = (0..4).map(|_| self.subject()).collect();
        let examined = self.examined.status(&subjects, self.now).await.expect("the store works");
        let engine = self.engine.status(&subjects, self.now).await.expect("a map works");
        (format!("status of {subjects:?}"), Answer::Status(examined), Answer::Status(engine))
    }

    /// The whole list, in pages, without what other histories left behind in the same store.
    async fn list(&mut self) -> (String, Answer, Answer) {
        let limit = self.random.usize(1..6);
        let examined = self.pages(&*self.examined, limit).await;
        let engine = self.pages(&self.engine, limit).await;
        (format!("list by {limit}"), Answer::Listed(examined), Answer::Listed(engine))
    }

    async fn pages(&self, store: &dyn LockoutStore, limit: usize) -> Vec<Lockout> {
        let mut query = LockedQuery { limit: limit * 10, ..LockedQuery::default() };
        let mut all = Vec::new();
        loop {
            let page: Page<_> = store.locked(&query, self.now).await.expect("the store works");
            all.extend(page.items);
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        let ours = self.subjects();
        all.retain(|lockout| ours.contains(&lockout.subject));
        all.sort_by(|one, other| one.subject.cmp(&other.subject));
        all
    }

    fn take_open(&mut self) -> Option<Open> {
        let index = self.random.usize(..self.open.len().max(1));
        (index < self.open.len()).then(|| self.open.swap_remove(index))
    }

    fn pass_time(&mut self) {
        self.now = match self.random.u8(..20) {
            0..8 => self.now,
            8..14 => self.now.saturating_add(Duration::from_millis(self.random.u64(..3_000))),
            14..16 => self.now.saturating_add(Duration::from_secs(self.random.u64(..200))),
            16 => Timestamp::from_millis(self.latest.as_millis() - self.random.u64(..9_000)),
            _ => {
                let now = self.now;
                self.ends.retain(|end| *end > now);
                let end = self.ends.iter().min().copied().unwrap_or(now);
                // At the very instant, or the one before.
                Timestamp::from_millis(end.as_millis() - u64::from(end > now && self.random.bool()))
            }
        };
        self.latest = self.latest.max(self.now);
    }

    fn note_ends(&mut self) {
        for subject in self.subjects() {
            if let Some(record) = self.engine.record(&subject) {
                let lock = record.lock.map(|lock| [lock.until, lock.provisional]);
                let ends = lock.into_iter().flatten().chain([record.failures_expire]);
                self.ends.extend(ends.flatten());
            }
        }
        self.ends.sort_unstable();
        self.ends.dedup();
    }

    fn username(&mut self) -> String {
        format!("{} {}", self.name, self.random.u8(..3))
    }

    fn address(&mut self) -> std::net::Ipv6Addr {
        address(&self.name, self.random.u16(..3))
    }

    fn subject(&mut self) -> Subject {
        let subjects = self.subjects();
        subjects[self.random.usize(..subjects.len())].clone()
    }

    /// Every subject of this history and of no other.
    fn subjects(&self) -> Vec<Subject> {
        let mut subjects = Vec::new();
        for client in 0..3 {
            let name = format!("{} {client}", self.name);
            let attempt = Attempt::new().username(&name).custom(tenant(), &name);
            let of_hosts = (0..3).map(|host| attempt.clone().ip(address(&self.name, host)));
            let of_devices =
                (0..2).map(|index| attempt.clone().trusted_device(device(&self.name, index)));
            for attempt in of_hosts.chain(of_devices) {
                let claims = self.policy.claims(&attempt);
                subjects.extend(claims.iter().map(|claim| claim.subject().clone()));
            }
        }
        subjects.sort();
        subjects.dedup();
        subjects
    }
}

/// A scope of an application's own.
fn tenant() -> CustomScope {
    "tenant".parse().expect("a name of a scope")
}

/// A device that only the history of this name uses.
fn device(name: &str, index: u8) -> DeviceId {
    let mut hasher = DefaultHasher::new();
    (name, index).hash(&mut hasher);
    let hash = hasher.finish();
    DeviceId::new((u128::from(hash) << 64 | u128::from(index)).to_be_bytes())
}

/// An address in a network that only the history of this name uses.
fn address(name: &str, host: u16) -> std::net::Ipv6Addr {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let hash = hasher.finish();
    let network = u128::from(hash) << 80 | u128::from(host) << 64;
    std::net::Ipv6Addr::from_bits(network | 1)
}

/// What the two must agree on. The numbers of charges are a store's own business.
#[derive(Debug, PartialEq)]
enum Answer {
    Charged(Vec<(Place, u32)>),
    Refused(Refusal),
    Settled(Settlement),
    Status(Vec<Option<Lockout>>),
    Listed(Vec<Lockout>),
    Done(bool),
}

impl From<&Reserved> for Answer {
    fn from(reserved: &Reserved) -> Self {
        match reserved {
            Reserved::Refused(refusal) => Self::Refused(refusal.clone()),
            Reserved::Charged(charges) => Self::Charged(
                charges.iter().map(|charge| (charge.place, charge.failures)).collect(),
            ),
        }
    }
}

fn random_policy(random: &mut fastrand::Rng) -> Policy {
    let mut policy = Policy::builder().lease(Duration::from_secs(random.u64(1..40)));
    if random.u8(..4) == 0 {
        policy = policy.combine(Combine::All);
    }
    let mut scopes = vec![
        Scope::Username,
        Scope::Ip,
        Scope::UsernameIp,
        Scope::Network,
        Scope::Custom(tenant()),
    ];
    random.shuffle(&mut scopes);
    scopes.truncate(random.usize(1..=3));
    if random.bool() {
        scopes.extend([Scope::Device, Scope::DeviceTotal]);
        policy = policy.trusted_meets_ip(random.bool());
    }
    if random.u8(..4) == 0 {
        policy = policy.namespace("otp".parse().expect("a namespace"));
    }
    for scope in scopes {
        let mut pick = |periods: &[u64]| periods[random.usize(..periods.len())];
        let attempt_cooloff = Cooloff::from_secs(pick(&[0, 5, 60, 300]));
        let memory = Cooloff::from_secs(pick(&[0, 30, 120, 3600]));
        let jitter = Duration::from_secs(pick(&[0, 0, 7]));
        let list: Vec<_> = (0..random.usize(..5)).map(|_| random.u64(..90)).collect();
        let by = [EscalateBy::Lockouts, EscalateBy::Failures, EscalateBy::Attempts];
        let after = [AfterLockout::Count, AfterLockout::Forget];
        let on_success = [OnSuccess::Clear, OnSuccess::Refund, OnSuccess::Keep];
        policy = policy.rule(
            Rule::builder(scope)
                .failure_limit(random.u32(..4))
                .attempt_cooloff(attempt_cooloff)
                .lockout_cooloff(CooloffList::from_secs(list))
                .lockout_memory(memory)
                .lockout_jitter(jitter)
                .escalate_by(by[random.usize(..by.len())])
                .after_lockout(after[random.usize(..after.len())])
                .on_success(on_success[random.usize(..on_success.len())]),
        );
    }
    policy.build().expect("a possible policy")
}
