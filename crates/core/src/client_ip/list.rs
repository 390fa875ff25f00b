//! Addresses with commas between, as in `X-Forwarded-For`.

use std::net::IpAddr;

use crate::network::Network;

/// What stands before the last entry, if anything does, and the entry.
pub(super) fn split_last(line: &[u8]) -> (Option<&[u8]>, &[u8]) {
    match line.iter().rposition(|b| *b == b',') {
        Some(comma) => (Some(&line[..comma]), &line[comma + 1..]),
        None => (None, line),
    }
}

/// The first entry.
pub(super) fn first(line: &[u8]) -> &[u8] {
    line.split(|b| *b == b',').next().unwrap_or(line)
}

/// The address that an entry is.
pub(super) fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry.trim_ascii()).ok()?;
    Network::address_in(text).ok()
}
