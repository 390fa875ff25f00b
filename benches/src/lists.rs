//! Access lists: a look-up among many networks beside one by the exact address.

use std::collections::HashMap;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use lockout_core::{Access, AccessList, AccessLists, Names, Network, Target, Timestamp, Username};

use crate::scenario::{AtMost, Load, SUBJECTS, Scenario, ready};

/// How many networks and names are listed.
const LISTED: u32 = 100_000;

/// Looks for the address, the name, or both.
type LookUp = Box<dyn Fn(IpAddr, &Username) + Send + Sync>;

/// Numbers that look like chance, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u8) -> u8 {
        u8::try_from(self.next() % u64::from(limit)).unwrap_or(0)
    }

    fn address(&mut self, is_v4: bool) -> IpAddr {
        let (high, low) = (self.next(), self.next());
        match is_v4 {
            true => Ipv4Addr::from_bits(u32::try_from(high >> 32).unwrap_or(0)).into(),
            // What is given out for hosts begins with 001.
            false => {
                Ipv6Addr::from_bits(1 << 125 | (u128::from(high) << 64 | u128::from(low)) >> 3)
                    .into()
            }
        }
    }
}

/// Networks of both families, and an address for each of the subjects: every second one is in a
/// network that is listed.
fn networks() -> (Vec<Network>, Vec<IpAddr>) {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut networks = Vec::new();
    for number in 0..LISTED {
        let address = numbers.address(number % 5 < 3);
        let (v4, v6) = (16 + numbers.below(17), 32 + numbers.below(33));
        networks.push(Network::within(address, v4, v6));
    }
    let addresses = networks.iter().zip(0..SUBJECTS).map(|(network, number)| match number % 2 {
        0 => network.address(),
        _ => numbers.address(number % 5 < 3),
    });
    let addresses = addresses.collect();
    (networks, addresses)
}

/// Looking for an address, for a name, and for both with all that a guard asks first.
///
/// # Panics
/// Never: the names are names.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let (networks, addresses) = networks();
    let names: Vec<_> = (0..SUBJECTS)
        .map(|number| Username::new(&format!("user-{number:06}")).expect("a name"))
        .collect();
    let entries: Vec<_> = networks
        .iter()
        .map(|network| (Target::from(*network), Access::Deny))
        .chain(names.iter().map(|name| (Target::Username(name.to_string()), Access::Allow)))
        .collect();
    let list = Arc::new(AccessList::new(&Names::default(), entries.clone()));
    let lists = AccessLists::fixed(entries);
    let known: HashMap<IpAddr, Access> =
        addresses.iter().step_by(2).map(|address| (*address, Access::Deny)).collect();
    let (known, addresses, names) = (Arc::new(known), Arc::new(addresses), Arc::new(names));
    let scenario = |what: &str, at_most, ours: LookUp| {
        let (known, addresses, names) =
            (Arc::clone(&known), Arc::clone(&addresses), Arc::clone(&names));
        let at = |number: u32| usize::try_from(number).unwrap_or(0);
        let of_floor = Arc::clone(&addresses);
        Scenario {
            what: format!("lists: {what}"),
            floor_name: "HashMap by the exact address",
            floor: Box::new(move |number| {
                black_box(known.get(&of_floor[at(number)]));
            }),
            ours: Box::new(move |number| ours(addresses[at(number)], &names[at(number)])),
            load: Load::Uniform,
            threads: 1,
            at_most,
        }
    };
    let (of_ip, of_name) = (Arc::clone(&list), list);
    let empty = AccessLists::default();
    vec![
        scenario("an address in 100,000 networks", AtMost::Times(6.0), {
            Box::new(move |ip, _| {
                black_box(of_ip.of_ip(ip));
            })
        }),
        scenario("a name in 100,000", AtMost::Open, {
            Box::new(move |_, name| {
                black_box(of_name.of_username(name));
            })
        }),
        scenario("the verdict of 200,000, current list", AtMost::Open, {
            Box::new(move |ip, name| {
                let (list, _) = ready(lists.current(&Names::Precis, Timestamp::from_millis(0)));
                drop(black_box(list.verdict(Some(name), Some(ip))));
            })
        }),
        scenario("the verdict of an empty list", AtMost::Open, {
            Box::new(move |ip, name| {
                let (list, _) = ready(empty.current(&Names::Precis, Timestamp::from_millis(0)));
                drop(black_box(list.verdict(Some(name), Some(ip))));
            })
        }),
    ]
}
