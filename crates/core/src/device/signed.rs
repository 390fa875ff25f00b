//! Device cookies that carry a signature, so that nothing has to be kept.

use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;

use super::{CookieForm, DeviceCookie, DeviceId, TrustedDevices};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::names::Username;

/// A key that signs device cookies, and nothing else. It is never shown.
#[derive(Clone)]
pub struct DeviceKey(Hmac<Sha256>);

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeviceKeyError {
    /// It could be guessed.
    #[error(
        "a device key of {0} bytes is too short: at least 32 random bytes are needed, as \
         `openssl rand -hex 32` makes"
    )]
    TooShort(usize),
}

impl DeviceKey {
    /// The fewest bytes of a key.
    pub const MIN_BYTES: usize = 32;

    /// What is signed before everything else: whatever else is signed by the same key, against
    /// advice, is no device cookie.
    const PURPOSE: &'static [u8] = b"lockout device cookie 1\0";

    /// A key of these bytes, which should be random.
    ///
    /// # Errors
    /// If there are fewer than [32](Self::MIN_BYTES).
    pub fn new(bytes: impl AsRef<[u8]>) -> std::result::Result<Self, DeviceKeyError> {
        let bytes = bytes.as_ref();
        let too_short = DeviceKeyError::TooShort(bytes.len());
        if bytes.len() < Self::MIN_BYTES {
            return Err(too_short);
        }
        let mut mac: Hmac<Sha256> = Hmac::new_from_slice(bytes).map_err(|_| too_short)?;
        mac.update(Self::PURPOSE);
        Ok(Self(mac))
    }
}

impl DeviceKey {
    /// A key of chance, for this process alone: no cookie outlives it, and no other node knows it.
    #[must_use]
    pub fn random() -> Self {
        let mut mac: Hmac<Sha256> = Hmac::new(&rand::random::<[u8; 64]>().into());
        mac.update(Self::PURPOSE);
        Self(mac)
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKey(..)")
    }
}

/// Trusted devices by signed cookies (OWASP, Slow Down Online Guessing Attacks with Device Cookies):
/// a login costs no write to a store, and a stolen store holds no cookie (feature `device-cookies`).
///
/// A cookie binds the name, a random number, the end of its life and the audience under HMAC-SHA-256
/// (RFC 2104). It cannot be called back one by one: a device that fails too often is
/// [locked](crate::Scope::Device) and at last [revoked](crate::Scope::DeviceTotal) by its number, and
/// a new key takes back the cookies of everybody.
///
/// ```
/// use lockout_core::{DeviceKey, Guard, MapStore, Policy, SignedDevices};
///
/// # let from_configuration = [7; 32];
/// let devices = SignedDevices::new(DeviceKey::new(from_configuration)?).audience("example.org");
/// let guard = Guard::builder(MapStore::new(), Policy::default()).devices(devices).build();
/// # let _ = guard;
/// # Ok::<_, lockout_core::DeviceKeyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SignedDevices {
    key: DeviceKey,
    old_keys: Vec<DeviceKey>,
    audience: String,
    form: CookieForm,
}

impl SignedDevices {
    /// How many users one browser may be a device of; of more, those who logged in last.
    pub const MAX_USERS: usize = 8;

    /// Devices whose cookies `key` signs.
    #[must_use]
    pub fn new(key: DeviceKey) -> Self {
        let form = CookieForm::default();
        Self { key, old_keys: Vec::new(), audience: String::new(), form }
    }

    /// Takes cookies that `key` has signed, too. To change keys: give every node the new one as an old
    /// key, then make it the one that signs, and drop the former after the life of a cookie.
    #[must_use]
    pub fn old_key(mut self, key: DeviceKey) -> Self {
        self.old_keys.push(key);
        self
    }

    /// Whom the cookies are for, such as the name of the site: those of other audiences under the same
    /// key are none. Default: empty.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        audience.clone_into(&mut self.audience);
        self
    }

    /// Gives the cookies this form.
    #[must_use]
    pub fn form(mut self, form: CookieForm) -> Self {
        self.form = form;
        self
    }

    /// The form of the cookies.
    #[must_use]
    pub const fn cookie_form(&self) -> &CookieForm {
        &self.form
    }

    /// A new cookie of `username`, for a browser that sent `cookie`.
    #[must_use]
    pub fn sign(&self, cookie: Option<&str>, username: &Username, now: Timestamp) -> DeviceCookie {
        let nonce: [u8; 16] = rand::random();
        let expires = now.saturating_add(self.form.lives());
        let token = Token::signed(&self.key, &self.audience, username, expires, nonce);
        let mut value = token.text();
        for (text, other) in tokens(cookie.unwrap_or_default()).take(Self::MAX_USERS) {
            let is_kept = !other.is_over(now) && !self.is_of(&other, username);
            if is_kept && value.len() / Token::CHARS < Self::MAX_USERS {
                value.push('.');
                value.push_str(text);
            }
        }
        // At most eight tokens of base64url.
        DeviceCookie { form: self.form.clone(), value }
    }

    /// The device of `cookie`, if it is one of `username` at `now`.
    #[must_use]
    pub fn verify(&self, cookie: &str, username: &Username, now: Timestamp) -> Option<DeviceId> {
        tokens(cookie)
            .take(Self::MAX_USERS)
            .find(|(_, token)| !token.is_over(now) && self.is_of(token, username))
            .map(|(_, token)| DeviceId::new(token.nonce))
    }

    fn is_of(&self, token: &Token, username: &Username) -> bool {
        let mut keys = std::iter::once(&self.key).chain(&self.old_keys);
        keys.any(|key| token.is_signed(key, &self.audience, username))
    }
}

#[async_trait]
impl TrustedDevices for SignedDevices {
    async fn recognise(
        &self,
        cookie: &str,
        username: &Username,
        now: Timestamp,
    ) -> Result<Option<DeviceId>> {
        Ok(self.verify(cookie, username, now))
    }

    async fn trust(
        &self,
        cookie: Option<&str>,
        username: &Username,
        now: Timestamp,
    ) -> Result<DeviceCookie> {
        Ok(self.sign(cookie, username, now))
    }

    async fn distrust(&self, _: DeviceId, _: &Username) -> Result<()> {
        Ok(())
    }

    async fn devices_of(&self, _: &Username, _: Timestamp) -> Result<Vec<DeviceId>> {
        Ok(Vec::new())
    }
}

/// One user's part of a cookie.
struct Token {
    /// In seconds since the Unix epoch.
    expires: [u8; 5],
    nonce: [u8; 16],
    mac: [u8; 32],
}

impl Token {
    const VERSION: u8 = 1;
    const BYTES: usize = 1 + 5 + 16 + 32;
    const CHARS: usize = Self::BYTES / 3 * 4;

    fn signed(
        key: &DeviceKey,
        audience: &str,
        username: &Username,
        expires: Timestamp,
        nonce: [u8; 16],
    ) -> Self {
        let [.., a, b, c, d, e] = (expires.as_millis() / 1000).to_be_bytes();
        let mut token = Self { expires: [a, b, c, d, e], nonce, mac: [0; 32] };
        token.mac = token.mac_of(key, audience, username).finalize().into_bytes().into();
        token
    }

    fn is_signed(&self, key: &DeviceKey, audience: &str, username: &Username) -> bool {
        // Compares in constant time.
        self.mac_of(key, audience, username).verify_slice(&self.mac).is_ok()
    }

    /// Lengths go first, so that no two fields make the bytes of two others.
    fn mac_of(&self, key: &DeviceKey, audience: &str, username: &Username) -> Hmac<Sha256> {
        let mut mac = key.0.clone();
        mac.update(&self.expires);
        mac.update(&self.nonce);
        for text in [audience, username.as_str()] {
            mac.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(text.as_bytes());
        }
        mac
    }

    fn is_over(&self, now: Timestamp) -> bool {
        let [a, b, c, d, e] = self.expires;
        let expires = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
        now.as_millis() / 1000 >= expires
    }

    fn text(&self) -> String {
        let mut bytes = [Self::VERSION; Self::BYTES];
        bytes[1..6].copy_from_slice(&self.expires);
        bytes[6..22].copy_from_slice(&self.nonce);
        bytes[22..].copy_from_slice(&self.mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn read(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let (version, rest) = bytes.split_first()?;
        let (expires, rest) = rest.split_first_chunk()?;
        let (nonce, mac) = rest.split_first_chunk()?;
        let (expires, nonce, mac) = (*expires, *nonce, mac.try_into().ok()?);
        (length == Self::BYTES && *version == Self::VERSION).then_some(Self { expires, nonce, mac })
    }
}

/// What of a cookie has the form of a token.
fn tokens(cookie: &str) -> impl Iterator<Item = (&str, Token)> {
    let end = cookie.len().min(DeviceCookie::MAX_BYTES);
    let texts = cookie.get(..end).unwrap_or_default().split('.');
    texts
        .filter(|text| text.len() == Token::CHARS)
        .filter_map(|text| Token::read(text).map(|token| (text, token)))
}
