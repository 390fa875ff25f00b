//! How many guesses somebody gets, however he goes about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lockout_core::{
    Attempt, Combine, Decision, Event, LockedDevice, MapStore, Permit, Preset, Scope, SignedDevices,
};
use tokio::sync::Barrier;

use super::site::{Answer, Browser, LIMIT, Site, key, names_and_devices};
use crate::conformance::Examined;

const DAY: u64 = 24 * 3600;

/// How long a lockout lasts here, and failures are remembered.
const COOLOFF: u64 = 300;

/// `limit + 1` guesses lock a name for a cooloff, and nothing is gained by waiting longer.
fn bound_of_a_day() -> u32 {
    (LIMIT + 1) * u32::try_from(DAY.div_ceil(COOLOFF)).expect("a small number")
}

/// Guesses for a day: `pace` by `pace`, with `rest` seconds in between, and after a refusal as soon as
/// it says.
async fn guesses_of_a_day(site: &Site, browser: &Browser, pace: u32, rest: u64) -> u32 {
    let end = site.guard.now().saturating_add(Duration::from_secs(DAY));
    let mut guesses = 0;
    while site.guard.now() < end {
        let attempt = browser.attempt("alice");
        match site.guard.begin(&attempt).await.expect("the store works") {
            Decision::Admitted(permit) => {
                permit.fail().await.expect("the store works");
                guesses += 1;
                if guesses % pace == 0 {
                    site.pass(rest);
                }
            }
            Decision::Refused(refusal) => {
                site.clock.advance(refusal.retry_after().expect("an end"));
            }
        }
    }
    guesses
}

pub(super) async fn dc_19_without_a_cookie_guesses_a_day_stay_within_the_bound(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let bound = bound_of_a_day();
    for (pace, rest) in [(1_000, 0), (LIMIT, COOLOFF), (1, 1), (1, 76), (2, 299), (1, 300)] {
        let guesses = guesses_of_a_day(&site, &Browser::new(1), pace, rest).await;
        assert!(guesses <= bound, "{guesses} of {bound}, {pace} by {pace} every {rest} s");
        site.pass(DAY);
    }
    assert_eq!(guesses_of_a_day(&site, &Browser::new(1), 1_000, 0).await, bound);
}

pub(super) async fn dc_20_with_a_stolen_cookie_guesses_a_day_stay_within_the_bound(
    store: Examined,
) {
    let site = Site::new(store, names_and_devices());
    // What the cookie adds over its whole life.
    let bound = bound_of_a_day() + 10 * LIMIT;
    for (pace, rest) in [(1_000, 0), (LIMIT, COOLOFF), (1, 20)] {
        let stolen = Browser { ip: [192, 0, 2, 1].into(), ..site.known(1, "alice").await };
        let guesses = guesses_of_a_day(&site, &stolen, pace, rest).await;
        assert!(guesses <= bound, "{guesses} of {bound}, {pace} by {pace} every {rest} s");
        assert!(pace != 1_000 || guesses == bound, "{guesses} of {bound}");
        site.pass(DAY);
    }
}

pub(super) async fn dc_21_ten_times_the_limit_revokes_a_device_for_good(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let owner = site.known(1, "alice").await;
    let is_revoked = |event: &Event| matches!(event, Event::DeviceRevoked(subject) if subject.scope() == Scope::DeviceTotal);
    for failure in 1..=10 * LIMIT {
        // So slowly that no lock ever falls, and with good logins of the owner's in between, whose
        // cookie was copied.
        site.pass(2 * COOLOFF);
        assert_eq!(site.fails(&owner, "alice").await, Answer::WrongPassword);
        assert_eq!(site.succeeds(&mut owner.clone(), "alice").await, Answer::LetIn);
        let revoked = site.events().iter().filter(|event| is_revoked(event)).count();
        assert_eq!(revoked, usize::from(failure == 10 * LIMIT), "after {failure} failures");
    }
    for _ in 0..27 {
        site.pass(DAY);
        site.strangers_lock("alice").await;
        assert_eq!(site.fails(&owner, "alice").await, Answer::Refused);
    }
}

/// Lets everybody loose at once. How many passwords were looked at.
async fn at_once(site: &Site, browsers: Vec<Browser>) -> u32 {
    let verified = Arc::new(AtomicU32::new(0));
    let released = Arc::new(Barrier::new(browsers.len()));
    let guessers: Vec<_> = browsers
        .into_iter()
        .map(|browser| {
            let (verified, released) = (Arc::clone(&verified), Arc::clone(&released));
            let guard = site.guard.clone();
            tokio::spawn(async move {
                released.wait().await;
                let decision = guard.begin(&browser.attempt("alice")).await;
                if let Decision::Admitted(permit) = decision.expect("the store works") {
                    verified.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    permit.fail().await.expect("the store works");
                }
            })
        })
        .collect();
    for guesser in guessers {
        guesser.await.expect("a guesser ends");
    }
    verified.load(Ordering::Relaxed)
}

pub(super) async fn a_stolen_cookie_is_exact_under_500_guesses_at_once(store: Examined) {
    let site = Site::new(store, names_and_devices().locked_device(LockedDevice::Refused));
    let stolen = site.known(1, "alice").await;
    assert_eq!(at_once(&site, vec![stolen; 500]).await, LIMIT + 1);
}

pub(super) async fn a_name_is_exact_under_500_guesses_at_once_of_strangers_and_a_stolen_cookie(
    store: Examined,
) {
    let site = Site::new(store, names_and_devices());
    let stolen = site.known(1, "alice").await;
    let mut browsers = vec![stolen; 250];
    browsers.extend(vec![Browser::new(2); 250]);
    let verified = at_once(&site, browsers).await;
    assert!(verified <= 2 * (LIMIT + 1), "{verified}");
    assert!(verified > LIMIT, "{verified}");
    let stranger = site.fails(&Browser::new(3), "alice").await;
    assert_eq!(stranger, Answer::Refused, "the name is locked");
}

/// What an attacker has gathered.
struct Attacker {
    random: fastrand::Rng,
    own: Browser,
    held: Vec<Permit>,
}

impl Attacker {
    /// Does something, of all that can be done without the owner's cookie.
    async fn act(&mut self, site: &Site, owner: &Browser) {
        let forged = owner.cookie.as_deref().map(|cookie| {
            let forger = SignedDevices::new(key(99)).audience("site");
            match self.random.u8(..4) {
                0 => cookie.chars().rev().collect(),
                1 => cookie[..cookie.len() - 1].to_owned() + "A",
                2 => {
                    let alice = lockout_core::Username::new("alice").expect("a name");
                    forger.sign(Some(cookie), &alice, site.guard.now()).value()[..72].to_owned()
                }
                _ => self.own.cookie.clone().unwrap_or_default(),
            }
        });
        let mut browser = Browser::new(self.random.u8(..3));
        if self.random.bool() {
            // By chance it may be the owner's own.
            browser.cookie = forged.filter(|forged| owner.cookie.as_ref() != Some(forged));
        }
        match self.random.u8(..10) {
            0..6 => {
                site.fails(&browser, "alice").await;
            }
            6 => {
                let mut own = self.own.clone();
                site.succeeds(&mut own, "mallory").await;
                self.own = own;
            }
            7 => {
                let attempt = browser.attempt("alice");
                let decision = site.guard.begin(&attempt).await.expect("the store works");
                self.held.extend(decision.admitted().ok());
            }
            8 => drop(self.held.pop()),
            _ => {
                let nobody = Attempt::new().username("mallory").ip(owner.ip);
                drop(site.guard.begin(&nobody).await.expect("the store works"));
            }
        }
    }
}

pub(super) async fn nothing_that_strangers_do_changes_the_outcome_for_the_owner_of_a_cookie(
    store: Examined,
) {
    for (seed, locked_device) in
        (0..20).flat_map(|seed| [(seed, LockedDevice::Refused), (seed, LockedDevice::Untrusted)])
    {
        let policy = || Preset::Default.builder(Combine::Any).locked_device(locked_device);
        let namespace = format!("world{seed}_{}", locked_device == LockedDevice::Refused);
        let namespace = namespace.get(..namespace.len().min(16)).expect("ASCII").to_lowercase();
        let attacked_policy = policy().namespace(namespace.parse().expect("a namespace"));
        let attacked = Site::new(Arc::clone(&store), attacked_policy);
        let quiet = Site::new(Arc::new(MapStore::new()), policy());
        let mut owner = [attacked.known(1, "alice").await, quiet.known(1, "alice").await];
        let mut random = fastrand::Rng::with_seed(seed);
        let mut attacker = Attacker {
            random: fastrand::Rng::with_seed(1_000 + seed),
            own: attacked.known(2, "mallory").await,
            held: Vec::new(),
        };
        let mut failures_in_a_row = 0;
        for step in 0..40 {
            for _ in 0..random.u8(..5) {
                attacker.act(&attacked, &owner[0]).await;
            }
            let seconds = random.u64(..120);
            attacked.pass(seconds);
            quiet.pass(seconds);
            // A device that its own owner has locked is a stranger's, unless it is refused.
            let must_succeed =
                locked_device == LockedDevice::Untrusted && failures_in_a_row == LIMIT;
            let right = must_succeed || random.u8(..4) == 0;
            failures_in_a_row = if right { 0 } else { failures_in_a_row + 1 };
            let [there, here] = &mut owner;
            let answers = (
                attacked.log_in(there, "alice", right).await,
                quiet.log_in(here, "alice", right).await,
            );
            assert_eq!(answers.0, answers.1, "seed {seed}, step {step}, {locked_device:?}");
        }
    }
}
