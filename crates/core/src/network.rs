//! Addresses: every spelling of one is one [`IpAddr`], and those that count as one client are one
//! [`Network`].

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::subject::{SubjectError, shortened};

/// The addresses that count as one client, or one entry of a list: an address or a network.
///
/// IPv6 is counted by network because one customer is usually given a whole /64 (RFC 6177). An
/// IPv6 address that stands for an IPv4 address *is* that address: see [`Network::plain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// The first address, IPv4 as IPv4-mapped IPv6, which no other address here is. Two words are
    /// moved faster than the bytes of an `IpAddr`.
    bits: [u64; 2],
    /// Counted from the first bit of these words.
    prefix: u8,
}

/// The bits of a network, by family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bits {
    V4(u32, u8),
    V6(u128, u8),
}

impl Network {
    /// What makes the second word of an IPv4-mapped address, whose first is zero.
    const MAPPED: u64 = 0xffff_0000_0000;

    /// How many bits stand before those of an IPv4 address.
    const BEFORE_V4: u8 = 96;

    /// The network of `address`: IPv6 of `prefix_v6` bits (at most 128), IPv4 of all its bits.
    #[must_use]
    pub fn of(address: IpAddr, prefix_v6: u8) -> Self {
        Self::within(address, 32, prefix_v6)
    }

    /// The network of `address`, with `prefix_v4` bits (at most 32) or `prefix_v6` bits (at most
    /// 128).
    #[must_use]
    pub fn within(address: IpAddr, prefix_v4: u8, prefix_v6: u8) -> Self {
        match Self::plain(address) {
            IpAddr::V4(v4) => {
                let prefix = prefix_v4.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                let bits = u64::from(v4.to_bits() & mask);
                Self { bits: [0, Self::MAPPED | bits], prefix: Self::BEFORE_V4 + prefix }
            }
            IpAddr::V6(v6) => Self::masked(v6, prefix_v6.min(128)),
        }
    }

    /// The address itself, or the IPv4 address that it stands for: IPv4-mapped (`::ffff:0:0/96`, RFC
    /// 4291), behind a NAT64 of the well-known prefix (`64:ff9b::/96`, RFC 6052), or of a 6to4 site
    /// (`2002::/16`, RFC 3056), all of whose 2^80 addresses are one IPv4 address.
    ///
    /// The last two never stand for an address of a private network, which both RFCs forbid: somebody
    /// from outside would count as one of the proxies there.
    #[must_use]
    pub fn plain(address: IpAddr) -> IpAddr {
        let IpAddr::V6(v6) = address else { return address };
        let [a, b, c, d, e, f, g, h] = v6.segments();
        let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
        let translated = |v4| if is_from_outside(v4) { IpAddr::V4(v4) } else { address };
        match [a, b, c, d, e, f] {
            [0, 0, 0, 0, 0, 0xffff] => IpAddr::V4(v4(g, h)),
            [0x64, 0xff9b, 0, 0, 0, 0] => translated(v4(g, h)),
            [0x2002, high, low, ..] => translated(v4(high, low)),
            _ => address,
        }
    }

    /// The address in a text as proxies, logs and people write it: with a port (`192.0.2.1:443`,
    /// `[2001:db8::1]:443`), in brackets, with a zone (`fe80::1%eth0`), with space around it. An IPv6
    /// address that stands for an IPv4 address [becomes](Self::plain) that.
    ///
    /// # Errors
    /// If the text is anything else, such as a name, a network, or an IPv4 address with leading
    /// zeros or fewer than four numbers: those are read differently by different programs.
    pub fn address_in(text: &str) -> Result<IpAddr, SubjectError> {
        read_address(text).ok_or_else(|| SubjectError::Address(shortened(text)))
    }

    /// The network's first address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        IpAddr::V6(Ipv6Addr::from_bits(self.first())).to_canonical()
    }

    /// How many bits all its addresses share: at most 32 if it is IPv4, at most 128 if it is IPv6.
    #[must_use]
    pub fn prefix(&self) -> u8 {
        if self.is_v4() { self.prefix - Self::BEFORE_V4 } else { self.prefix }
    }

    /// Whether `address` belongs to it, whatever its spelling.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = Self::plain(address);
        address.is_ipv4() == self.is_v4()
            && Self::within(address, self.prefix(), self.prefix) == *self
    }

    /// Whether it is a single address.
    #[must_use]
    pub const fn is_address(&self) -> bool {
        self.prefix == 128
    }

    const fn is_v4(&self) -> bool {
        self.bits[0] == 0
            && self.bits[1] & !0xffff_ffff == Self::MAPPED
            && self.prefix >= Self::BEFORE_V4
    }

    /// The first address as bits from the left, with the prefix; of IPv4 as 32 bits, so that no IPv6
    /// network holds any.
    pub(crate) fn bits(&self) -> Bits {
        let [_, low] = self.bits;
        match u32::try_from(low & u64::from(u32::MAX)) {
            Ok(v4) if self.is_v4() => Bits::V4(v4, self.prefix()),
            _ => Bits::V6(self.first(), self.prefix),
        }
    }

    fn first(&self) -> u128 {
        let [high, low] = self.bits.map(u128::from);
        high << 64 | low
    }

    /// The network of IPv6 addresses that [`bits`](Self::bits) gave.
    pub(crate) fn of_v6(address: Ipv6Addr, prefix: u8) -> Self {
        Self::masked(address, prefix.min(128))
    }

    fn masked(v6: Ipv6Addr, prefix: u8) -> Self {
        let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
        let bits = v6.to_bits() & mask;
        let word = |bits: u128| u64::try_from(bits).unwrap_or(u64::MAX);
        Self { bits: [word(bits >> 64), word(bits & u128::from(u64::MAX))], prefix }
    }

    /// The network that a list's entry names: one of IPv6 addresses that stand for IPv4 addresses is
    /// those.
    fn named(address: IpAddr, prefix: u8) -> Option<Self> {
        let v6 = match address {
            IpAddr::V4(_) if prefix <= 32 => return Some(Self::within(address, prefix, 0)),
            IpAddr::V6(v6) if prefix <= 128 => v6,
            _ => return None,
        };
        let before = match v6.segments() {
            // All IPv4 addresses are meant by `::ffff:0:0/96`, but hardly by a NAT64's prefix.
            [0, 0, 0, 0, 0, 0xffff, ..] => Some(96),
            _ if Self::plain(address) == address => None,
            [0x2002, ..] => Some(16).filter(|_| prefix > 16),
            _ => Some(96).filter(|_| prefix > 96),
        };
        match before.and_then(|before| prefix.checked_sub(before)) {
            Some(prefix) => Some(Self::within(address, prefix.min(32), 0)),
            None => Some(Self::masked(v6, prefix)),
        }
    }
}

/// Whether packets from this address arrive from the Internet.
const fn is_from_outside(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    let is_shared = a == 100 && b & 0xc0 == 64; // between a provider and its customers, RFC 6598
    !(a == 0
        || is_shared
        || v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_broadcast())
}

/// The longest text of an address: IPv6 of full length with an IPv4 tail, a zone, brackets and port.
const MAX_ADDRESS_BYTES: usize = 128;

fn read_address(text: &str) -> Option<IpAddr> {
    if text.len() > MAX_ADDRESS_BYTES {
        return None;
    }
    let text = text.trim();
    let address = if let Some(bracketed) = text.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        if !port.is_empty() && !is_port(port.strip_prefix(':')?) {
            return None;
        }
        return Some(Network::plain(IpAddr::V6(without_zone(address)?)));
    } else if let Some((address, port)) = text.split_once(':').filter(|(a, _)| a.contains('.')) {
        if !is_port(port) {
            return None;
        }
        IpAddr::V4(address.parse().ok()?)
    } else if text.contains(':') {
        IpAddr::V6(without_zone(text)?)
    } else {
        IpAddr::V4(text.parse().ok()?)
    };
    Some(Network::plain(address))
}

/// A zone says by which interface a neighbour is reached (RFC 4007): it is no part of who he is.
fn without_zone(text: &str) -> Option<Ipv6Addr> {
    let Some((address, zone)) = text.split_once('%') else { return text.parse().ok() };
    let is_zone = |c: char| c.is_ascii_alphanumeric() || "-._~%".contains(c);
    if zone.is_empty() || !zone.chars().all(is_zone) {
        return None;
    }
    address.parse().ok()
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self::of(address, 128)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_address() {
            return self.address().fmt(f);
        }
        write!(f, "{}/{}", self.address(), self.prefix())
    }
}

impl FromStr for Network {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let wrong = || SubjectError::Address(shortened(text));
        let Some((address, prefix)) = text.split_once('/') else {
            return text.parse::<IpAddr>().map(Self::from).map_err(|_| wrong());
        };
        let is_number = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|_| is_number).ok_or_else(wrong)?;
        Self::named(address.parse().map_err(|_| wrong())?, prefix).ok_or_else(wrong)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Network {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network(address: &str, prefix_v6: u8) -> String {
        Network::of(address.parse().unwrap(), prefix_v6).to_string()
    }

    fn named(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn ipv6_counts_by_network_and_mapped_ipv4_as_ipv4() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6", 64), "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2:3:4:5:6", 48), "2001:db8:1::/48");
        assert_eq!(network("2001:db8::1", 128), "2001:db8::1");
        assert_eq!(network("2001:db8::1", 0), "::/0");
        assert_eq!(network("::ffff:203.0.113.7", 64), "203.0.113.7");
        assert_eq!(network("203.0.113.7", 64), "203.0.113.7");
    }

    #[test]
    fn every_spelling_of_an_address_is_one_address() {
        let spellings = [
            ("203.0.113.7", "203.0.113.7"),
            (" 203.0.113.7\t", "203.0.113.7"),
            ("203.0.113.7:0", "203.0.113.7"),
            ("203.0.113.7:65535", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("::FFFF:203.0.113.7", "203.0.113.7"),
            ("::ffff:cb00:7107", "203.0.113.7"),
            ("0:0:0:0:0:ffff:cb00:7107", "203.0.113.7"),
            ("[::ffff:203.0.113.7]", "203.0.113.7"),
            ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
            ("64:ff9b::203.0.113.7", "203.0.113.7"),
            ("64:ff9b::cb00:7107", "203.0.113.7"),
            ("2002:cb00:7107::1", "203.0.113.7"),
            ("2002:cb00:7107:ffff:ffff:ffff:ffff:ffff", "203.0.113.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:DB8::1", "2001:db8::1"),
            ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
            ("2001:db8:0:0::0:1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("2001:db8::1%eth0", "2001:db8::1"),
            ("[2001:db8::1%25eth0]:80", "2001:db8::1"),
            ("fe80::1%en0.12", "fe80::1"),
            ("::1", "::1"),
            ("::", "::"),
            ("::203.0.113.7", "::203.0.113.7"),
            ("64:ff9b:1::203.0.113.7", "64:ff9b:1::cb00:7107"),
            ("2003:cb00:7107::1", "2003:cb00:7107::1"),
        ];
        for (text, address) in spellings {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(Network::address_in(text), Ok(address), "{text:?}");
        }
    }

    /// Such addresses are written into headers by whoever wants to be taken for a proxy.
    #[test]
    fn no_translated_address_is_one_of_a_private_network() {
        let inside = ["0.0.0.1", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1"];
        let more = ["169.254.1.1", "172.16.0.1", "192.168.1.1", "224.0.0.1", "255.255.255.255"];
        for v4 in inside.into_iter().chain(more) {
            let [a, b, c, d] = v4.parse::<Ipv4Addr>().unwrap().octets();
            for text in [format!("64:ff9b::{v4}"), format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1")]
            {
                let address = text.parse().unwrap();
                assert_eq!(Network::plain(address), address, "{text}");
                let all_v4 = named("0.0.0.0/0");
                assert!(
                    !all_v4.contains(address) && all_v4.contains(v4.parse().unwrap()),
                    "{text}"
                );
            }
            assert_eq!(Network::address_in(&format!("::ffff:{v4}")), Ok(v4.parse().unwrap()));
        }
        for v4 in ["9.255.255.255", "100.63.0.1", "100.128.0.1", "172.32.0.1", "223.255.255.1"] {
            let plain = Network::address_in(&format!("64:ff9b::{v4}"));
            assert_eq!(plain, Ok(v4.parse().unwrap()));
        }
    }

    #[test]
    fn what_is_no_address_is_an_error_and_no_counter() {
        for text in [
            "",
            " ",
            "unknown",
            "_hidden",
            "localhost",
            "example.com",
            "203.0.113",
            "203.0.113.7.1",
            "203.0.113.256",
            "203.0.113.07",
            "0xcb.0.113.7",
            "3405803783",
            "203.0.113.7:",
            "203.0.113.7:65536",
            "203.0.113.7:+80",
            "203.0.113.7:80:80",
            "203.0.113.7/32",
            "[]",
            "[203.0.113.7]",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]80",
            "[2001:db8::1]:",
            "[2001:db8::1]:http",
            "[[2001:db8::1]]",
            "2001:db8::1%",
            "2001:db8::1%e/0",
            "2001:db8::1/64",
            "2001:db8:::1",
            "12345::",
            "1:2:3:4:5:6:7:8:9",
            "203.0.113.7, 192.0.2.1",
            "203.0.113.7\0",
            "２０３.0.113.7",
            "203。0。113。7",
        ] {
            assert!(Network::address_in(text).is_err(), "{text:?}");
        }
        assert!(Network::address_in(&format!("::1{}", " ".repeat(200))).is_err());
    }

    #[test]
    fn a_network_contains_its_addresses_however_they_are_spelt() {
        let contains =
            |network: &str, address: &str| named(network).contains(address.parse().unwrap());
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.1"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("192.0.2.1/32", "192.0.2.1", "192.0.2.0"),
            ("0.0.0.0/0", "192.0.2.1", "2001:db8::1"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("2001:db8::1/127", "2001:db8::", "2001:db8::2"),
            ("64:ff9b::203.0.113.0/120", "203.0.113.9", "203.0.114.1"),
            ("2002:cb00:7100::/40", "203.0.113.9", "203.0.114.1"),
            ("64:ff9b::10.0.0.0/104", "64:ff9b::10.9.9.9", "10.9.9.9"),
            ("2002:a00::/24", "2002:a09:909::1", "10.9.9.9"),
        ] {
            assert!(contains(network, inside), "{inside} is in {network}");
            assert!(!contains(network, outside), "{outside} is not in {network}");
        }
        // A translator's whole prefix is not a way to say "all of IPv4".
        assert!(!contains("64:ff9b::/96", "192.0.2.1"));
        assert!(!contains("2002::/16", "192.0.2.1"));
    }

    #[test]
    fn a_network_is_written_by_its_first_address() {
        for (text, shown) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("10.1.2.3/32", "10.1.2.3"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("2001:db8::1/64", "2001:db8::/64"),
            ("::/0", "::/0"),
            ("::1/128", "::1"),
            ("64:ff9b::/96", "64:ff9b::/96"),
        ] {
            assert_eq!(named(text).to_string(), shown, "{text}");
            assert_eq!(named(shown), named(text));
        }
        for text in
            ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "x/8", "/8"]
        {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_network_and_its_text_are_one(v6 in any::<u128>(), v4 in any::<u32>(), prefix in 0..=128_u8) {
            let v6 = IpAddr::V6(Ipv6Addr::from_bits(v6));
            let v4 = IpAddr::V4(Ipv4Addr::from_bits(v4));
            for (address, network) in [
                (v6, Network::of(v6, prefix)),
                (v4, Network::within(v4, prefix.min(32), 0)),
            ] {
                prop_assert_eq!(network.to_string().parse(), Ok(network));
                prop_assert!(network.contains(address));
                prop_assert!(network.contains(network.address()));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,80}|[0-9a-f:.%\\[\\]/]{0,60}") {
            if let Ok(address) = Network::address_in(&text) {
                prop_assert_eq!(Network::address_in(&address.to_string()), Ok(address));
            }
            let _ = text.parse::<Network>();
        }
    }
}
