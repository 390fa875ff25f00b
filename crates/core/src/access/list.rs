//! [`AccessList`]: entries made ready to be looked up.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use prefix_trie::PrefixMap;

use super::target::{Access, Target};
use crate::names::{Names, Username};
use crate::network::{Bits, Network};

/// What an access list says of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is refused, because of this entry.
    Denied(Target),
    /// It is neither counted nor refused, because of this entry.
    Allowed(Target),
    /// It is counted like any other.
    Counted {
        /// But not for its address, which is that of a proxy of one's own.
        without_ip: bool,
    },
}

impl Verdict {
    const COUNTED: Self = Self::Counted { without_ip: false };
}

/// Entries made ready to be looked up: immutable, and as fast for a hundred thousand networks as for
/// ten.
///
/// - Of networks that hold an address the one with the longest prefix speaks. Of entries for the same
///   network or name [`Deny`](Access::Deny) goes before [`Proxy`](Access::Proxy) before
///   [`Allow`](Access::Allow).
/// - Between a name and an address `Deny` goes first, then `Allow`, then `Proxy`.
/// - A username that cannot be a name, and a username that is said to be a proxy, say nothing; but
///   `username:` with [`Username::INVALID`] means all that cannot be a name.
///
/// ```
/// use lockout_core::{Access, AccessList, Names};
///
/// let entries = [("network:10.0.0.0/8", Access::Allow), ("network:10.66.0.0/16", Access::Deny)];
/// let entries = entries.map(|(target, access)| (target.parse().unwrap(), access));
/// let list = AccessList::new(&Names::default(), entries);
/// assert_eq!(list.of_ip([10, 1, 2, 3].into()), Some(Access::Allow));
/// assert_eq!(list.of_ip([10, 66, 2, 3].into()), Some(Access::Deny));
/// assert_eq!(list.of_ip([192, 0, 2, 1].into()), None);
/// ```
#[derive(Clone, Default)]
pub struct AccessList {
    // A trie for each family: neither holds an address of the other.
    v4: PrefixMap<(u32, u8), Access>,
    v6: PrefixMap<(u128, u8), Access>,
    names: HashMap<Username, Access>,
}

impl AccessList {
    /// The list of `entries`, whose usernames `names` makes what they are counted as.
    #[must_use]
    pub fn new(names: &Names, entries: impl IntoIterator<Item = (Target, Access)>) -> Self {
        let mut list = Self::default();
        for (target, access) in entries {
            match target {
                Target::Username(typed) => list.add_name(names, &typed, access),
                Target::Network(network) => list.add_network(&network, access),
            }
        }
        list
    }

    fn add_name(&mut self, names: &Names, typed: &str, access: Access) {
        let Some(name) = names.username(typed) else { return };
        // A slip of the pen must not speak for everything that cannot be a name.
        let is_slip = name.is_invalid() && typed != Username::INVALID;
        if is_slip || access == Access::Proxy {
            return;
        }
        let said = self.names.entry(name).or_insert(access);
        *said = said.stricter(access);
    }

    fn add_network(&mut self, network: &Network, access: Access) {
        let stricter = |said: Option<&Access>| said.map_or(access, |said| said.stricter(access));
        match network.bits() {
            Bits::V4(bits, prefix) => {
                let stricter = stricter(self.v4.get(&(bits, prefix)));
                self.v4.insert((bits, prefix), stricter);
            }
            Bits::V6(bits, prefix) => {
                let stricter = stricter(self.v6.get(&(bits, prefix)));
                self.v6.insert((bits, prefix), stricter);
            }
        }
    }

    /// Whether it says nothing of anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty() && self.names.is_empty()
    }

    /// How many names and networks it speaks of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len() + self.names.len()
    }

    /// What it says of an address, whatever its spelling.
    #[must_use]
    pub fn of_ip(&self, ip: IpAddr) -> Option<Access> {
        self.network_of(ip).map(|(access, _)| access)
    }

    /// What it says of a username.
    #[must_use]
    pub fn of_username(&self, username: &Username) -> Option<Access> {
        self.names.get(username).copied()
    }

    /// What becomes of an attempt of this username from this address.
    #[must_use]
    pub fn verdict(&self, username: Option<&Username>, ip: Option<IpAddr>) -> Verdict {
        if self.is_empty() {
            return Verdict::COUNTED;
        }
        let name = username.and_then(|name| Some((self.of_username(name)?, name)));
        let network = ip.and_then(|ip| self.network_of(ip));
        for (wanted, verdict) in [
            (Access::Deny, Verdict::Denied as fn(Target) -> Verdict),
            (Access::Allow, Verdict::Allowed),
        ] {
            if let Some((_, name)) = name.filter(|(access, _)| *access == wanted) {
                return verdict(Target::Username(name.as_str().to_owned()));
            }
            if let Some((_, network)) = network.filter(|(access, _)| *access == wanted) {
                return verdict(network.into());
            }
        }
        Verdict::Counted { without_ip: network.is_some() }
    }

    fn network_of(&self, ip: IpAddr) -> Option<(Access, Network)> {
        match Network::from(ip).bits() {
            Bits::V4(bits, prefix) => {
                let ((bits, prefix), access) = self.v4.get_lpm(&(bits, prefix))?;
                Some((*access, Network::within(Ipv4Addr::from_bits(bits).into(), prefix, 0)))
            }
            Bits::V6(bits, prefix) => {
                let ((bits, prefix), access) = self.v6.get_lpm(&(bits, prefix))?;
                Some((*access, Network::of_v6(Ipv6Addr::from_bits(bits), prefix)))
            }
        }
    }
}

impl fmt::Debug for AccessList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessList")
            .field("networks", &(self.v4.len() + self.v6.len()))
            .field("names", &self.names.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(entries: &[(&str, Access)]) -> AccessList {
        let entries = entries.iter().map(|(target, access)| (target.parse().unwrap(), *access));
        AccessList::new(&Names::default(), entries)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_longest_prefix_speaks_and_of_two_for_one_network_the_stricter() {
        let list = list(&[
            ("network:10.0.0.0/8", Access::Deny),
            ("network:10.1.0.0/16", Access::Allow),
            ("network:10.1.2.3", Access::Proxy),
            ("network:10.1.9.9/16", Access::Proxy),
            ("network:192.0.2.0/24", Access::Deny),
            ("network:192.0.2.0/24", Access::Allow),
            ("network:2001:db8::/32", Access::Deny),
            ("network:2001:db8:1::/48", Access::Allow),
        ]);
        for (address, access) in [
            ("10.2.0.1", Some(Access::Deny)),
            ("10.1.0.1", Some(Access::Proxy)),
            ("10.1.2.3", Some(Access::Proxy)),
            ("::ffff:10.2.0.1", Some(Access::Deny)),
            ("64:ff9b::192.0.2.77", Some(Access::Deny)),
            ("2002:c000:24d::1", Some(Access::Deny)),
            ("64:ff9b::10.2.0.1", None),
            ("2002:a01:1::1", None),
            ("192.0.2.77", Some(Access::Deny)),
            ("2001:db8::1", Some(Access::Deny)),
            ("2001:db8:1::1", Some(Access::Allow)),
            ("11.0.0.1", None),
            ("2001:db9::1", None),
        ] {
            assert_eq!(list.of_ip(ip(address)), access, "{address}");
        }
        assert_eq!(list.len(), 6);
    }

    #[test]
    fn all_of_one_family_is_nothing_of_the_other() {
        let v6 = list(&[("network:::/0", Access::Deny)]);
        for address in ["10.0.0.1", "::ffff:10.0.0.1", "64:ff9b::192.0.2.1", "2002:c000:201::"] {
            assert_eq!(v6.of_ip(ip(address)), None, "{address}");
        }
        assert_eq!(v6.of_ip(ip("2001:db8::1")), Some(Access::Deny));
        let v4 = list(&[("network:0.0.0.0/0", Access::Deny), ("network:::/80", Access::Allow)]);
        assert_eq!(v4.of_ip(ip("::ffff:10.0.0.1")), Some(Access::Deny));
        assert_eq!(v4.of_ip(ip("2001:db8::1")), None);
    }

    #[test]
    fn every_spelling_of_a_name_is_listed() {
        let list = list(&[("username:Müller ", Access::Deny), ("username:root", Access::Proxy)]);
        let of = |typed| list.of_username(&Username::new(typed).unwrap());
        for typed in ["müller", "MÜLLER", "mu\u{308}ller", "ｍüller"] {
            assert_eq!(of(typed), Some(Access::Deny), "{typed}");
        }
        assert_eq!(of("muller"), None);
        assert_eq!(of("root"), None, "a name is no proxy");
        let exact = [(Target::Username("Alice".into()), Access::Deny)];
        let exact = AccessList::new(&Names::Exact, exact);
        assert_eq!(exact.of_username(&Names::Exact.username("alice").unwrap()), None);
    }

    #[test]
    fn a_name_that_cannot_be_one_does_not_speak_for_all_that_cannot() {
        let nobody = Username::new("a\0b").unwrap();
        let by_slip = list(&[("username:al\u{1}ice", Access::Allow)]);
        assert_eq!(by_slip.of_username(&nobody), None);
        assert!(by_slip.is_empty());
        let meant = list(&[("username:\u{fffd}", Access::Deny)]);
        assert_eq!(meant.of_username(&nobody), Some(Access::Deny));
    }

    #[test]
    fn deny_goes_before_allow_before_proxy_between_name_and_address() {
        let list = list(&[
            ("username:good", Access::Allow),
            ("username:bad", Access::Deny),
            ("network:192.0.2.1", Access::Allow),
            ("network:192.0.2.2", Access::Deny),
            ("network:192.0.2.3", Access::Proxy),
        ]);
        let verdict = |name: &str, host: u8| {
            let ip = (host > 0).then(|| IpAddr::from([192, 0, 2, host]));
            match list.verdict(Username::new(name).as_ref(), ip) {
                Verdict::Denied(target) => format!("denied {target}"),
                Verdict::Allowed(target) => format!("allowed {target}"),
                Verdict::Counted { without_ip: true } => "without ip".into(),
                Verdict::Counted { .. } => "counted".into(),
            }
        };
        for (name, host, expected) in [
            ("", 0, "counted"),
            ("alice", 9, "counted"),
            ("alice", 1, "allowed network:192.0.2.1"),
            ("alice", 2, "denied network:192.0.2.2"),
            ("alice", 3, "without ip"),
            ("", 3, "without ip"),
            ("Good", 9, "allowed username:good"),
            ("good", 0, "allowed username:good"),
            ("good", 2, "denied network:192.0.2.2"),
            ("good", 3, "allowed username:good"),
            ("bad", 9, "denied username:bad"),
            ("bad", 1, "denied username:bad"),
            ("bad", 3, "denied username:bad"),
        ] {
            assert_eq!(verdict(name, host), expected, "{name} from {host}");
        }
    }

    /// Networks near one another, so that they hold one another and tie.
    fn networks() -> impl Strategy<Value = Vec<(Network, Access)>> {
        let access = prop_oneof![Just(Access::Allow), Just(Access::Deny), Just(Access::Proxy)];
        let network = prop_oneof![
            (0..16_u32, 24..=32_u8).prop_map(|(bits, prefix)| {
                Network::within(Ipv4Addr::from_bits(0x0a00_0000 | bits << 3).into(), prefix, 0)
            }),
            (0..16_u128, prop_oneof![Just(0), 60..=72_u8, Just(128)]).prop_map(|(bits, prefix)| {
                let address = Ipv6Addr::from_bits(0x2001_0db8 << 96 | bits << 61 | bits & 3);
                Network::of(address.into(), prefix)
            }),
            (any::<u32>(), 0..=8_u8).prop_map(|(bits, prefix)| {
                Network::within(Ipv4Addr::from_bits(bits).into(), prefix, 0)
            }),
        ];
        proptest::collection::vec((network, access), 0..40)
    }

    proptest! {
        #[test]
        fn a_list_says_what_looking_at_every_entry_says(
            entries in networks(),
            v4 in 0..128_u32,
            v6 in (0..16_u128, 0..4_u128),
        ) {
            let targets = entries.iter().map(|(network, access)| ((*network).into(), *access));
            let list = AccessList::new(&Names::default(), targets);
            let v4 = Ipv4Addr::from_bits(0x0a00_0000 | v4);
            let v6 = Ipv6Addr::from_bits(0x2001_0db8 << 96 | v6.0 << 61 | v6.1);
            let others = entries.iter().map(|(network, _)| network.address());
            for ip in [v4.into(), v6.into(), v4.to_ipv6_mapped().into()].into_iter().chain(others) {
                let holding = || entries.iter().filter(|(network, _)| network.contains(ip));
                let longest = holding().map(|(network, _)| network.prefix()).max();
                let said = holding().filter(|(network, _)| Some(network.prefix()) == longest);
                let said = said.map(|(_, access)| *access).reduce(Access::stricter);
                prop_assert_eq!(list.of_ip(ip), said, "{}", ip);
                let network = list.network_of(ip).map(|(_, network)| network);
                prop_assert_eq!(network.map(|network| network.prefix()), longest);
                prop_assert!(network.is_none_or(|network| network.contains(ip)));
            }
        }
    }
}
