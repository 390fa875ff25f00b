//! Why the client's address cannot be told.

use thiserror::Error;

use super::TrustedProxies;
use super::header::ClientHeader;
use crate::subject::shortened;

/// Why the client's address cannot be told. What it quotes is shortened and escaped, so that a
/// client can forge no line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClientIpError {
    /// The peer is a local socket, and no header is trusted or there.
    #[error(
        "the peer has no address, as on a local socket, and no trusted header names the client: \
         configure the proxies that stand before the application, and have them send the header"
    )]
    NoAddress,
    /// What ought to be an address is something else, such as `unknown`.
    #[error(
        "{header}: {entry:?} is no IP address: have the proxy that wrote it send the address of \
         whoever connected to it"
    )]
    NotAnAddress {
        /// The header that it was found in.
        header: ClientHeader,
        /// How it begins.
        entry: String,
    },
    /// An element of `Forwarded` has no `for`, or two, or a quotation that does not end.
    #[error(
        "Forwarded: {0:?} does not name one client: have the proxy that wrote it send one `for`"
    )]
    Element(String),
    /// Fewer proxies than configured have appended an address.
    #[error(
        "{header}: {found} addresses where {hops} proxies should have appended one each: configure \
         as many as there are, and let nobody reach the application past them"
    )]
    TooFewHops {
        /// The header that they were looked for in.
        header: ClientHeader,
        /// How many proxies are configured.
        hops: u8,
        /// How many addresses there are.
        found: u8,
    },
    /// More entries of trusted proxies than are read.
    #[error(
        "{header}: more than {max} proxies in a row: trust only networks in which no client is, \
         and look for a proxy that sends requests to itself",
        max = TrustedProxies::MAX_ENTRIES
    )]
    TooManyEntries {
        /// The header that has them.
        header: ClientHeader,
    },
    /// A header that holds one address has more than one value.
    #[error("{header}: more than one value: have the proxy replace what the client sends")]
    Several {
        /// The header that has them.
        header: ClientHeader,
    },
    /// A header that every proxy sets is not there.
    #[error(
        "{header}: missing: have the proxies set it, and let nobody reach the application past them"
    )]
    Missing {
        /// The header that is not there.
        header: ClientHeader,
    },
    /// No header has this name.
    #[error("{0:?} is no name of a header: expected such as `x-forwarded-for` or `x-real-ip`")]
    Name(String),
}

impl ClientIpError {
    pub(super) fn not_an_address(header: &ClientHeader, entry: &[u8]) -> Self {
        Self::NotAnAddress { header: header.clone(), entry: quoted(entry) }
    }

    pub(super) fn element(element: &[u8]) -> Self {
        Self::Element(quoted(element))
    }

    pub(super) fn too_many(header: &ClientHeader) -> Self {
        Self::TooManyEntries { header: header.clone() }
    }

    pub(super) fn several(header: &ClientHeader) -> Self {
        Self::Several { header: header.clone() }
    }

    pub(super) fn missing(header: &ClientHeader) -> Self {
        Self::Missing { header: header.clone() }
    }
}

/// The beginning of what a header says, cut before it is copied: it may be of any size.
fn quoted(entry: &[u8]) -> String {
    // Room for the characters that are kept, of four bytes at most.
    const MAX_BYTES: usize = 320;
    let entry = entry.trim_ascii();
    shortened(&String::from_utf8_lossy(entry.get(..MAX_BYTES).unwrap_or(entry)))
}
