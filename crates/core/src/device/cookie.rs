//! The cookie by which a browser is known again.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

/// What the cookies of trusted devices are called, and how long they live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieForm {
    name: String,
    lifetime: Duration,
}

/// Why a cookie cannot have this form.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CookieFormError {
    /// Browsers would not take the name.
    #[error(
        "{0:?} is no name of a cookie: 1 to 64 letters, digits and any of !#$%&'*+-.^_`|~ are \
         allowed (RFC 6265, section 4.1.1)"
    )]
    Name(String),
    /// A value could end the header, or be taken for several.
    #[error("a device cookie's value is 1 to 1024 of A-Z a-z 0-9 - _ .")]
    Value,
    /// The lifetime is out of its bounds.
    #[error("a device cookie lives from 1 minute to 400 days, not for {0:?}")]
    Lifetime(Duration),
}

impl CookieForm {
    /// How long a cookie lives unless something else is said: 28 days.
    pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(28 * 24 * 3600);

    /// The name unless something else is said. Browsers take a cookie of such a name only from the
    /// host itself over TLS, so no neighbouring domain can plant one.
    pub const DEFAULT_NAME: &'static str = "__Host-did";

    /// Cookies of this name. Without the prefix `__Host-`, any host of the same domain can set them.
    ///
    /// # Errors
    /// If browsers would not take the name.
    pub fn name(mut self, name: &str) -> Result<Self, CookieFormError> {
        let in_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if !(1..=64).contains(&name.len()) || !name.bytes().all(in_token) {
            return Err(CookieFormError::Name(name.chars().take(80).collect()));
        }
        name.clone_into(&mut self.name);
        Ok(self)
    }

    /// Cookies that live so long: what is in whole seconds of it.
    ///
    /// # Errors
    /// If that is less than a minute, or more than the 400 days that browsers grant (RFC 6265bis,
    /// section 5.5).
    pub fn lifetime(mut self, lifetime: Duration) -> Result<Self, CookieFormError> {
        if !(60..=400 * 24 * 3600).contains(&lifetime.as_secs()) {
            return Err(CookieFormError::Lifetime(lifetime));
        }
        self.lifetime = Duration::from_secs(lifetime.as_secs());
        Ok(self)
    }

    /// How long a cookie lives.
    #[must_use]
    pub const fn lives(&self) -> Duration {
        self.lifetime
    }

    /// A cookie of this form, for [trusted devices](crate::TrustedDevices) of one's own.
    ///
    /// # Errors
    /// If the value is not 1 to [1024](DeviceCookie::MAX_BYTES) of the characters
    /// `A-Z a-z 0-9 - _ .`.
    pub fn with(&self, value: String) -> Result<DeviceCookie, CookieFormError> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if !(1..=DeviceCookie::MAX_BYTES).contains(&value.len()) || !value.bytes().all(is_plain) {
            return Err(CookieFormError::Value);
        }
        Ok(DeviceCookie { form: self.clone(), value })
    }

    /// The value to give [`Attempt::device_cookie`] of a request whose `Cookie` headers are these:
    /// of every cookie of this name, since a browser may send several.
    ///
    /// ```
    /// use lockout_core::CookieForm;
    ///
    /// let form = CookieForm::default();
    /// let value = form.find(["theme=dark; __Host-did=one", "__Host-did=two; lang=en"]);
    /// assert_eq!(value.as_deref(), Some("one.two"));
    /// ```
    ///
    /// [`Attempt::device_cookie`]: crate::Attempt::device_cookie
    pub fn find<'a>(&self, cookie_headers: impl IntoIterator<Item = &'a str>) -> Option<String> {
        let mut found = String::new();
        let pairs = cookie_headers.into_iter().flat_map(|line| line.split(';'));
        for (name, value) in pairs.filter_map(|pair| pair.split_once('=')) {
            if name.trim() == self.name && found.len() < DeviceCookie::MAX_BYTES {
                if !found.is_empty() {
                    found.push('.');
                }
                found.push_str(value.trim());
            }
        }
        (!found.is_empty()).then_some(found)
    }
}

impl Default for CookieForm {
    fn default() -> Self {
        Self { name: Self::DEFAULT_NAME.into(), lifetime: Self::DEFAULT_LIFETIME }
    }
}

/// A cookie to be set in the browser of somebody who has just logged in. Whoever has it may guess
/// where strangers are locked out, so it is never shown: send it, and do not log it.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceCookie {
    pub(super) form: CookieForm,
    pub(super) value: String,
}

impl DeviceCookie {
    /// The most bytes of a value that are looked at.
    pub const MAX_BYTES: usize = 1024;

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.form.name
    }

    /// The value, of the characters `A-Z a-z 0-9 - _ .`: a secret.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// How long the browser keeps it.
    #[must_use]
    pub const fn max_age(&self) -> Duration {
        self.form.lifetime
    }

    /// The value of the header `Set-Cookie`: `Secure`, `HttpOnly`, `SameSite=Strict`, `Path=/` and
    /// `Max-Age` (OWASP Session Management Cheat Sheet, Cookies).
    #[must_use]
    pub fn set_cookie(&self) -> String {
        let (name, value, age) = (&self.form.name, &self.value, self.form.lifetime.as_secs());
        format!("{name}={value}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Strict")
    }
}

impl fmt::Debug for DeviceCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCookie").field("form", &self.form).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dc_5_a_cookie_has_every_attribute_that_protects_it() {
        let cookie = CookieForm::default().with("a.b".into()).unwrap();
        assert_eq!(
            cookie.set_cookie(),
            "__Host-did=a.b; Path=/; Max-Age=2419200; Secure; HttpOnly; SameSite=Strict"
        );
        let form = CookieForm::default().name("did").unwrap();
        let form = form.lifetime(Duration::from_millis(60_999)).unwrap();
        assert_eq!(
            form.with("a".into()).unwrap().set_cookie(),
            "did=a; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Strict"
        );
    }

    #[test]
    fn what_a_browser_would_not_take_is_an_error() {
        for name in ["", "a b", "a;b", "a=b", "a,b", "a\r\nSet-Cookie: x", "ä", &"a".repeat(65)] {
            assert!(CookieForm::default().name(name).is_err(), "{name:?}");
        }
        for value in ["", "a b", "a;b", "a\r\n", "ä", &"a".repeat(1025)] {
            assert!(CookieForm::default().with(value.into()).is_err(), "{value:?}");
        }
        for seconds in [0, 59, 400 * 24 * 3600 + 1] {
            assert!(CookieForm::default().lifetime(Duration::from_secs(seconds)).is_err());
        }
    }

    #[test]
    fn a_cookie_is_not_shown() {
        let shown = format!("{:?}", CookieForm::default().with("secret".into()).unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn only_cookies_of_the_name_are_found_and_no_more_than_fit() {
        let form = CookieForm::default();
        assert_eq!(form.find([]), None);
        assert_eq!(form.find(["__Host-did", "x__Host-did=a; __host-did=b; =; ;;", ""]), None);
        assert_eq!(form.find([" __Host-did = a ; b=c"]).as_deref(), Some("a"));
        let flood = "__Host-did=aaaaaaaa;".repeat(10_000);
        assert!(form.find([flood.as_str()]).unwrap().len() < DeviceCookie::MAX_BYTES + 16);
    }
}
