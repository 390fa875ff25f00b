//! Who logs in.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::Arc;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::app::accounts::{ACCOUNTS, PASSWORD};
use crate::driver::{Login, Logins};

/// A password that no account has.
pub const WRONG: &str = "wrong";

/// One login in twenty is a typing error: one before each nineteen accounts that are taken, as its
/// right password comes too.
const ACCOUNTS_FOR_A_TYPO: u32 = 19;
/// So many logins later the user tries again. By then the first one has been answered: it is more
/// than any load here has under way.
const AGAIN_AFTER: u64 = 100;

/// What the logins of a turn are. None of them is an attack on a name or comes from an address twice
/// within sixteen million, so that no lockout should refuse any: answers are counted, to see it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// Every account in an order that looks like none, with the right password.
    AllSuccess,
    /// The same, but one login in twenty is a typing error; its user comes back with the right one.
    Mixed,
    /// Guesses at names that were never seen before (credential stuffing), each wrong: the store has
    /// something new to keep with every one, and nothing locks. But a store of bounded memory is full
    /// at some time (`MokaStore` after 50,000 such logins: a name and an address each), and may then
    /// count newcomers together and refuse some.
    AllFailures,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AllSuccess, Self::Mixed, Self::AllFailures];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllSuccess => "all-success",
            Self::Mixed => "mixed",
            Self::AllFailures => "all-failures",
        }
    }

    /// Its logins, endless and the same in every run.
    #[must_use]
    pub fn logins(self) -> Logins {
        match self {
            Self::AllSuccess => Logins::new(successes()),
            Self::Mixed => Logins::new(mixed()),
            Self::AllFailures => Logins::new(failures()),
        }
    }
}

fn successes() -> impl Iterator<Item = Login> {
    accounts().zip(addresses()).map(|(username, from)| Login {
        username,
        password: PASSWORD,
        from: from.into(),
    })
}

fn failures() -> impl Iterator<Item = Login> {
    (0_u64..).zip(addresses()).map(|(number, from)| Login {
        username: format!("guess{number}").into(),
        password: WRONG,
        from: from.into(),
    })
}

/// Honest users, some of whom mistype.
struct Mixed<A, F> {
    accounts: A,
    addresses: F,
    random: fastrand::Rng,
    sent: u64,
    /// Who tries again, and when.
    again: VecDeque<(u64, Arc<str>)>,
}

fn mixed() -> impl Iterator<Item = Login> {
    let random = fastrand::Rng::with_seed(5);
    let (accounts, addresses) = (accounts(), addresses());
    Mixed { accounts, addresses, random, sent: 0, again: VecDeque::new() }
}

impl<A, F> Iterator for Mixed<A, F>
where
    A: Iterator<Item = Arc<str>>,
    F: Iterator<Item = Ipv4Addr>,
{
    type Item = Login;

    fn next(&mut self) -> Option<Login> {
        self.sent += 1;
        let from = self.addresses.next()?.into();
        if self.again.front().is_some_and(|(when, _)| *when <= self.sent)
            && let Some((_, username)) = self.again.pop_front()
        {
            return Some(Login { username, password: PASSWORD, from });
        }
        let username = self.accounts.next()?;
        let mistypes = self.random.u32(..ACCOUNTS_FOR_A_TYPO) == 0;
        if mistypes {
            self.again.push_back((self.sent + AGAIN_AFTER, Arc::clone(&username)));
        }
        Some(Login { username, password: if mistypes { WRONG } else { PASSWORD }, from })
    }
}

/// The accounts in a fixed order that looks like none, over and over.
fn accounts() -> impl Iterator<Item = Arc<str>> {
    let mut names: Vec<Arc<str>> =
        (0..ACCOUNTS).map(|number| format!("user{number}").into()).collect();
    fastrand::Rng::with_seed(9).shuffle(&mut names);
    (0..names.len()).cycle().map(move |which| Arc::clone(&names[which]))
}

/// The addresses of 10.0.0.0/8, over and over.
fn addresses() -> impl Iterator<Item = Ipv4Addr> {
    let network = u32::from(Ipv4Addr::new(10, 0, 0, 0));
    (0..1 << 24).cycle().map(move |host: u32| Ipv4Addr::from(network | host))
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    fn first(scenario: Scenario, count: usize) -> Vec<Login> {
        let logins = scenario.logins();
        std::iter::from_fn(|| logins.take()).take(count).collect()
    }

    #[test]
    fn successes_are_right_and_take_every_account_once_before_any_comes_again() {
        let count = usize::try_from(ACCOUNTS).unwrap();
        let logins = first(Scenario::AllSuccess, 2 * count);
        assert!(logins.iter().all(|login| login.password == PASSWORD));
        for deck in logins.chunks(count) {
            let names: HashSet<_> = deck.iter().map(|login| &login.username).collect();
            assert_eq!(names.len(), count);
        }
    }

    #[test]
    fn guessed_names_are_never_those_of_accounts_and_never_the_same() {
        let logins = first(Scenario::AllFailures, 50_000);
        let names: HashSet<_> = logins.iter().map(|login| &login.username).collect();
        assert_eq!(names.len(), logins.len());
        assert!(logins.iter().all(|login| login.password != PASSWORD));
        assert!(!names.iter().any(|name| name.starts_with("user")));
    }

    #[test]
    fn one_login_in_twenty_is_a_typing_error() {
        let logins = first(Scenario::Mixed, 100_000);
        let typos = logins.iter().filter(|login| login.password == WRONG).count();
        assert!((4_700..5_300).contains(&typos), "{typos}");
    }

    #[test]
    fn who_mistypes_comes_back_with_the_right_password() {
        let logins = first(Scenario::Mixed, 100_000);
        let mut waiting = HashMap::new();
        for (number, login) in logins.iter().enumerate() {
            if login.password == WRONG {
                assert!(waiting.insert(&login.username, number).is_none(), "twice in a row");
            } else if let Some(typo) = waiting.remove(&login.username) {
                assert!((100..150).contains(&(number - typo)), "{}", number - typo);
            }
        }
        assert!(waiting.values().all(|typo| typo + 150 > logins.len()), "{waiting:?}");
    }

    #[test]
    fn no_address_comes_twice() {
        for scenario in Scenario::ALL {
            let logins = first(scenario, 100_000);
            let addresses: HashSet<_> = logins.iter().map(|login| login.from).collect();
            assert_eq!(addresses.len(), logins.len());
            let network = Ipv4Addr::new(10, 0, 0, 0).octets()[0];
            assert!(logins.iter().all(|login| match login.from {
                std::net::IpAddr::V4(address) => address.octets()[0] == network,
                std::net::IpAddr::V6(_) => false,
            }));
        }
    }
}
