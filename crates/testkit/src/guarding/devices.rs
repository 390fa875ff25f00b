//! The statements of OWASP's device cookies, by their numbers.

use lockout_core::{Combine, LockedDevice, Rule, Scope, SignedDevices, Username};

use super::site::{Answer, Browser, LIMIT, Site, key, names_and_devices};
use crate::conformance::Examined;

const DAY: u64 = 24 * 3600;

pub(super) async fn dc_1_every_success_issues_a_new_cookie(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let alice = Username::new("alice").expect("a name");
    let mut browser = Browser::new(1);
    let mut devices = Vec::new();
    for _ in 0..5 {
        assert_eq!(site.succeeds(&mut browser, "alice").await, Answer::LetIn);
        let cookie = browser.cookie.as_deref().expect("a cookie");
        devices.push(site.devices.verify(cookie, &alice, site.guard.now()).expect("a valid one"));
    }
    devices.sort();
    devices.dedup();
    assert_eq!(devices.len(), 5);
}

pub(super) async fn dc_6_what_is_no_cookie_of_this_user_is_as_good_as_none(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let good = site.known(1, "alice").await.cookie.expect("a cookie");
    let now = site.guard.now();
    let alice = Username::new("alice").expect("a name");
    let bob = Username::new("bob").expect("a name");
    let signed = |devices: SignedDevices, name| devices.sign(None, name, now).value().to_owned();
    let mut changed = good.clone().into_bytes();
    changed[20] = if changed[20] == b'A' { b'B' } else { b'A' };
    let bad = [
        String::new(),
        ".".into(),
        "...".into(),
        "x".into(),
        "\0\r\n;=\u{202e}".into(),
        "A".repeat(72),
        "-".repeat(1 << 20),
        good[..71].into(),
        format!("{good}A"),
        good.to_ascii_lowercase(),
        format!("{}=", &good[..71]),
        String::from_utf8(changed).expect("text"),
        signed(SignedDevices::new(key(7)).audience("site"), &bob),
        signed(SignedDevices::new(key(7)).audience("another site"), &alice),
        signed(SignedDevices::new(key(7)), &alice),
        signed(SignedDevices::new(key(8)).audience("site"), &alice),
    ];
    for cookie in bad {
        let thief = Browser::with(2, Some(cookie.clone()));
        assert_eq!(site.guesses(&thief, "alice").await, LIMIT + 1, "{cookie:.100?}");
        assert_eq!(site.fails(&Browser::new(3), "alice").await, Answer::Refused, "{cookie:.100?}");
        site.pass(301);
    }
    site.pass(28 * DAY);
    let late = Browser::with(1, Some(good));
    assert_eq!(site.guesses(&late, "alice").await, LIMIT + 1, "an expired cookie");
    assert_eq!(site.fails(&Browser::new(3), "alice").await, Answer::Refused);
}

pub(super) async fn dc_8_a_valid_cookie_is_let_in_though_the_name_and_the_address_are_locked(
    store: Examined,
) {
    let site = Site::new(store, names_and_devices().rule(Rule::builder(Scope::Ip)));
    let mut owner = site.known(1, "alice").await;
    site.strangers_lock("alice").await;
    let beside = Browser::new(1);
    for guess in 0..31 {
        let name = format!("name{guess}");
        assert_eq!(site.fails(&beside, &name).await, Answer::WrongPassword);
    }
    assert_eq!(site.fails(&beside, "carol").await, Answer::Refused, "the address is locked");
    assert_eq!(site.succeeds(&mut owner, "alice").await, Answer::LetIn);
    assert_eq!(site.succeeds(&mut Browser::new(9), "alice").await, Answer::Refused);
}

pub(super) async fn dc_8_by_setting_a_locked_address_refuses_a_valid_cookie_too(store: Examined) {
    let policy = names_and_devices().rule(Rule::builder(Scope::Ip)).trusted_meets_ip(true);
    let site = Site::new(store, policy);
    let mut owner = site.known(1, "alice").await;
    site.strangers_lock("alice").await;
    assert_eq!(site.succeeds(&mut owner, "alice").await, Answer::LetIn);
    let beside = Browser::new(1);
    for guess in 0..31 {
        site.fails(&beside, &format!("name{guess}")).await;
    }
    assert_eq!(site.succeeds(&mut owner, "alice").await, Answer::Refused);
    owner.ip = [192, 0, 2, 1].into();
    assert_eq!(site.succeeds(&mut owner, "alice").await, Answer::LetIn);
}

pub(super) async fn dc_9_a_device_over_its_limit_is_a_stranger(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let owner = site.known(1, "alice").await;
    // Its own limit, and then that of the name.
    assert_eq!(site.guesses(&owner, "alice").await, 2 * (LIMIT + 1));
    assert_eq!(site.fails(&Browser::new(2), "alice").await, Answer::Refused);
    site.pass(300);
    assert_eq!(site.succeeds(&mut owner.clone(), "alice").await, Answer::LetIn);
}

pub(super) async fn dc_9_by_setting_a_device_over_its_limit_is_refused(store: Examined) {
    let site = Site::new(store, names_and_devices().locked_device(LockedDevice::Refused));
    let owner = site.known(1, "alice").await;
    assert_eq!(site.guesses(&owner, "alice").await, LIMIT + 1);
    assert_eq!(site.fails(&Browser::new(1), "alice").await, Answer::WrongPassword);
}

pub(super) async fn dc_10_without_a_cookie_a_locked_name_refuses(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let owner = site.known(1, "alice").await;
    site.strangers_lock("alice").await;
    let mut without = Browser { cookie: None, ..owner };
    assert_eq!(site.succeeds(&mut without, "alice").await, Answer::Refused);
}

pub(super) async fn dc_11_without_a_cookie_a_free_name_admits(store: Examined) {
    let site = Site::new(store, names_and_devices());
    site.strangers_lock("alice").await;
    assert_eq!(site.succeeds(&mut Browser::new(1), "bob").await, Answer::LetIn);
    site.pass(300);
    assert_eq!(site.succeeds(&mut Browser::new(1), "alice").await, Answer::LetIn);
}

pub(super) async fn dc_12_a_trusted_failure_counts_on_the_device_alone(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let owner = site.known(1, "alice").await;
    for _ in 0..=LIMIT {
        assert_eq!(site.fails(&owner, "alice").await, Answer::WrongPassword);
    }
    assert_eq!(site.guesses(&Browser::new(2), "alice").await, LIMIT + 1);
}

pub(super) async fn dc_13_an_untrusted_failure_counts_on_the_name_alone(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let owner = site.known(1, "alice").await;
    site.strangers_lock("alice").await;
    assert_eq!(site.guesses(&owner, "alice").await, LIMIT + 1);
}

pub(super) async fn dc_14_a_failure_with_a_foreign_cookie_counts_on_the_name_alone(
    store: Examined,
) {
    let site = Site::new(store, names_and_devices());
    let bob = site.known(1, "bob").await;
    assert_eq!(site.guesses(&bob, "alice").await, LIMIT + 1);
    assert_eq!(site.fails(&Browser::new(2), "alice").await, Answer::Refused);
    site.strangers_lock("bob").await;
    assert_eq!(site.guesses(&bob, "bob").await, LIMIT + 1, "the device has all its guesses");
}

pub(super) async fn dc_15_a_locked_device_locks_no_other_device_of_its_user(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let (first, mut second) = (site.known(1, "alice").await, site.known(2, "alice").await);
    site.strangers_lock("alice").await;
    assert_eq!(site.guesses(&first, "alice").await, LIMIT + 1);
    assert_eq!(site.succeeds(&mut second, "alice").await, Answer::LetIn);
    assert_eq!(site.fails(&first, "alice").await, Answer::Refused, "nor does a success free it");
}

pub(super) async fn dc_16_a_locked_device_locks_no_stranger(store: Examined) {
    let site = Site::new(store, names_and_devices().locked_device(LockedDevice::Refused));
    let owner = site.known(1, "alice").await;
    assert_eq!(site.guesses(&owner, "alice").await, LIMIT + 1);
    assert_eq!(site.succeeds(&mut Browser::new(2), "alice").await, Answer::LetIn);
    assert_eq!(site.guesses(&Browser::new(2), "alice").await, LIMIT + 1);
}

pub(super) async fn dc_17_a_locked_device_locks_no_other_user_of_the_browser(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let mut browser = site.known(1, "alice").await;
    assert_eq!(site.succeeds(&mut browser, "bob").await, Answer::LetIn);
    site.strangers_lock("alice").await;
    site.strangers_lock("bob").await;
    assert_eq!(site.guesses(&browser, "alice").await, LIMIT + 1);
    assert_eq!(site.succeeds(&mut browser, "bob").await, Answer::LetIn);
}

pub(super) async fn dc_18_a_locked_name_locks_no_device(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let mut owner = site.known(1, "alice").await;
    for _ in 0..3 {
        site.strangers_lock("alice").await;
        assert_eq!(site.fails(&owner, "alice").await, Answer::WrongPassword);
        assert_eq!(site.succeeds(&mut owner, "alice").await, Answer::LetIn);
        let still = site.fails(&Browser::new(9), "alice").await;
        assert_eq!(still, Answer::Refused, "a trusted success lifts no stranger's lock");
        site.pass(300);
    }
}

pub(super) async fn dc_22_a_cookie_can_be_issued_on_a_link_for_a_new_password(store: Examined) {
    let site = Site::new(store, names_and_devices());
    site.strangers_lock("alice").await;
    let cookie = site.guard.trust_device(" Alice", None).await.expect("devices need no store");
    let cookie = cookie.expect("there are trusted devices").value().to_owned();
    let mut owner = Browser::with(1, Some(cookie));
    assert_eq!(site.succeeds(&mut owner, "alice").await, Answer::LetIn);
    assert_eq!(site.fails(&owner, "bob").await, Answer::WrongPassword);
    for nobody in ["", " ", "a\0b"] {
        let cookie = site.guard.trust_device(nobody, None).await.expect("devices need no store");
        assert_eq!(cookie, None, "{nobody:?}");
    }
}

pub(super) async fn dc_23_several_users_of_one_browser_keep_their_cookies(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let names: Vec<_> = (0..SignedDevices::MAX_USERS + 1).map(|n| format!("user{n}")).collect();
    let mut browser = Browser::new(1);
    for name in &names {
        assert_eq!(site.succeeds(&mut browser, name).await, Answer::LetIn);
        site.strangers_lock(name).await;
    }
    let mut kept = Vec::new();
    for name in &names {
        kept.push(site.fails(&browser, name).await == Answer::WrongPassword);
    }
    let (oldest, rest) = kept.split_first().expect("names");
    assert!(!oldest && rest.iter().all(|kept| *kept), "{kept:?}");
    // Logging in again does not push anybody out.
    for _ in 0..3 {
        assert_eq!(site.succeeds(&mut browser, &names[1]).await, Answer::LetIn);
    }
    for name in &names[1..] {
        assert_eq!(site.succeeds(&mut browser, name).await, Answer::LetIn, "{name}");
    }
}

pub(super) async fn dc_25_unknown_accounts_behave_the_same(store: Examined) {
    let site = Site::new(store, names_and_devices());
    site.known(1, "alice").await;
    let stranger = Browser::new(2);
    let with_another = site.known(3, "mallory").await;
    for _ in 0..2 {
        for browser in [&stranger, &with_another] {
            for _ in 0..LIMIT {
                let answers =
                    [site.fails(browser, "alice").await, site.fails(browser, "nobody").await];
                assert_eq!(answers[0], answers[1]);
            }
        }
        site.pass(150);
    }
}

pub(super) async fn all_is_no_bar_to_a_trusted_device_and_no_leave_for_a_stolen_one(
    store: Examined,
) {
    let policy = names_and_devices()
        .rule(Rule::builder(Scope::Ip).failure_limit(LIMIT))
        .combine(Combine::All)
        .locked_device(LockedDevice::Refused);
    let site = Site::new(store, policy);
    let owner = site.known(1, "alice").await;
    let beside = Browser::new(1);
    assert_eq!(site.guesses(&beside, "alice").await, LIMIT + 1, "name and address together");
    assert_eq!(site.guesses(&owner, "alice").await, LIMIT + 1, "the device alone");
}
