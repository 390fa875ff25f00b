//! Trusted devices: browsers that somebody has logged in with before.

mod cookie;
#[cfg(feature = "device-cookies")]
mod signed;
#[cfg(feature = "device-cookies")]
mod stored;
mod trust;

use std::fmt;
use std::str::FromStr;

pub use self::cookie::{CookieForm, CookieFormError, DeviceCookie};
#[cfg(feature = "device-cookies")]
pub use self::signed::{DeviceKey, DeviceKeyError, SignedDevices};
#[cfg(feature = "device-cookies")]
pub use self::stored::StoredDevices;
pub use self::trust::TrustedDevices;
use crate::subject::{SubjectError, shortened};

/// One device, as the random number that its cookie has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId([u64; 2]);

impl DeviceId {
    /// The device of these random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
        Self([
            u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            u64::from_be_bytes([i, j, k, l, m, n, o, p]),
        ])
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0[0], self.0[1])
    }
}

impl FromStr for DeviceId {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let wrong = || SubjectError::Device(shortened(text));
        let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(wrong());
        }
        let word = |digits| u64::from_str_radix(digits, 16).map_err(|_| wrong());
        Ok(Self([word(&text[..16])?, word(&text[16..])?]))
    }
}

/// What becomes of an attempt whose trusted device is over its own limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum LockedDevice {
    /// It is one of any stranger: the locks of its name and address decide, and it counts for them.
    #[default]
    Untrusted,
    /// It is refused.
    Refused,
    /// It is one of any stranger, and the failure that locked the device has locked the name too. Weak:
    /// a stolen cookie locks its owner's other devices out of the name. As drf_bf_protect does.
    LocksName,
}
