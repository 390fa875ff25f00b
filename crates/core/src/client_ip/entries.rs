//! The entries of a header, from the last to the first.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::error::ClientIpError;
use super::header::ClientHeader;

/// The addresses that the lines of a header name, the last one first.
///
/// A line is read by itself: what a client sends in one of its own cannot open a quotation that
/// ends in one of a proxy's.
pub(super) struct Entries<'a> {
    header: &'a ClientHeader,
    lines: VecDeque<&'a [u8]>,
}

impl<'a> Entries<'a> {
    /// A line has at least one entry, and nobody takes more than 255 hops or 101 entries.
    const MAX_LINES: usize = 255;

    pub(super) fn new(header: &'a ClientHeader, all_lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut lines = VecDeque::new();
        for line in all_lines {
            if lines.len() == Self::MAX_LINES {
                lines.pop_front();
            }
            lines.push_back(line);
        }
        Self { header, lines }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<IpAddr, ClientIpError>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.lines.pop_back()?;
        let (before, entry) = self.header.split_last(line);
        self.lines.extend(before);
        Some(self.header.address(entry))
    }
}
