//! What the cookies of trusted devices cost.

use std::hint::black_box;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use lockout_core::{Attempt, DeviceKey, Guard, SignedDevices, Timestamp, Username};
use sha2::Sha256;

use crate::moka::{admit, roomy_store};
use crate::scenario::{AtMost, Load, Operation, SUBJECTS, Scenario, attempts, policy, ready};

const KEY: [u8; 32] = [7; 32];
const AUDIENCE: &str = "example.org";
const NOON: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const STORE_WORKS: &str = "the store works";

/// Signing and verifying beside what nobody can leave out, and a login with and without devices.
///
/// # Panics
/// Never: the key is long enough, and the names are names.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let devices = SignedDevices::new(DeviceKey::new(KEY).expect("32 bytes")).audience(AUDIENCE);
    let names: Arc<[_]> = (0..SUBJECTS)
        .map(|number| Username::new(&format!("user-{number:06}")).expect("a name"))
        .collect();
    vec![cookie(devices.clone(), &names), login(devices)]
}

fn cookie(devices: SignedDevices, names: &Arc<[Username]>) -> Scenario {
    let mac: Hmac<Sha256> = Hmac::new_from_slice(&KEY).expect("a key of any length");
    // The purpose, the end, the random number, and two texts with their lengths.
    let rest = [0; 24 + 5 + 16 + 8 + AUDIENCE.len() + 8];
    let floor: Operation = Box::new({
        let names = Arc::clone(names);
        move |number| {
            for _ in 0..2 {
                let mut mac = mac.clone();
                mac.update(black_box(&rest));
                mac.update(names[index(number)].as_str().as_bytes());
                black_box(mac.finalize());
            }
        }
    });
    let ours: Operation = Box::new({
        let names = Arc::clone(names);
        move |number| {
            let name = &names[index(number)];
            let cookie = devices.sign(None, name, NOON);
            assert!(black_box(devices.verify(cookie.value(), name, NOON)).is_some());
        }
    });
    Scenario {
        what: "device cookie: sign + verify".into(),
        floor_name: "two HMAC-SHA-256 of the same bytes",
        floor,
        ours,
        load: Load::Uniform,
        threads: 1,
        at_most: AtMost::Times(2.0),
    }
}

fn login(devices: SignedDevices) -> Scenario {
    let attempts = Arc::new(attempts());
    let with = Guard::builder(roomy_store(), policy(3, u32::MAX)).devices(devices).build();
    let without = Guard::builder(roomy_store(), policy(3, u32::MAX)).build();
    let run = |guard: Guard, attempts: &Arc<Vec<Attempt>>| -> Operation {
        let attempts = Arc::clone(attempts);
        Box::new(move |number| {
            let permit = admit(&guard, &attempts[index(number)]);
            black_box(ready(permit.succeed()).expect(STORE_WORKS));
        })
    };
    Scenario {
        what: "device cookie: begin + succeed, 3 subjects, uniform".into(),
        floor_name: "the same without devices",
        floor: run(without, &attempts),
        ours: run(with, &attempts),
        load: Load::Uniform,
        threads: 1,
        at_most: AtMost::Open,
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(0)
}
