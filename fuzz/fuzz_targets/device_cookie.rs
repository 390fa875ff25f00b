//! Any text as a device cookie, of which the fuzzer does not know the key.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use lockout_core::{DeviceKey, SignedDevices, Timestamp, Username};

/// A browser's cookies, and what is done to the one that is signed for it.
#[derive(Arbitrary, Debug)]
struct Browser<'a> {
    name: &'a str,
    other_name: &'a str,
    /// The value that it sends without ever having been given one.
    forged: &'a str,
    /// What else stands in its `Cookie` headers, before and after.
    around: [&'a str; 2],
    /// One byte of a signed cookie becomes another.
    changed: (u8, u8),
    now: u64,
}

static DEVICES: LazyLock<SignedDevices> = LazyLock::new(|| {
    let key = DeviceKey::new([7; 32]).expect("long enough");
    SignedDevices::new(key).audience("example.org")
});

fuzz_target!(|browser: Browser<'_>| {
    // A cookie counts seconds in forty bits, which last for another 34 000 years.
    let now = Timestamp::from_millis(browser.now % (1 << 49));
    let Some(name) = Username::new(browser.name) else { return };

    // Nobody guesses a signature.
    let find = |lines: &[&str]| DEVICES.cookie_form().find(lines.iter().copied());
    let sent = find(&[browser.forged, browser.around[0], browser.around[1]]);
    for forged in [Some(browser.forged), sent.as_deref()].into_iter().flatten() {
        assert_eq!(DEVICES.verify(forged, &name, now), None);
    }

    let cookie = DEVICES.sign(Some(browser.forged), &name, now);
    let value = cookie.value();
    let device = DEVICES.verify(value, &name, now).expect("what has just been signed");

    // A browser sends it among others, of which none is of the same name.
    let pair = format!("{}={value}", cookie.name());
    let [before, after] = browser.around.map(|text| text.replace("did", "dad"));
    let line = format!("{before};{pair};{after}");
    for lines in [&[line.as_str()][..], &[&before, &pair, &after]] {
        assert_eq!(find(lines).as_deref(), Some(value), "{lines:?}");
    }

    assert_eq!(DEVICES.verify(value, &name, now.saturating_add(cookie.max_age())), None);
    let last = now.saturating_add(cookie.max_age() - Duration::from_secs(1));
    assert_eq!(DEVICES.verify(value, &name, last), Some(device));
    if let Some(other) = Username::new(browser.other_name).filter(|other| *other != name) {
        assert_eq!(DEVICES.verify(value, &other, now), None);

        // The browser is a device of both from now on.
        let both = DEVICES.sign(Some(value), &other, now);
        assert_eq!(DEVICES.verify(both.value(), &name, now), Some(device));
        assert!(DEVICES.verify(both.value(), &other, now).is_some_and(|of| of != device));
    }

    // Behind its own token there may be those of others, which a browser is free to forge.
    let own = value.split('.').next().unwrap_or(value).len();
    let (at, byte) = browser.changed;
    let mut changed = value.as_bytes().to_vec();
    let at = usize::from(at) % own;
    if changed[at] != byte {
        changed[at] = byte;
        if let Ok(changed) = String::from_utf8(changed) {
            assert_eq!(DEVICES.verify(&changed, &name, now), None);
        }
    }
});
