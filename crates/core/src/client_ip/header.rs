//! The headers in which proxies name the client.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::error::ClientIpError;
use super::{forwarded, list};
use crate::subject::shortened;

/// The header in which proxies name the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientHeader {
    /// `X-Forwarded-For`, the default: addresses with commas between, to which each proxy appends.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239): elements with commas between, of which `for` names the client. The
    /// names `unknown` and `_hidden` that it allows are no addresses, and so errors.
    Forwarded,
    /// One header of this name that holds one address, such as `X-Real-IP` or `CF-Connecting-IP`.
    /// More than one value is an error.
    ///
    /// It has no left and right: the outermost proxy must replace what a client has sent, and the
    /// others pass it on. With [networks](super::TrustedProxies::networks) only a proxy is
    /// believed, and is the client itself if it sends none. With
    /// [hops](super::TrustedProxies::hops), whatever their number, every peer is believed, and must
    /// send it.
    Single(String),
}

impl ClientHeader {
    /// Its name, as it is usually written.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::XForwardedFor => "X-Forwarded-For",
            Self::Forwarded => "Forwarded",
            Self::Single(name) => name,
        }
    }

    /// What stands before the last entry of a line, if anything does, and the entry.
    pub(super) fn split_last<'a>(&self, line: &'a [u8]) -> (Option<&'a [u8]>, &'a [u8]) {
        match self {
            Self::Forwarded => forwarded::split_last(line),
            Self::XForwardedFor | Self::Single(_) => list::split_last(line),
        }
    }

    /// The address of a line's first entry.
    pub(super) fn first_address(&self, line: &[u8]) -> Result<IpAddr, ClientIpError> {
        self.address(match self {
            Self::Forwarded => forwarded::first(line),
            Self::XForwardedFor | Self::Single(_) => list::first(line),
        })
    }

    /// The address that an entry names.
    pub(super) fn address(&self, entry: &[u8]) -> Result<IpAddr, ClientIpError> {
        let wrong = |entry| ClientIpError::not_an_address(self, entry);
        match self {
            Self::Forwarded => {
                let node = forwarded::node(entry).ok_or_else(|| ClientIpError::element(entry))?;
                forwarded::address(node).ok_or_else(|| wrong(node))
            }
            Self::XForwardedFor | Self::Single(_) => {
                list::address(entry).ok_or_else(|| wrong(entry))
            }
        }
    }

    /// The address in the only line, if there is one.
    pub(super) fn only<'a>(
        &self,
        mut lines: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Option<IpAddr>, ClientIpError> {
        let Some(line) = lines.next() else { return Ok(None) };
        if lines.next().is_some() || line.contains(&b',') {
            return Err(ClientIpError::several(self));
        }
        self.address(line).map(Some)
    }
}

impl fmt::Display for ClientHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ClientHeader {
    type Err = ClientIpError;

    /// The header of this name, regardless of case.
    fn from_str(name: &str) -> Result<Self, ClientIpError> {
        let known = [Self::XForwardedFor, Self::Forwarded];
        if let Some(known) = known.into_iter().find(|h| h.name().eq_ignore_ascii_case(name)) {
            return Ok(known);
        }
        // A token (RFC 9110, section 5.6.2): no other name ever comes.
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(ClientIpError::Name(shortened(name)));
        }
        Ok(Self::Single(name.to_owned()))
    }
}
