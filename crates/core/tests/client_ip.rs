//! The client's address behind proxies: header by topology, with what an attacker would send.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::IpAddr;

use lockout_core::{ClientHeader, ClientIpError, TrustedProxies};
use proptest::prelude::*;

const LIST: ClientHeader = ClientHeader::XForwardedFor;
const FORWARDED: ClientHeader = ClientHeader::Forwarded;

const CLIENT: &str = "203.0.113.7";
const EDGE: &str = "10.0.0.1";
const EDGE_V6: &str = "2001:db8:ed:6e::1";
const STRANGER: &str = "198.51.100.9";
const SOCKET: &str = "";

fn networks() -> TrustedProxies {
    let trusted = ["10.0.0.0/8", "2001:db8:ed:6e::/64"];
    TrustedProxies::networks(trusted.map(|network| network.parse().unwrap()))
}

fn real_ip() -> ClientHeader {
    ClientHeader::Single("X-Real-IP".into())
}

/// The lines of a request's head as names and values.
fn headers(head: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
    head.split(|b| *b == b'\n').filter(|line| !line.is_empty()).map(|line| {
        let colon = line.iter().position(|b| *b == b':').unwrap();
        (str::from_utf8(&line[..colon]).unwrap(), &line[colon + 1..])
    })
}

fn told(proxies: &TrustedProxies, peer: &str, head: &[u8]) -> Result<IpAddr, ClientIpError> {
    let peer = (peer != SOCKET).then(|| peer.parse().unwrap());
    proxies.client_ip(peer, headers(head))
}

/// The address, or what kind of error it is.
fn outcome(proxies: &TrustedProxies, peer: &str, head: &[u8]) -> String {
    let error = match told(proxies, peer, head) {
        Ok(address) => return address.to_string(),
        Err(error) => error,
    };
    match error {
        ClientIpError::NoAddress => "none".into(),
        ClientIpError::NotAnAddress { entry, .. } => format!("no address: {entry}"),
        ClientIpError::Element(_) => "element".into(),
        ClientIpError::TooFewHops { hops, found, .. } => format!("{found} of {hops}"),
        ClientIpError::TooManyEntries { .. } => "too many".into(),
        ClientIpError::Several { .. } => "several".into(),
        ClientIpError::Missing { .. } => "missing".into(),
        error => error.to_string(),
    }
}

/// What it is about, the peer, the headers, and the address or the kind of error.
type Head<'a> = (&'a str, &'a str, &'a [u8], &'a str);

fn check_heads(proxies: &TrustedProxies, cases: &[Head<'_>]) {
    for (about, peer, head, expected) in cases {
        assert_eq!(outcome(proxies, peer, head), *expected, "{about}: {proxies:?}");
    }
}

/// What it is about, the lines of the header that is read, and the address or the kind of error.
type Case<'a> = (&'a str, &'a [u8], &'a str);

fn check(proxies: &TrustedProxies, header: &ClientHeader, peer: &str, cases: &[Case<'_>]) {
    let proxies = proxies.clone().header(header.clone());
    let name = header.name();
    for (about, values, expected) in cases {
        let lines = values.split(|b| *b == b'\n');
        let head: Vec<_> = lines.map(|line| [name.as_bytes(), b": ", line].concat()).collect();
        check_heads(&proxies, &[(about, peer, &head.join(&b'\n'), expected)]);
    }
}

#[test]
fn with_no_proxy_it_is_the_peer_whatever_the_headers_say() {
    for proxies in [TrustedProxies::none(), TrustedProxies::default(), TrustedProxies::hops(0)] {
        check(
            &proxies,
            &LIST,
            STRANGER,
            &[("forged", b"192.0.2.66", STRANGER), ("junk", b"\xff\xfe,,", STRANGER)],
        );
        check(&proxies, &LIST, EDGE, &[("forged by a neighbour", b"192.0.2.66", EDGE)]);
        check(&proxies, &LIST, SOCKET, &[("local socket, header", b"203.0.113.7", "none")]);
        check_heads(
            &proxies,
            &[
                ("no header", STRANGER, b"", STRANGER),
                ("forged otherwise", STRANGER, b"Forwarded: for=192.0.2.66", STRANGER),
                ("IPv4-mapped peer", "::ffff:198.51.100.9", b"", STRANGER),
                ("IPv6 peer", "2001:db8::1", b"", "2001:db8::1"),
                ("local socket", SOCKET, b"", "none"),
            ],
        );
    }
}

#[test]
fn past_trusted_networks_it_is_the_first_stranger_from_the_right() {
    check(
        &networks(),
        &LIST,
        EDGE,
        &[
            ("one proxy", b"203.0.113.7", CLIENT),
            ("two proxies", b"203.0.113.7, 10.0.0.2", CLIENT),
            ("no space", b"203.0.113.7,10.0.0.2", CLIENT),
            ("tabs", b"\t203.0.113.7\t,\t10.0.0.2\t", CLIENT),
            ("all are proxies: the furthest", b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("two lines", b"203.0.113.7\n10.0.0.2", CLIENT),
        ],
    );
    check(
        &networks(),
        &LIST,
        SOCKET,
        &[
            ("local socket", b"203.0.113.7", CLIENT),
            ("local socket and proxy", b"192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ],
    );
    check_heads(
        &networks(),
        &[
            ("IPv6 proxy", EDGE_V6, b"X-Forwarded-For: 203.0.113.7", CLIENT),
            ("IPv4-mapped proxy", "::ffff:10.0.0.1", b"X-Forwarded-For: 192.0.2.1", "192.0.2.1"),
            ("name in lower case", EDGE, b"x-forwarded-for: 203.0.113.7", CLIENT),
            ("name in upper case", EDGE, b"X-FORWARDED-FOR: 203.0.113.7", CLIENT),
            ("no header: asks for itself", EDGE, b"Host: example.com", EDGE),
            ("local socket, no header", SOCKET, b"", "none"),
            (
                "two lines, others between",
                EDGE,
                b"x-forwarded-for: 192.0.2.66\nHost: a\nX-Forwarded-For: 203.0.113.7",
                CLIENT,
            ),
        ],
    );
}

#[test]
fn what_a_client_forges_is_not_looked_at() {
    check(
        &networks(),
        &LIST,
        EDGE,
        &[
            ("entry on the left", b"192.0.2.66, 203.0.113.7", CLIENT),
            ("entry that looks trusted", b"10.9.9.9, 203.0.113.7", CLIENT),
            ("loopback", b"127.0.0.1, 203.0.113.7, 10.0.0.2", CLIENT),
            ("line of its own", b"192.0.2.66\n203.0.113.7", CLIENT),
            ("junk", b"unknown, ;drop, , 203.0.113.7", CLIENT),
            ("bytes that are no text", b"\xff\x00\xc3, 203.0.113.7", CLIENT),
            ("empty line", b"\n203.0.113.7", CLIENT),
            ("commas", b",,,,203.0.113.7", CLIENT),
        ],
    );
    check(
        &networks(),
        &LIST,
        STRANGER,
        &[
            ("past the proxies", b"203.0.113.7", STRANGER),
            ("past the proxies, as one", b"192.0.2.66, 10.0.0.1", STRANGER),
            ("past the proxies, junk", b"\xff", STRANGER),
        ],
    );
    check_heads(
        &networks(),
        &[
            (
                "past the proxies, IPv6",
                "2001:db8::9",
                b"X-Forwarded-For: 192.0.2.66",
                "2001:db8::9",
            ),
            (
                "other header",
                EDGE,
                b"Forwarded: for=192.0.2.66\nX-Forwarded-For: 203.0.113.7",
                CLIENT,
            ),
            (
                "only another header",
                EDGE,
                b"X-Real-IP: 192.0.2.66\nForwarded: for=192.0.2.66",
                EDGE,
            ),
            (
                "name with underscores",
                EDGE,
                b"X-Forwarded-For: 203.0.113.7\nX_Forwarded_For: 192.0.2.66",
                CLIENT,
            ),
            (
                "longer name",
                EDGE,
                b"X-Forwarded-For: 203.0.113.7\nX-Forwarded-For-Real: 192.0.2.66",
                CLIENT,
            ),
        ],
    );
}

#[test]
fn an_address_is_read_however_a_proxy_writes_it() {
    check(
        &networks(),
        &LIST,
        EDGE,
        &[
            ("port", b"203.0.113.7:4711", CLIENT),
            ("port of a proxy", b"203.0.113.7, 10.0.0.2:80", CLIENT),
            ("IPv6", b"2001:db8::1", "2001:db8::1"),
            ("IPv6, capitals", b"2001:DB8:0::1", "2001:db8::1"),
            ("brackets", b"[2001:db8::1]", "2001:db8::1"),
            ("brackets and port", b"[2001:db8::1]:443", "2001:db8::1"),
            ("zone", b"fe80::1%eth0", "fe80::1"),
            ("IPv4-mapped", b"::ffff:203.0.113.7", CLIENT),
            ("IPv4-mapped proxy", b"192.0.2.1, ::ffff:10.0.0.2", "192.0.2.1"),
            ("IPv6 proxy with a port", b"192.0.2.1, [2001:db8:ed:6e::2]:80", "192.0.2.1"),
        ],
    );
}

#[test]
fn what_is_no_address_is_an_error_where_it_is_on_the_way() {
    check(
        &networks(),
        &LIST,
        EDGE,
        &[
            ("a word", b"unknown", "no address: unknown"),
            ("a word after a proxy", b"192.0.2.1, _x, 10.0.0.2", "no address: _x"),
            ("a word of the last proxy", b"192.0.2.1, unknown", "no address: unknown"),
            ("empty", b"", "no address: "),
            ("space", b" \t ", "no address: "),
            ("comma at the end", b"203.0.113.7,", "no address: "),
            ("empty between", b"203.0.113.7, , 10.0.0.2", "no address: "),
            ("empty last line", b"203.0.113.7\n", "no address: "),
            ("a network", b"203.0.113.0/24", "no address: 203.0.113.0/24"),
            ("leading zeros", b"203.0.113.07", "no address: 203.0.113.07"),
            ("no port", b"203.0.113.7:", "no address: 203.0.113.7:"),
            ("space for comma", b"192.0.2.1 192.0.2.2", "no address: 192.0.2.1 192.0.2.2"),
            ("quotation marks", br#""192.0.2.1""#, r#"no address: "192.0.2.1""#),
            ("an element", b"for=192.0.2.1", "no address: for=192.0.2.1"),
            ("no text", b"\xffx", "no address: \u{fffd}x"),
            ("NUL", b"192.0.2.1\0", "no address: 192.0.2.1\0"),
        ],
    );
    check(&networks(), &LIST, SOCKET, &[("from a local socket", b"unix:", "no address: unix:")]);
}

#[test]
fn forwarded_is_read_from_the_right_past_trusted_networks() {
    check(
        &networks(),
        &FORWARDED,
        EDGE,
        &[
            ("token", b"for=203.0.113.7", CLIENT),
            ("quoted", br#"for="203.0.113.7""#, CLIENT),
            ("port", br#"for="203.0.113.7:4711""#, CLIENT),
            ("port, not quoted", b"for=203.0.113.7:4711", CLIENT),
            ("IPv6 with a port", br#"For="[2001:db8::1]:4711""#, "2001:db8::1"),
            ("IPv6", br#"FOR="[2001:DB8::1]""#, "2001:db8::1"),
            ("IPv6, not quoted", b"for=[2001:db8::1]", "2001:db8::1"),
            ("IPv4-mapped", br#"for="[::ffff:203.0.113.7]""#, CLIENT),
            ("hidden port", br#"for="203.0.113.7:_x.1-y""#, CLIENT),
            ("hidden port of IPv6", br#"for="[2001:db8::1]:_x""#, "2001:db8::1"),
            ("other parameters", b"by=10.0.0.1;for=203.0.113.7;proto=https;host=a", CLIENT),
            ("spaces and empty pairs", b";proto=http ; for = 203.0.113.7; ;", CLIENT),
            ("parameter without value", b"secure;for=203.0.113.7", CLIENT),
            ("an equals sign", br#"host="a=b";for=203.0.113.7;x=y=z"#, CLIENT),
            ("comma in quotes", br#"for=203.0.113.7;host="a, for=192.0.2.66""#, CLIENT),
            ("semicolon in quotes", br#"host="a;for=192.0.2.66";for=203.0.113.7"#, CLIENT),
            ("escaped quote", br#"for=203.0.113.7;host="a\", for=192.0.2.66""#, CLIENT),
            ("escaped backslash", br#"for=203.0.113.7;host="a\\""#, CLIENT),
            ("backslash at the start", br#"for=203.0.113.7;host="\\\",""#, CLIENT),
            ("escapes in the address", br#"for="\2\03.0.113.\7""#, CLIENT),
            ("two proxies", b"for=203.0.113.7, for=10.0.0.2;by=_a", CLIENT),
            ("all are proxies", b"for=10.0.0.3,for=10.0.0.2", "10.0.0.3"),
        ],
    );
    check(&networks(), &FORWARDED, SOCKET, &[("local socket", b"for=203.0.113.7", CLIENT)]);
    check_heads(
        &networks().header(FORWARDED),
        &[
            (
                "two lines",
                EDGE,
                b"Forwarded: for=203.0.113.7\nforwarded: for=\"10.0.0.2:80\"",
                CLIENT,
            ),
            ("no header", EDGE, b"X-Forwarded-For: 192.0.2.66", EDGE),
        ],
    );
}

#[test]
fn what_a_client_forges_in_forwarded_is_not_looked_at() {
    check(
        &networks(),
        &FORWARDED,
        EDGE,
        &[
            ("element on the left", b"for=192.0.2.66, for=203.0.113.7", CLIENT),
            ("as a proxy", b"for=10.9.9.9, for=203.0.113.7, for=10.0.0.2", CLIENT),
            ("open quotation", br#"for="192.0.2.66, for=203.0.113.7"#, CLIENT),
            ("open quotation, quoted entry", br#"x=", for="203.0.113.7""#, CLIENT),
            ("backslash before the comma", br#"x="\, for="203.0.113.7""#, CLIENT),
            ("backslashes", br#"\\\, for=203.0.113.7;host="a\"b""#, CLIENT),
            ("open quotation in a line", b"for=\"192.0.2.66\nfor=203.0.113.7;host=\"a\"", CLIENT),
            ("no text", b"\xff\xfe\", for=203.0.113.7", CLIENT),
        ],
    );
    check(
        &networks(),
        &FORWARDED,
        STRANGER,
        &[
            ("past the proxies", b"for=203.0.113.7", STRANGER),
            ("past the proxies, junk", br#"""#, STRANGER),
        ],
    );
}

#[test]
fn an_element_that_names_no_address_is_an_error_where_it_is_on_the_way() {
    check(
        &networks(),
        &FORWARDED,
        EDGE,
        &[
            ("unknown", b"for=unknown", "no address: unknown"),
            ("hidden", b"for=_hidden", "no address: _hidden"),
            ("hidden, quoted, with a port", br#"for="_hidden:80""#, r#"no address: "_hidden:80""#),
            ("hidden after a proxy", b"for=192.0.2.1, for=_a, for=10.0.0.2", "no address: _a"),
            ("no value", b"for=", "no address: "),
            ("no value in quotes", br#"for="""#, r#"no address: """#),
            ("one quotation mark", br#"for=""#, "element"),
            ("quotation that does not end", br#"for="203.0.113.7"#, "element"),
            ("quotation that ends escaped", br#"for="203.0.113.7\""#, "element"),
            ("open quotation elsewhere", br#"for=203.0.113.7;host="a"#, "element"),
            ("text after a quotation", br#"for="192.0.2.1"x"#, r#"no address: "192.0.2.1"x"#),
            ("two quotations", br#"for="192.0.2.1""""#, r#"no address: "192.0.2.1""""#),
            ("hidden port of bare IPv6", b"for=2001:db8::1:_x", "no address: 2001:db8::1:_x"),
            ("port that is none", br#"for="192.0.2.1:_""#, r#"no address: "192.0.2.1:_""#),
            ("no `for`", b"by=203.0.113.7;proto=https", "element"),
            ("`for` without a value", b"for", "element"),
            ("a list", b"203.0.113.7", "element"),
            ("two `for`", b"for=203.0.113.7;For=192.0.2.66", "element"),
            ("the same `for` twice", b"for=203.0.113.7;for=203.0.113.7", "element"),
            ("empty", b"", "element"),
            ("comma at the end", b"for=203.0.113.7,", "element"),
            ("no text", b"for=\xff", "no address: \u{fffd}"),
            ("all quoted", br#""for=203.0.113.7""#, "element"),
        ],
    );
}

#[test]
fn after_hops_it_is_the_entry_of_that_number_from_the_right() {
    check(
        &TrustedProxies::hops(1),
        &LIST,
        EDGE,
        &[
            ("one entry", b"203.0.113.7", CLIENT),
            ("forged", b"192.0.2.66, 203.0.113.7", CLIENT),
            ("forged line", b"192.0.2.66\n203.0.113.7", CLIENT),
            ("private client", b"192.0.2.66, 10.0.0.2", "10.0.0.2"),
            ("junk on the left", b"\xff,, 203.0.113.7", CLIENT),
            ("junk", b"203.0.113.7, unknown", "no address: unknown"),
        ],
    );
    check(&TrustedProxies::hops(1), &LIST, STRANGER, &[("any peer", b"203.0.113.7", CLIENT)]);
    check(&TrustedProxies::hops(1), &LIST, SOCKET, &[("local socket", b"203.0.113.7", CLIENT)]);
    check_heads(
        &TrustedProxies::hops(1),
        &[("no header", EDGE, b"", "0 of 1"), ("no header, local socket", SOCKET, b"", "0 of 1")],
    );
    check(
        &TrustedProxies::hops(2),
        &LIST,
        EDGE,
        &[
            ("two entries", b"203.0.113.7, 192.0.2.1", CLIENT),
            ("forged", b"192.0.2.66, 203.0.113.7, 192.0.2.1", CLIENT),
            ("line by line", b"203.0.113.7\n192.0.2.1", CLIENT),
            ("too few", b"203.0.113.7", "1 of 2"),
            ("junk on the way", b"203.0.113.7, _edge", "no address: _edge"),
            ("empty on the way", b"203.0.113.7,", "no address: "),
        ],
    );
    check(
        &TrustedProxies::hops(2),
        &FORWARDED,
        EDGE,
        &[
            ("two elements", b"for=203.0.113.7, for=192.0.2.1", CLIENT),
            ("open quotation", br#"",for=203.0.113.7,for="192.0.2.1:80""#, CLIENT),
            ("too few", b"for=203.0.113.7", "1 of 2"),
            ("hidden on the way", b"for=203.0.113.7, for=_edge", "no address: _edge"),
        ],
    );
}

#[test]
fn one_address_in_a_header_is_believed_of_a_proxy_alone() {
    check(
        &networks(),
        &real_ip(),
        EDGE,
        &[
            ("from a proxy", b"203.0.113.7", CLIENT),
            ("IPv6 with a port", b"[2001:db8::1]:80", "2001:db8::1"),
            ("twice", b"192.0.2.66\n203.0.113.7", "several"),
            ("a list", b"192.0.2.66, 203.0.113.7", "several"),
            ("comma at the end", b"203.0.113.7,", "several"),
            ("empty", b"", "no address: "),
            ("junk", b"unknown", "no address: unknown"),
            ("no text", b"\xff", "no address: \u{fffd}"),
        ],
    );
    check(&networks(), &real_ip(), SOCKET, &[("from a local socket", b"203.0.113.7", CLIENT)]);
    check(
        &networks(),
        &real_ip(),
        STRANGER,
        &[
            ("from a stranger", b"203.0.113.7", STRANGER),
            ("from a stranger, twice", b"1.1.1.1\n1.1.1.2", STRANGER),
        ],
    );
    check_heads(
        &networks().header(real_ip()),
        &[
            ("name in lower case", EDGE, b"x-real-ip: 203.0.113.7", CLIENT),
            ("the same twice", EDGE, b"X-Real-IP: 192.0.2.1\nx-real-ip: 192.0.2.1", "several"),
            ("missing", EDGE, b"X-Forwarded-For: 192.0.2.66", EDGE),
            ("missing, local socket", SOCKET, b"", "none"),
            ("other header", EDGE, b"X-Forwarded-For: 192.0.2.66\nX-Real-IP: 203.0.113.7", CLIENT),
        ],
    );
    check(
        &TrustedProxies::hops(2),
        &real_ip(),
        STRANGER,
        &[
            ("from any peer", b"203.0.113.7", CLIENT),
            ("twice", b"192.0.2.66\n203.0.113.7", "several"),
        ],
    );
    check_heads(
        &TrustedProxies::hops(2).header(real_ip()),
        &[
            ("missing", STRANGER, b"X-Forwarded-For: 192.0.2.66", "missing"),
            ("missing, local socket", SOCKET, b"", "missing"),
        ],
    );
    check(
        &TrustedProxies::none(),
        &real_ip(),
        EDGE,
        &[("nobody is trusted", b"203.0.113.7", EDGE)],
    );
}

#[test]
fn leftmost_is_the_first_entry_whoever_sends_it() {
    check(
        &TrustedProxies::leftmost(),
        &LIST,
        EDGE,
        &[
            ("first of two", b"192.0.2.66 , 203.0.113.7", "192.0.2.66"),
            ("first line", b"192.0.2.66\n203.0.113.7", "192.0.2.66"),
            ("junk later", b"192.0.2.66, unknown,", "192.0.2.66"),
        ],
    );
    check(
        &TrustedProxies::leftmost(),
        &LIST,
        STRANGER,
        &[
            ("any peer", b"192.0.2.66", "192.0.2.66"),
            ("port", b"192.0.2.66:80, 203.0.113.7", "192.0.2.66"),
            ("junk", b"unknown, 203.0.113.7", "no address: unknown"),
            ("empty", b", 203.0.113.7", "no address: "),
            ("no text", b"\xff, 203.0.113.7", "no address: \u{fffd}"),
        ],
    );
    check_heads(
        &TrustedProxies::leftmost(),
        &[("missing", STRANGER, b"", STRANGER), ("missing, local socket", SOCKET, b"", "none")],
    );
    check(
        &TrustedProxies::leftmost(),
        &FORWARDED,
        EDGE,
        &[
            ("first of two", br#"host="a,b";for=192.0.2.66, for=203.0.113.7"#, "192.0.2.66"),
            ("open quotation", br#"for="192.0.2.66, for=203.0.113.7"#, "element"),
        ],
    );
    check(
        &TrustedProxies::leftmost(),
        &real_ip(),
        STRANGER,
        &[("one address", b"192.0.2.66", "192.0.2.66")],
    );
}

#[test]
fn no_trusted_network_leaves_local_sockets() {
    check(
        &TrustedProxies::networks([]),
        &LIST,
        SOCKET,
        &[("local socket", b"192.0.2.66, 203.0.113.7", CLIENT)],
    );
    check(&TrustedProxies::networks([]), &LIST, EDGE, &[("a peer", b"192.0.2.66", EDGE)]);
}

#[test]
fn a_client_that_rotates_the_header_stays_one_address() {
    for n in 0..=255 {
        let forged = format!("198.51.100.{n}");
        let list = format!("X-Forwarded-For: {forged}, 203.0.113.7");
        assert_eq!(outcome(&networks(), EDGE, list.as_bytes()), "203.0.113.7");
        assert_eq!(outcome(&TrustedProxies::hops(1), EDGE, list.as_bytes()), "203.0.113.7");
        let direct = format!("X-Forwarded-For: {forged}");
        assert_eq!(outcome(&networks(), STRANGER, direct.as_bytes()), STRANGER);
        // What its documentation warns of.
        assert_eq!(outcome(&TrustedProxies::leftmost(), EDGE, list.as_bytes()), forged);
    }
}

#[test]
fn at_most_a_hundred_entries_are_passed() {
    let proxies = networks();
    let max = TrustedProxies::MAX_ENTRIES;
    let list = |client: &str, passed: usize| {
        format!("X-Forwarded-For: {client}{}", ", 10.0.0.2".repeat(passed))
    };
    let lines = |client: &str, passed: usize| {
        format!("X-Forwarded-For: {client}{}", "\nX-Forwarded-For: 10.0.0.2".repeat(passed))
    };
    for head in [list, lines] {
        assert_eq!(outcome(&proxies, EDGE, head("192.0.2.1", max - 1).as_bytes()), "192.0.2.1");
        assert_eq!(outcome(&proxies, EDGE, head("10.0.0.3", max - 1).as_bytes()), "10.0.0.3");
        assert_eq!(outcome(&proxies, EDGE, head("192.0.2.1", max).as_bytes()), "too many");
        assert_eq!(outcome(&proxies, EDGE, head("192.0.2.1", 10_000).as_bytes()), "too many");
        let hops = TrustedProxies::hops(255);
        assert_eq!(outcome(&hops, EDGE, head("192.0.2.1", 254).as_bytes()), "192.0.2.1");
        assert_eq!(outcome(&hops, EDGE, head("192.0.2.1", 253).as_bytes()), "254 of 255");
        assert_eq!(outcome(&hops, EDGE, head("192.0.2.1", 10_000).as_bytes()), "10.0.0.2");
    }
    let forged = format!("X-Forwarded-For: {}203.0.113.7", "10.0.0.2, ".repeat(10_000));
    assert_eq!(outcome(&proxies, EDGE, forged.as_bytes()), "203.0.113.7");
}

#[test]
fn a_long_entry_is_read_once() {
    // It is a matter of hours if each byte costs a look at all the others.
    let forwarded = networks().header(FORWARDED);
    for unit in ["\\", "\"", "\\\"", "\"\\\\", "\",", ";", "\";", "=", "for=\"", "x"] {
        let junk = unit.repeat(1_000_000 / unit.len());
        for head in [format!("Forwarded: {junk}"), format!("Forwarded: for=\"{junk}\"")] {
            let error = told(&forwarded, EDGE, head.as_bytes()).unwrap_err();
            assert!(error.to_string().len() < 600, "{unit:?} gave {error}");
        }
    }
    let padded = format!("X-Forwarded-For: 192.0.2.1, {}10.0.0.2", " ".repeat(1_000_000));
    assert_eq!(outcome(&networks(), EDGE, padded.as_bytes()), "192.0.2.1");
}

#[test]
fn only_trusted_networks_have_proxies() {
    let is_proxy =
        |proxies: TrustedProxies, address: &str| proxies.is_proxy(address.parse().unwrap());
    assert!(is_proxy(networks(), EDGE));
    assert!(is_proxy(networks(), "::ffff:10.0.0.1"));
    assert!(is_proxy(networks(), EDGE_V6));
    assert!(!is_proxy(networks(), STRANGER));
    for proxies in [TrustedProxies::none(), TrustedProxies::hops(1), TrustedProxies::leftmost()] {
        assert!(!is_proxy(proxies, EDGE));
    }
}

#[test]
fn an_error_names_the_header_and_what_to_do_and_forges_no_line() {
    let message =
        |proxies: TrustedProxies, head: &[u8]| told(&proxies, EDGE, head).unwrap_err().to_string();
    let forwarded = || networks().header(FORWARDED);
    for (message, parts) in [
        (
            message(networks(), b"X-Forwarded-For: a\r\x1b[2Jroot"),
            [r#"X-Forwarded-For: "a\r\u{1b}[2Jroot" is no IP address"#, "have the proxy"],
        ),
        (message(forwarded(), b"Forwarded: for=_x"), ["Forwarded: \"_x\" is no", "have the proxy"]),
        (message(forwarded(), b"Forwarded: by=\rx"), [r#"Forwarded: "by=\rx" does"#, "one `for`"]),
        (
            message(TrustedProxies::hops(3), b"X-Forwarded-For: 192.0.2.1"),
            ["X-Forwarded-For: 1 addresses where 3 proxies", "configure as many as there are"],
        ),
        (
            message(networks().header(real_ip()), b"X-Real-IP: a,b"),
            ["X-Real-IP: more than one value", "replace what the client sends"],
        ),
        (
            message(TrustedProxies::hops(1).header(real_ip()), b""),
            ["X-Real-IP: missing", "let nobody reach"],
        ),
        (
            message(
                networks(),
                format!("X-Forwarded-For: ::{}", ",10.0.0.2".repeat(100)).as_bytes(),
            ),
            ["X-Forwarded-For: more than 100 proxies", "trust only networks in which no client"],
        ),
        (ClientIpError::NoAddress.to_string(), ["local socket", "configure the proxies"]),
    ] {
        for part in parts {
            assert!(message.contains(part), "{message:?} lacks {part:?}");
        }
        assert!(!message.contains(char::is_control), "{message:?}");
    }
}

#[test]
fn a_header_is_known_by_its_name() {
    let header = |name: &str| name.parse::<ClientHeader>();
    assert_eq!(header("x-forwarded-for"), Ok(LIST));
    assert_eq!(header("FORWARDED"), Ok(FORWARDED));
    assert_eq!(header("X-Real-IP"), Ok(real_ip()));
    for name in ["", " ", "x-real-ip:", "x real ip", "x-\u{e9}", "x-real-ip\n"] {
        assert_eq!(header(name), Err(ClientIpError::Name(name.into())), "{name:?}");
    }
}

fn configured(toml: &str) -> Result<TrustedProxies, String> {
    toml::from_str(toml).map_err(|error: toml::de::Error| error.message().to_string())
}

#[test]
fn configuration_is_a_table_that_trusts_in_one_way() {
    let both = "networks = ['10.0.0.0/8', '2001:db8:ed:6e::/64']";
    for (text, proxies) in [
        ("".into(), TrustedProxies::none()),
        ("leftmost = false".into(), TrustedProxies::none()),
        (both.into(), networks()),
        ("networks = []".into(), TrustedProxies::networks([])),
        (format!("{both}\nheader = 'forwarded'"), networks().header(FORWARDED)),
        (format!("{both}\nheader = 'X-Real-IP'"), networks().header(real_ip())),
        ("hops = 2".into(), TrustedProxies::hops(2)),
        ("hops = 2\nheader = 'x-forwarded-for'".into(), TrustedProxies::hops(2)),
        ("leftmost = true".into(), TrustedProxies::leftmost()),
    ] {
        assert_eq!(configured(&text), Ok(proxies.clone()), "{text}");
        let written = toml::Table::try_from(&proxies).unwrap();
        assert_eq!(written.clone().try_into(), Ok(proxies), "{written:?}");
    }
}

#[test]
fn a_wrong_configuration_is_an_error_that_names_the_key() {
    for (text, part) in [
        ("network = ['10.0.0.0/8']", "unknown field `network`"),
        ("networks = ['10.0.0.0/8', '10.0.0.0/33']", "networks[1]: "),
        ("networks = ['10.0.0.0/33']", "\"10.0.0.0/33\" is no IP address or network"),
        ("networks = '10.0.0.0/8'", "networks: "),
        ("hops = 256", "hops: "),
        ("hops = -1", "hops: "),
        ("hops = 1\nnetworks = []", "only one of networks, hops and leftmost"),
        ("hops = 1\nleftmost = true", "only one of networks, hops and leftmost"),
        ("leftmost = true\nnetworks = []", "only one of networks, hops and leftmost"),
        ("leftmost = 'yes'", "leftmost: "),
        ("header = 'forwarded'", "header: is not read unless"),
        ("hops = 1\nheader = 'x real ip'", "\"x real ip\" is no name of a header"),
    ] {
        let error = configured(text).unwrap_err();
        assert!(error.contains(part), "{text:?} gave {error:?}, which lacks {part:?}");
    }
}

/// Bytes of lines, more often than not those that a reader of headers stumbles over.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            &b"\""[..], b"\\", b",", b";", b"=", b" ", b"for=", b"10.0.0.2", b"for=10.0.0.2",
            b"192.0.2.66", b"[", b"]:", b"_x", b"\xff", b"",
        ]).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A well-formed element that names this node.
fn element(node: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let quoted = |text: &[u8]| {
        let escaped = text.iter().flat_map(|b| match b {
            b'"' | b'\\' => vec![b'\\', *b],
            _ => vec![*b],
        });
        [b"\"".to_vec(), escaped.collect(), b"\"".to_vec()].concat()
    };
    (bytes(), any::<bool>(), any::<bool>()).prop_map(move |(host, is_first, is_token)| {
        let host = [b"host=".to_vec(), quoted(&host)].concat();
        let node = if is_token { node.as_bytes().to_vec() } else { quoted(node.as_bytes()) };
        let node = [b"for=".to_vec(), node].concat();
        if is_first { [node, host].join(&b';') } else { [host, node].join(&b';') }
    })
}

/// What a client sends in lines of its own, and in the line to which the proxies append.
fn forged() -> impl Strategy<Value = (Vec<Vec<u8>>, Option<Vec<u8>>)> {
    (prop::collection::vec(bytes(), 0..4), prop::option::of(bytes()))
}

/// Where the request comes from, by each way to trust, after proxies have appended these entries.
fn told_by_all(
    header: &ClientHeader,
    (lines, same_line): &(Vec<Vec<u8>>, Option<Vec<u8>>),
    appended: &[Vec<u8>],
) -> [Result<IpAddr, ClientIpError>; 2] {
    let last: Vec<_> = same_line.iter().chain(appended).cloned().collect();
    let last = last.join(&b", "[..]);
    let headers = lines.iter().chain([&last]).map(|line| (header.name(), line.as_slice()));
    [networks(), TrustedProxies::hops(2)].map(|proxies| {
        let proxies = proxies.header(header.clone());
        proxies.client_ip(Some(EDGE.parse().unwrap()), headers.clone())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_before_what_proxies_append_changes_the_client(
        forged in forged(),
        client in element("203.0.113.7"),
        proxy in element("10.0.0.2"),
    ) {
        let list = [b"203.0.113.7".to_vec(), b"10.0.0.2".to_vec()];
        let client_ip: IpAddr = "203.0.113.7".parse().unwrap();
        for told in told_by_all(&LIST, &forged, &list) {
            prop_assert_eq!(told, Ok(client_ip));
        }
        for told in told_by_all(&FORWARDED, &forged, &[client, proxy]) {
            prop_assert_eq!(told, Ok(client_ip));
        }
    }

    #[test]
    fn no_header_panics(lines in prop::collection::vec(bytes(), 0..4), hops in any::<u8>()) {
        for header in [LIST, FORWARDED, real_ip()] {
            let headers = lines.iter().map(|line| (header.name(), line.as_slice()));
            for proxies in
                [networks(), TrustedProxies::hops(hops), TrustedProxies::leftmost()]
            {
                let proxies = proxies.header(header.clone());
                for peer in [None, Some(EDGE.parse().unwrap())] {
                    if let Err(error) = proxies.client_ip(peer, headers.clone()) {
                        prop_assert!(!error.to_string().contains(char::is_control));
                    }
                }
            }
        }
    }
}
