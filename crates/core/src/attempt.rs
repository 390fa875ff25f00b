//! One try to log in.

mod facts;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

pub(crate) use self::facts::Facts;
use self::facts::kept;
use crate::device::{DeviceCookie, DeviceId};
use crate::names::Typed;
use crate::scope::CustomScope;

/// One try to log in: who it claims to be and where it comes from; for the log also what the
/// request says of itself.
///
/// ```
/// use lockout_core::Attempt;
///
/// let attempt = Attempt::new()
///     .username("Alice")
///     .ip([203, 0, 113, 7])
///     .user_agent("Mozilla/5.0 (X11; Linux x86_64)")
///     .path("/login");
/// ```
///
/// The texts for the log are cut at a stated number of characters when they are set. In them
/// control characters, NUL among them, line separators and marks that turn the direction of
/// writing become U+FFFD, so that no text forges a line and every database takes it. An empty text
/// is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    username: Option<Typed>,
    ip: Option<IpAddr>,
    device: Option<DeviceId>,
    cookie: Option<Cookie>,
    custom: Vec<(CustomScope, Typed)>,
    facts: Option<Arc<Facts>>,
}

impl Attempt {
    /// The most characters of a [`user_agent`](Self::user_agent) that are kept.
    pub const USER_AGENT_CHARS: usize = 512;

    /// The most characters of an [`accept`](Self::accept) that are kept.
    pub const ACCEPT_CHARS: usize = 255;

    /// The most characters of a [`path`](Self::path) that are kept.
    pub const PATH_CHARS: usize = 255;

    /// An attempt of which nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The username as typed: the policy's [`Names`](crate::Names) make of it what is counted. An
    /// empty one is none: such an attempt counts for its address alone.
    #[must_use]
    pub fn username(mut self, typed: &str) -> Self {
        self.username = Some(Typed::new(typed));
        self
    }

    /// A value as typed for a scope of the application's own: a tenant, an API key, an e-mail address
    /// to which a password is reset. The policy's [`Names`](crate::Names) make of it what is counted;
    /// an empty one is none. What is said later of a scope takes the place of what was said before.
    ///
    /// It is kept as it is, and shown in events: of a secret, such as an API key, say a hash.
    #[must_use]
    pub fn custom(mut self, scope: CustomScope, typed: &str) -> Self {
        self.custom.retain(|(known, _)| *known != scope);
        self.custom.push((scope, Typed::new(typed)));
        self
    }

    /// The value of the device cookie that the browser sent: [`CookieForm::find`] reads it off the
    /// request. Whatever is no cookie of this user is the same as none.
    ///
    /// [`CookieForm::find`]: crate::CookieForm::find
    #[must_use]
    pub fn device_cookie(mut self, value: &str) -> Self {
        // A cookie may be a little longer than what is looked at, but not without end.
        let is_bounded = value.len() <= 2 * DeviceCookie::MAX_BYTES;
        self.cookie = is_bounded.then(|| Cookie(value.into()));
        self
    }

    /// The device that makes the attempt, if the application itself has made sure that it is one that
    /// this user has logged in with. Usually the guard does, from a device cookie.
    #[must_use]
    pub const fn trusted_device(mut self, device: DeviceId) -> Self {
        self.device = Some(device);
        self
    }

    /// The client's address: the peer's, unless a proxy of your own stands before you.
    #[must_use]
    pub fn ip(mut self, address: impl Into<IpAddr>) -> Self {
        self.ip = Some(address.into());
        self
    }

    /// The request's `User-Agent`, for the log: its first [512](Self::USER_AGENT_CHARS) characters.
    #[must_use]
    pub fn user_agent(mut self, text: &str) -> Self {
        self.facts().user_agent = kept(text, Self::USER_AGENT_CHARS);
        self
    }

    /// The request's `Accept`, for the log: its first [255](Self::ACCEPT_CHARS) characters.
    #[must_use]
    pub fn accept(mut self, text: &str) -> Self {
        self.facts().accept = kept(text, Self::ACCEPT_CHARS);
        self
    }

    /// The request's path, for the log: its first [255](Self::PATH_CHARS) characters. A query is
    /// left out, since it may hold a token or a password.
    #[must_use]
    pub fn path(mut self, text: &str) -> Self {
        // No further than what is kept: a client chooses how long it is.
        let end = text.char_indices().nth(Self::PATH_CHARS).map_or(text.len(), |(end, _)| end);
        let end = text[..end].find(['?', '#']).unwrap_or(end);
        self.facts().path = kept(&text[..end], Self::PATH_CHARS);
        self
    }

    fn facts(&mut self) -> &mut Facts {
        Arc::make_mut(self.facts.get_or_insert_default())
    }

    pub(crate) const fn typed_username(&self) -> Option<&Typed> {
        self.username.as_ref()
    }

    pub(crate) fn typed_custom(&self, scope: CustomScope) -> Option<&Typed> {
        self.custom.iter().find(|(known, _)| *known == scope).map(|(_, typed)| typed)
    }

    pub(crate) const fn device(&self) -> Option<DeviceId> {
        self.device
    }

    pub(crate) fn cookie(&self) -> Option<&str> {
        self.cookie.as_ref().map(|cookie| &*cookie.0)
    }

    pub(crate) const fn counted_ip(&self) -> Option<IpAddr> {
        self.ip
    }

    pub(crate) const fn known_facts(&self) -> Option<&Arc<Facts>> {
        self.facts.as_ref()
    }
}

/// A secret: whoever has it may guess where strangers are locked out.
#[derive(Clone, PartialEq, Eq)]
struct Cookie(Box<str>);

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_of_a_path_is_not_kept() {
        let path = |text| Attempt::new().path(text).facts.unwrap().path.clone();
        assert_eq!(path("/reset?token=secret").as_deref(), Some("/reset"));
        assert_eq!(path("/a#b?c").as_deref(), Some("/a"));
        assert_eq!(path("?token=secret"), None);
    }

    #[test]
    fn a_copy_that_is_changed_leaves_the_other_as_it_was() {
        let first = Attempt::new().user_agent("curl");
        let second = first.clone().accept("*/*");
        assert_ne!(first, second);
        assert_eq!(first, Attempt::new().user_agent("curl"));
    }
}
