//! The elements of `Forwarded` (RFC 7239).

use std::borrow::Cow;
use std::net::IpAddr;

use super::list;

/// What stands before the last element, if anything does, and the element.
///
/// From the right every quotation mark ends a quotation or begins one that is open: a client's,
/// left of what a proxy has appended, comes too late to swallow the comma between.
pub(super) fn split_last(line: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let mut is_quoted = false;
    for (at, byte) in line.iter().enumerate().rev() {
        match byte {
            b'"' if !is_quoted => is_quoted = true,
            // Only one that is escaped has a backslash before it: a quotation begins after `=`.
            b'"' if !line[..at].ends_with(b"\\") => is_quoted = false,
            b',' if !is_quoted => return (Some(&line[..at]), &line[at + 1..]),
            _ => {}
        }
    }
    (None, line)
}

/// The first element.
pub(super) fn first(line: &[u8]) -> &[u8] {
    split_first(line, b',').0
}

/// The value of an element's only `for`, with its quotation marks; `None` if there is none or more
/// than one, or if a quotation does not end.
pub(super) fn node(element: &[u8]) -> Option<&[u8]> {
    let mut node = None;
    let mut rest = Some(element);
    while let Some(pairs) = rest {
        let (pair, after, is_quoted) = split_first(pairs, b';');
        if is_quoted {
            return None;
        }
        rest = after;
        let Some(equals) = pair.iter().position(|b| *b == b'=') else { continue };
        let (name, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"for") && node.replace(value).is_some() {
            return None;
        }
    }
    node
}

/// The address of a node, without its port. Many proxies forget the quotation marks around a colon.
pub(super) fn address(node: &[u8]) -> Option<IpAddr> {
    let node = match node.strip_prefix(b"\"") {
        Some(quoted) => unescaped(quoted.strip_suffix(b"\"")?)?,
        None => Cow::Borrowed(node),
    };
    list::address(without_hidden_port(&node))
}

/// The text before the first separator that is not quoted, what comes after it, and whether a
/// quotation is still open.
fn split_first(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>, bool) {
    let (mut is_quoted, mut after_backslash) = (false, false);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if after_backslash => after_backslash = false,
            b'\\' if is_quoted => after_backslash = true,
            b'"' => is_quoted = !is_quoted,
            _ if byte == separator && !is_quoted => {
                return (&text[..at], Some(&text[at + 1..]), false);
            }
            _ => {}
        }
    }
    (text, None, is_quoted)
}

/// The text that a quotation stands for: each backslash gives the byte after it (RFC 9110, section
/// 5.6.4). `None` if it is too long for an address, however it is written.
fn unescaped(quoted: &[u8]) -> Option<Cow<'_, [u8]>> {
    const MAX_BYTES: usize = 256;
    if quoted.len() > MAX_BYTES {
        return None;
    }
    if !quoted.contains(&b'\\') {
        return Some(Cow::Borrowed(quoted));
    }
    let mut bytes = quoted.iter();
    let mut text = Vec::with_capacity(quoted.len());
    while let Some(byte) = bytes.next() {
        text.push(if *byte == b'\\' { *bytes.next()? } else { *byte });
    }
    Some(Cow::Owned(text))
}

/// A port may be hidden behind a name with an underscore (RFC 7239, section 6).
fn without_hidden_port(node: &[u8]) -> &[u8] {
    let Some(colon) = node.iter().rposition(|b| *b == b':') else { return node };
    let (address, port) = (&node[..colon], &node[colon + 1..]);
    let is_in_name = |b: &u8| b.is_ascii_alphanumeric() || b"._-".contains(b);
    let is_hidden = port.len() > 1 && port[0] == b'_' && port.iter().all(is_in_name);
    // Without brackets a colon may be one of the address.
    let is_whole = address.ends_with(b"]") || !address.contains(&b':');
    if is_hidden && is_whole { address } else { node }
}
