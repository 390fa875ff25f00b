//! One try to log in.

use std::net::IpAddr;

use crate::subject::Username;

/// One try to log in: who it claims to be and where it comes from.
///
/// ```
/// use lockout_core::Attempt;
///
/// let attempt = Attempt::new().username("Alice").ip([203, 0, 113, 7]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    username: Option<Username>,
    ip: Option<IpAddr>,
}

impl Attempt {
    /// An attempt of which nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The username as typed. An empty one is none: such an attempt counts for its address alone.
    #[must_use]
    pub fn username(mut self, typed: &str) -> Self {
        self.username = Username::new(typed);
        self
    }

    /// The client's address: the peer's, unless a proxy of your own stands before you.
    #[must_use]
    pub fn ip(mut self, address: impl Into<IpAddr>) -> Self {
        self.ip = Some(address.into());
        self
    }

    pub(crate) const fn counted_username(&self) -> Option<&Username> {
        self.username.as_ref()
    }

    pub(crate) const fn counted_ip(&self) -> Option<IpAddr> {
        self.ip
    }
}
