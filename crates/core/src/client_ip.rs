//! The client's address behind proxies: read from the right, past the proxies that are trusted.

mod entries;
mod error;
#[cfg(feature = "serde")]
mod form;
mod forwarded;
mod header;
mod list;

use std::net::IpAddr;
use std::num::NonZeroU8;
use std::sync::Arc;

use self::entries::Entries;
pub use self::error::ClientIpError;
pub use self::header::ClientHeader;
use crate::network::Network;

/// Which proxies stand before the application, and so which address a request comes from.
///
/// A proxy appends the address that it was connected from to what the request already says. So a
/// client writes whatever it likes on the left, and only what trusted proxies have appended on the
/// right is true. The list is read from the right and no further than it has to be: with
/// [`networks`](Self::networks) or [`hops`](Self::hops), nothing that a client sends in it changes
/// its address, or makes an error of its request.
///
/// ```
/// use std::net::IpAddr;
///
/// use lockout_core::TrustedProxies;
///
/// let proxies = TrustedProxies::networks(["10.0.0.0/8".parse()?]);
/// let peer = IpAddr::from([10, 0, 0, 1]);
///
/// // The client has sent `192.0.2.66` itself; the proxy has appended where it really comes from.
/// let headers = [("x-forwarded-for", &b"192.0.2.66, 203.0.113.7"[..])];
/// assert_eq!(proxies.client_ip(Some(peer), headers)?, IpAddr::from([203, 0, 113, 7]));
///
/// // Who comes past the proxies is no proxy: his headers are not read.
/// let stranger = IpAddr::from([198, 51, 100, 9]);
/// assert_eq!(proxies.client_ip(Some(stranger), headers)?, stranger);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The header is `X-Forwarded-For` unless [`header`](Self::header) says otherwise. An address may
/// have a port, brackets or a zone, as [`Network::address_in`] reads it. What stands on the way and
/// is no address is an error: it is never passed over, and never counted in place of an address.
///
/// With the feature `serde` it is read from a table that has at most one of `networks`, `hops` and
/// `leftmost`, such as `{ networks = ["10.0.0.0/8"], header = "forwarded" }` or `{ hops = 2 }`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    trust: Trust,
    header: ClientHeader,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Trust {
    #[default]
    Nobody,
    Networks(Arc<[Network]>),
    Hops(NonZeroU8),
    Leftmost,
}

impl TrustedProxies {
    /// The most entries that are read on the way past [trusted networks](Self::networks).
    pub const MAX_ENTRIES: usize = 100;

    /// No proxy stands before the application: the client is the peer, whatever the headers say.
    /// This is the default.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Proxies are who connects from these networks, or by a local socket. Those of clients must
    /// not be among them.
    ///
    /// The client is the first address from the right, beginning with the peer, that is none of
    /// theirs; what stands left of it is not looked at. If all are theirs it is the leftmost; if
    /// the header is missing it is the peer, which then asks for itself, as for a health check.
    /// After [100 entries](Self::MAX_ENTRIES) of proxies the next one is an error.
    #[must_use]
    pub fn networks(networks: impl IntoIterator<Item = Network>) -> Self {
        Self::trusting(Trust::Networks(networks.into_iter().collect()))
    }

    /// So many proxies stand before the application, each of which appends one address: the client
    /// is the entry of this number from the right, 1 being the last. Without proxies, at 0, it is
    /// [the peer](Self::none).
    ///
    /// This is right only if nobody reaches the application, or an inner proxy, past the outermost
    /// one: who does that chooses his address. Prefer [`networks`](Self::networks) where the
    /// proxies' addresses are known. Fewer entries than proxies are an error.
    #[must_use]
    pub fn hops(hops: u8) -> Self {
        Self::trusting(NonZeroU8::new(hops).map_or(Trust::Nobody, Trust::Hops))
    }

    /// The first entry of the header, whoever sends it; without the header, the peer. Only for
    /// those who need what django-defender does behind a proxy.
    ///
    /// **Every client can forge it**, unless the outermost proxy discards what it is sent: with a
    /// new address in each request nobody is ever locked by address, and with the address of
    /// another it is he who is locked. Use [`networks`](Self::networks) or [`hops`](Self::hops).
    #[must_use]
    pub fn leftmost() -> Self {
        Self::trusting(Trust::Leftmost)
    }

    /// Reads the addresses from `header`: one that every trusted proxy writes.
    #[must_use]
    pub fn header(mut self, header: ClientHeader) -> Self {
        self.header = header;
        self
    }

    /// The [networks](Self::networks) that are trusted; none otherwise.
    #[must_use]
    pub fn trusted_networks(&self) -> &[Network] {
        match &self.trust {
            Trust::Networks(networks) => networks,
            Trust::Nobody | Trust::Hops(_) | Trust::Leftmost => &[],
        }
    }

    /// Whether `address` is in one of the [trusted networks](Self::networks).
    #[must_use]
    pub fn is_proxy(&self, address: IpAddr) -> bool {
        self.trusted_networks().iter().any(|network| network.contains(address))
    }

    /// The address of the client whose request came from `peer` with these headers, in their order.
    /// An IPv6 address that stands for an IPv4 address [is that](Network::plain).
    ///
    /// A peer without an address is a local socket: a proxy, if there are any. Headers are told
    /// apart regardless of case, and several lines of one name are one list (RFC 9110, section
    /// 5.3). Those of an `http::HeaderMap` are given by
    /// `headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))`.
    ///
    /// # Errors
    /// If the address cannot be told for certain: see [`ClientIpError`]. Refuse such a request; to
    /// count it for the peer would be to count it for a proxy, and with it everybody.
    pub fn client_ip<'a>(
        &self,
        peer: Option<IpAddr>,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<IpAddr, ClientIpError> {
        let peer = peer.map(Network::plain);
        let name = self.header.name();
        let lines = headers.into_iter().filter(|(named, _)| named.eq_ignore_ascii_case(name));
        let mut lines = lines.map(|(_, line)| line);
        let named = match (&self.trust, &self.header) {
            (Trust::Nobody, _) => None,
            (Trust::Networks(_), _) if peer.is_some_and(|peer| !self.is_proxy(peer)) => None,
            (Trust::Hops(_), ClientHeader::Single(_)) => {
                // Every request comes through a proxy that sets it, or past them all.
                let only = self.header.only(lines)?;
                Some(only.ok_or_else(|| ClientIpError::missing(&self.header))?)
            }
            (_, ClientHeader::Single(_)) => self.header.only(lines)?,
            (Trust::Networks(_), _) => self.past_proxies(Entries::new(&self.header, lines))?,
            (Trust::Hops(hops), _) => {
                Some(self.after_hops(*hops, Entries::new(&self.header, lines))?)
            }
            (Trust::Leftmost, _) => {
                lines.next().map(|line| self.header.first_address(line)).transpose()?
            }
        };
        named.or(peer).ok_or(ClientIpError::NoAddress)
    }

    /// The first address that is no proxy's, or the last one; `None` if there is no entry.
    fn past_proxies(&self, entries: Entries<'_>) -> Result<Option<IpAddr>, ClientIpError> {
        let mut furthest = None;
        for (passed, entry) in entries.enumerate() {
            if passed == Self::MAX_ENTRIES {
                return Err(ClientIpError::too_many(&self.header));
            }
            let address = entry?;
            furthest = Some(address);
            if !self.is_proxy(address) {
                break;
            }
        }
        Ok(furthest)
    }

    /// The address that the outermost of so many proxies has appended.
    fn after_hops(&self, hops: NonZeroU8, entries: Entries<'_>) -> Result<IpAddr, ClientIpError> {
        let mut found = 0;
        for entry in entries {
            let address = entry?;
            found += 1;
            if found == hops.get() {
                return Ok(address);
            }
        }
        Err(ClientIpError::TooFewHops { header: self.header.clone(), hops: hops.get(), found })
    }

    fn trusting(trust: Trust) -> Self {
        Self { trust, header: ClientHeader::default() }
    }
}
