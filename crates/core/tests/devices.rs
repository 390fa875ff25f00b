//! Device cookies by themselves: what is signed, and what a store keeps of those that are not. What a
//! guard makes of them is in the test kit's `guard_suite!`.

#![cfg(feature = "device-cookies")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lockout_core::{
    Attempt, CookieForm, DeviceCookie, DeviceKey, DeviceKeyError, FakeClock, Guard, LockedDevice,
    MapStore, Policy, Rule, Scope, SignedDevices, StoredDevices, Timestamp, TrustedDevices as _,
    Username,
};

const NOON: Timestamp = Timestamp::from_millis(1_000_000_000_000);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn name(typed: &str) -> Username {
    Username::new(typed).unwrap()
}

fn key(byte: u8) -> DeviceKey {
    DeviceKey::new([byte; 32]).unwrap()
}

fn devices() -> SignedDevices {
    SignedDevices::new(key(7)).audience("example.org")
}

fn signed(devices: &SignedDevices, typed: &str) -> String {
    devices.sign(None, &name(typed), NOON).value().to_owned()
}

#[test]
fn dc_2_a_cookie_binds_name_number_end_and_audience() {
    let devices = devices();
    let cookie = signed(&devices, "alice");
    let alice = name("alice");
    assert!(devices.verify(&cookie, &alice, NOON).is_some());
    assert_eq!(devices.verify(&cookie, &name("alic"), NOON), None);
    assert_eq!(devices.verify(&cookie, &name("alice2"), NOON), None);
    let last = NOON.saturating_add(28 * DAY - Duration::from_secs(1));
    assert!(devices.verify(&cookie, &alice, last).is_some());
    assert_eq!(devices.verify(&cookie, &alice, NOON.saturating_add(28 * DAY)), None);
    let elsewhere = SignedDevices::new(key(7)).audience("example.com");
    assert_eq!(elsewhere.verify(&cookie, &alice, NOON), None);
    // No character of the version, the end, the number or the signature can be another one.
    for position in 0..cookie.len() {
        for other in ['A', 'B', '-', '_', '9'] {
            let mut forged: Vec<_> = cookie.chars().collect();
            if std::mem::replace(&mut forged[position], other) != other {
                let forged = String::from_iter(forged);
                assert_eq!(devices.verify(&forged, &alice, NOON), None, "{other} at {position}");
            }
        }
    }
    // Where one field ends and the next begins is signed as well.
    let split = SignedDevices::new(key(7)).audience("example.orga");
    assert_eq!(split.verify(&cookie, &name("lice"), NOON), None);
}

#[test]
fn dc_2_the_signature_is_the_hmac_of_what_is_documented() {
    use base64::Engine as _;
    use hmac::{Hmac, KeyInit as _, Mac as _};

    let cookie = signed(&devices(), "alice");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(cookie).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&[7; 32]).unwrap();
    mac.update(b"lockout device cookie 1\0");
    mac.update(&bytes[1..22]);
    mac.update(b"\0\0\0\0\0\0\0\x0bexample.org\0\0\0\0\0\0\0\x05alice");
    mac.verify_slice(&bytes[22..]).unwrap();
}

#[test]
fn dc_3_numbers_never_repeat() {
    let (devices, alice) = (devices(), name("alice"));
    let number = |_| {
        let cookie = devices.sign(None, &alice, NOON);
        // What a token begins with, its end and number, tells it from every other one.
        cookie.value()[..32].to_owned()
    };
    let numbers: HashSet<_> = (0..1_000_000).map(number).collect();
    assert_eq!(numbers.len(), 1_000_000);
}

#[test]
fn dc_4_what_the_same_key_signs_for_another_purpose_is_no_cookie() {
    use base64::Engine as _;
    use hmac::{Hmac, KeyInit as _, Mac as _};

    let devices = devices();
    let cookie = signed(&devices, "alice");
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let genuine = engine.decode(cookie).unwrap();
    for purpose in [&b""[..], b"lockout subject 1\0", b"session\0", b"lockout device cookie 2\0"] {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&[7; 32]).unwrap();
        mac.update(purpose);
        mac.update(&genuine[1..22]);
        mac.update(b"\0\0\0\0\0\0\0\x0bexample.org\0\0\0\0\0\0\0\x05alice");
        let mut bytes = genuine.clone();
        bytes[22..].copy_from_slice(&mac.finalize().into_bytes());
        let token = engine.encode(bytes);
        assert_eq!(devices.verify(&token, &name("alice"), NOON), None, "{purpose:?}");
    }
}

#[test]
fn dc_7_several_keys_verify_and_one_signs() {
    let alice = name("alice");
    let before = SignedDevices::new(key(1));
    let meanwhile = SignedDevices::new(key(1)).old_key(key(2));
    let changed = SignedDevices::new(key(2)).old_key(key(1));
    let after = SignedDevices::new(key(2));
    let [old, new] = [&before, &after].map(|devices| signed(devices, "alice"));
    let verify =
        |devices: &SignedDevices, cookie: &str| devices.verify(cookie, &alice, NOON).is_some();
    for (devices, takes_old, takes_new) in [
        (&before, true, false),
        (&meanwhile, true, true),
        (&changed, true, true),
        (&after, false, true),
    ] {
        assert_eq!((verify(devices, &old), verify(devices, &new)), (takes_old, takes_new));
    }
    assert!(verify(&before, &signed(&meanwhile, "alice")));
    assert!(verify(&after, &signed(&changed, "alice")));
    // Whoever comes back with an old cookie leaves with one of the new key.
    let renewed = changed.sign(Some(&old), &alice, NOON);
    assert!(verify(&after, renewed.value()));
}

#[test]
fn a_key_that_could_be_guessed_is_an_error_and_none_is_shown() {
    assert_eq!(DeviceKey::new([1; 31]).unwrap_err(), DeviceKeyError::TooShort(31));
    let shown = format!("{:?} {:?}", devices(), Attempt::new().device_cookie("s3cret"));
    assert!(!shown.contains("s3cret") && !shown.contains("7, 7"), "{shown}");
}

fn stored() -> (Arc<MapStore>, StoredDevices) {
    let store = Arc::new(MapStore::new());
    (Arc::clone(&store), StoredDevices::new(store))
}

#[tokio::test]
async fn a_stored_device_is_one_users_until_its_end() {
    let (_, devices) = stored();
    let cookie = devices.trust(None, &name("alice"), NOON).await.unwrap();
    let known = |typed, now| devices.recognise(cookie.value(), typed, now);
    let (alice, bob) = (name("alice"), name("bob"));
    assert!(known(&alice, NOON).await.unwrap().is_some());
    assert_eq!(known(&bob, NOON).await.unwrap(), None);
    let end = NOON.saturating_add(28 * DAY);
    assert_eq!(known(&alice, end).await.unwrap(), None);
    // Whoever comes back keeps the token, which lives on from then.
    let later = NOON.saturating_add(20 * DAY);
    let again = devices.trust(Some(cookie.value()), &alice, later).await.unwrap();
    assert_eq!(again, cookie);
    assert!(known(&alice, end).await.unwrap().is_some());
    // Another user of the browser gets a token beside it.
    let both = devices.trust(Some(cookie.value()), &bob, NOON).await.unwrap();
    for user in [&alice, &bob] {
        assert!(devices.recognise(both.value(), user, NOON).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn what_is_stored_names_nobody_and_is_no_cookie() {
    let (store, devices) = stored();
    let alice = name("alice");
    let cookie = devices.trust(None, &alice, NOON).await.unwrap();
    let kept = format!("{store:?}");
    assert!(!kept.contains("alice") && !kept.contains(cookie.value()), "{kept}");
    let [device] = devices.devices_of(&alice, NOON).await.unwrap()[..] else { panic!("one") };
    let stolen = device.to_string();
    assert_eq!(devices.recognise(&stolen, &alice, NOON).await.unwrap(), None);
}

#[tokio::test]
async fn a_user_has_at_most_so_many_devices_and_the_newest_stay() {
    let (_, devices) = stored();
    let alice = name("alice");
    let mut cookies = Vec::new();
    for second in 0..150 {
        let now = NOON.saturating_add(Duration::from_secs(second));
        cookies.push(devices.trust(None, &alice, now).await.unwrap());
    }
    let now = NOON.saturating_add(DAY);
    let kept = devices.devices_of(&alice, now).await.unwrap().len();
    assert_eq!(kept, StoredDevices::MAX_DEVICES);
    let known = |cookie: &DeviceCookie| {
        let (devices, alice, value) = (devices.clone(), alice.clone(), cookie.value().to_owned());
        async move { devices.recognise(&value, &alice, now).await.unwrap().is_some() }
    };
    assert!(!known(&cookies[49]).await);
    assert!(known(&cookies[50]).await);
}

#[tokio::test]
async fn a_stored_device_over_its_limit_is_forgotten() {
    let (store, devices) = stored();
    let policy = Policy::builder()
        .rule(Rule::builder(Scope::Username))
        .rule(Rule::builder(Scope::Device))
        .locked_device(LockedDevice::Refused)
        .build()
        .unwrap();
    let clock = FakeClock::at(NOON);
    let builder = Guard::builder(store, policy).clock(clock.clone());
    let guard = builder.devices(devices.clone()).build();
    let alice = Attempt::new().username("alice");
    let permit = guard.begin(&alice).await.unwrap().admitted().unwrap();
    let cookie = permit.succeed().await.unwrap().device_cookie.unwrap();
    let stolen = alice.clone().device_cookie(cookie.value());
    for _ in 0..4 {
        guard.begin(&stolen).await.unwrap().admitted().unwrap().fail().await.unwrap();
    }
    assert_eq!(devices.devices_of(&name("alice"), NOON).await.unwrap(), []);
    // It is a stranger's from here on, and stays so when the lock is over.
    clock.advance(DAY);
    for _ in 0..4 {
        guard.begin(&stolen).await.unwrap().admitted().unwrap().fail().await.unwrap();
    }
    assert!(guard.begin(&alice).await.unwrap().admitted().is_err(), "they counted for the name");
}

#[test]
fn a_cookie_goes_through_a_browser_and_comes_back() {
    let form = CookieForm::default().name("device").unwrap();
    let devices = devices().form(form.clone());
    let cookie = devices.sign(None, &name("alice"), NOON);
    let set = cookie.set_cookie();
    let pair = set.split(';').next().unwrap();
    let header = format!("a=b; {pair}; c=d");
    let value = form.find([header.as_str()]).unwrap();
    assert!(devices.verify(&value, &name("alice"), NOON).is_some());
}
