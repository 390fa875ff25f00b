//! A site that people log in to, and the browsers that they do it with.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lockout_core::{
    Attempt, CookieForm, DeviceKey, Event, FakeClock, Guard, GuardBuilder, Observer, Policy,
    PolicyBuilder, Rule, Scope, SignedDevices, Timestamp,
};

use crate::conformance::Examined;

/// When every case begins.
pub(super) const START: Timestamp = Timestamp::from_millis(1_000_000_000_000);

/// How many failures the rules of a [`Site`] tolerate for a name and for a device.
pub(super) const LIMIT: u32 = 3;

pub(super) struct Site {
    pub(super) guard: Guard,
    pub(super) clock: FakeClock,
    pub(super) devices: SignedDevices,
    events: Events,
}

#[derive(Clone, Debug, Default)]
struct Events(Arc<Mutex<Vec<Event>>>);

impl Observer for Events {
    fn observe(&self, event: &Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
    }
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    LetIn,
    WrongPassword,
    Refused,
}

/// Where somebody sits, with the cookie that he keeps.
#[derive(Clone, Debug)]
pub(super) struct Browser {
    pub(super) ip: IpAddr,
    pub(super) cookie: Option<String>,
}

impl Browser {
    /// A browser that has never been anywhere, at 198.51.100.`host`.
    pub(super) fn new(host: u8) -> Self {
        Self { ip: [198, 51, 100, host].into(), cookie: None }
    }

    /// A browser that came by this cookie.
    pub(super) fn with(host: u8, cookie: Option<String>) -> Self {
        Self { cookie, ..Self::new(host) }
    }

    pub(super) fn attempt(&self, name: &str) -> Attempt {
        let attempt = Attempt::new().username(name).ip(self.ip);
        match &self.cookie {
            Some(cookie) => attempt.device_cookie(cookie),
            None => attempt,
        }
    }
}

/// A rule for names, with limit 3 and cooloffs of 300 s, and the rules for devices.
pub(super) fn names_and_devices() -> PolicyBuilder {
    Policy::builder()
        .rule(Rule::builder(Scope::Username).failure_limit(LIMIT))
        .devices(Rule::builder(Scope::Device).failure_limit(LIMIT))
}

pub(super) fn key(byte: u8) -> DeviceKey {
    DeviceKey::new([byte; 32]).expect("a key")
}

impl Site {
    pub(super) fn new(store: Examined, policy: PolicyBuilder) -> Self {
        Self::with(store, policy, |builder| builder)
    }

    pub(super) fn with(
        store: Examined,
        policy: PolicyBuilder,
        settings: impl FnOnce(GuardBuilder) -> GuardBuilder,
    ) -> Self {
        let policy = policy.build().expect("a possible policy");
        let clock = FakeClock::at(START);
        let devices = SignedDevices::new(key(7)).audience("site");
        let events = Events::default();
        let builder = Guard::builder(store, policy)
            .clock(clock.clone())
            .devices(devices.clone())
            .observer(events.clone());
        Self { guard: settings(builder).build(), clock, devices, events }
    }

    /// The events since the last call.
    pub(super) fn events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.events.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Tries a password. Whoever is let in keeps the cookie.
    pub(super) async fn log_in(&self, browser: &mut Browser, name: &str, right: bool) -> Answer {
        let decision = self.guard.begin(&browser.attempt(name)).await.expect("the store works");
        let Ok(permit) = decision.admitted() else { return Answer::Refused };
        if !right {
            permit.fail().await.expect("the store works");
            return Answer::WrongPassword;
        }
        let settlement = permit.succeed().await.expect("the store works");
        let cookie = settlement.device_cookie.expect("a success issues a cookie");
        // As a browser sends it back.
        let header = format!("lang=en; {}={}", cookie.name(), cookie.value());
        browser.cookie = CookieForm::default().find([header.as_str()]);
        Answer::LetIn
    }

    pub(super) async fn fails(&self, browser: &Browser, name: &str) -> Answer {
        self.log_in(&mut browser.clone(), name, false).await
    }

    pub(super) async fn succeeds(&self, browser: &mut Browser, name: &str) -> Answer {
        self.log_in(browser, name, true).await
    }

    /// A browser at 198.51.100.`host` whose owner has logged in.
    pub(super) async fn known(&self, host: u8, name: &str) -> Browser {
        let mut browser = Browser::new(host);
        assert_eq!(self.succeeds(&mut browser, name).await, Answer::LetIn);
        browser
    }

    /// How many passwords are looked at before the first refusal.
    pub(super) async fn guesses(&self, browser: &Browser, name: &str) -> u32 {
        for guess in 0..1_000 {
            if self.fails(browser, name).await == Answer::Refused {
                return guess;
            }
        }
        panic!("{browser:?} guessed {name} 1,000 times and was not refused");
    }

    /// Strangers lock the name, each from an address of his own.
    pub(super) async fn strangers_lock(&self, name: &str) {
        for host in 0..=LIMIT {
            let stranger = Browser::new(200 + u8::try_from(host).expect("a small limit"));
            assert_eq!(self.fails(&stranger, name).await, Answer::WrongPassword);
        }
        assert_eq!(self.fails(&Browser::new(250), name).await, Answer::Refused);
    }
}
