//! Who is counted: a [`Subject`] is one [`Scope`] with one value.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use smol_str::{SmolStr, StrExt as _};
use thiserror::Error;

/// What a count is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Scope {
    /// The account name that was typed, whether or not such an account exists.
    Username,
    /// The client's address; for IPv6 its network.
    Ip,
    /// One username at one address.
    UsernameIp,
}

impl Scope {
    /// Every scope, in the order in which an attempt's subjects are charged.
    pub const ALL: [Self; 3] = [Self::Username, Self::Ip, Self::UsernameIp];

    /// The scope's name in configuration, keys and events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Ip => "ip",
            Self::UsernameIp => "username_ip",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A username as it is counted: trimmed, in lower case, at most [`Username::MAX_CHARS`] long.
///
/// Every spelling that trims and folds to one name is one username. A longer name is cut between
/// two characters, so that a name of any size costs no more than the longest honest one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Username(SmolStr);

impl Username {
    /// The most characters of a name that are looked at.
    pub const MAX_CHARS: usize = 255;

    /// The username that `typed` stands for; `None` if nothing is left of it: an empty name is no
    /// name and is never counted.
    #[must_use]
    pub fn new(typed: &str) -> Option<Self> {
        let typed = first_chars(typed.trim());
        let folded = if typed.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
            SmolStr::new(typed)
        } else {
            // Folding can lengthen a name: `İ` becomes two characters.
            let folded = typed.to_lowercase_smolstr();
            SmolStr::new(first_chars(&folded))
        };
        (!folded.is_empty()).then_some(Self(folded))
    }

    /// The folded name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first [`Username::MAX_CHARS`] characters, without a space that the cut left at the end.
fn first_chars(name: &str) -> &str {
    name.char_indices().nth(Username::MAX_CHARS).map_or(name, |(end, _)| name[..end].trim_end())
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The addresses that count as one client: an IPv4 address, or an IPv6 network.
///
/// IPv6 is counted by network because one customer is usually given a whole /64 (RFC 6177); an
/// IPv4-mapped IPv6 address is the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// The first address, IPv4 as IPv4-mapped IPv6, which no other address here is. Two words are
    /// moved faster than the bytes of an `IpAddr`.
    bits: [u64; 2],
    prefix: u8,
}

impl Network {
    /// What makes the second word of an IPv4-mapped address, whose first is zero.
    const MAPPED: u64 = 0xffff_0000_0000;

    /// The network of `address`, with `prefix_v6` bits (at most 128) if it is IPv6.
    #[must_use]
    pub fn of(address: IpAddr, prefix_v6: u8) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                Self { bits: [0, Self::MAPPED | u64::from(v4.to_bits())], prefix: 128 }
            }
            IpAddr::V6(v6) => {
                let prefix = prefix_v6.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                let bits = v6.to_bits() & mask;
                let word = |bits: u128| u64::try_from(bits).unwrap_or(u64::MAX);
                Self { bits: [word(bits >> 64), word(bits & u128::from(u64::MAX))], prefix }
            }
        }
    }

    /// The network's first address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        let [high, low] = self.bits.map(u128::from);
        IpAddr::V6(Ipv6Addr::from_bits(high << 64 | low)).to_canonical()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address(), self.prefix) {
            (address, 128) => address.fmt(f),
            (address, prefix) => write!(f, "{address}/{prefix}"),
        }
    }
}

impl FromStr for Network {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let wrong = || SubjectError::Address(shortened(text));
        let (address, prefix) = match text.split_once('/') {
            None => (text, 128),
            Some((address, prefix)) => (address, prefix.parse().map_err(|_| wrong())?),
        };
        let address = address.parse::<IpAddr>().map_err(|_| wrong())?;
        let whole_v4 = prefix == 32 || (prefix == 128 && !text.contains('/'));
        if prefix > 128 || (matches!(address, IpAddr::V4(_)) && !whole_v4) {
            return Err(wrong());
        }
        Ok(Self::of(address, prefix))
    }
}

/// One scope with one value: what a store keeps a record for.
///
/// Its text, `ip:203.0.113.7`, is its key in every store. In the text of a pair the address comes
/// first (`username_ip:203.0.113.7|alice`): an address cannot contain the separator, so no username
/// can make the text of another pair.
///
/// ```
/// use lockout_core::Subject;
///
/// let subject: Subject = "username: Alice".parse()?;
/// assert_eq!(subject, Subject::username("alice").unwrap());
/// assert_eq!(subject.to_string(), "username:alice");
/// # Ok::<_, lockout_core::SubjectError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(Value);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Value {
    Username(Username),
    Ip(Network),
    UsernameIp(Network, Username),
    Opaque(Scope, SmolStr),
}

impl Subject {
    /// The most characters of an [opaque](Self::opaque) subject's token.
    pub const MAX_TOKEN_CHARS: usize = 64;

    /// The subject of a username as typed; `None` if it is empty.
    #[must_use]
    pub fn username(typed: &str) -> Option<Self> {
        Username::new(typed).map(Self::from)
    }

    /// The subject of an address, or of its network if it is IPv6.
    #[must_use]
    pub fn ip(address: IpAddr, prefix_v6: u8) -> Self {
        Network::of(address, prefix_v6).into()
    }

    /// The subject of one username at one address.
    #[must_use]
    pub const fn username_ip(username: Username, network: Network) -> Self {
        Self(Value::UsernameIp(network, username))
    }

    /// A subject of `scope` of which only a token is known, such as a keyed hash of its value; its
    /// text is `username#TOKEN`, which no other subject has.
    ///
    /// # Errors
    /// If the token is not 1 to [64](Self::MAX_TOKEN_CHARS) characters of `A-Z a-z 0-9 - _`, the
    /// alphabet of base64url (RFC 4648).
    pub fn opaque(scope: Scope, token: &str) -> Result<Self, SubjectError> {
        let in_alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !(1..=Self::MAX_TOKEN_CHARS).contains(&token.len()) || !token.bytes().all(in_alphabet) {
            return Err(SubjectError::Token(shortened(token)));
        }
        Ok(Self(Value::Opaque(scope, SmolStr::new(token))))
    }

    /// Whether only a token of its value is known.
    #[must_use]
    pub const fn is_opaque(&self) -> bool {
        matches!(self.0, Value::Opaque(..))
    }

    /// What the count is kept for.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        match self.0 {
            Value::Opaque(scope, _) => scope,
            Value::Username(_) => Scope::Username,
            Value::Ip(_) => Scope::Ip,
            Value::UsernameIp(..) => Scope::UsernameIp,
        }
    }
}

impl From<Username> for Subject {
    fn from(username: Username) -> Self {
        Self(Value::Username(username))
    }
}

impl From<Network> for Subject {
    fn from(network: Network) -> Self {
        Self(Value::Ip(network))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = self.scope();
        match &self.0 {
            Value::Username(username) => write!(f, "{scope}:{username}"),
            Value::Ip(network) => write!(f, "{scope}:{network}"),
            Value::UsernameIp(network, username) => write!(f, "{scope}:{network}|{username}"),
            Value::Opaque(_, token) => write!(f, "{scope}#{token}"),
        }
    }
}

impl fmt::Debug for Subject {
    /// The text with control characters escaped, so that a name cannot forge a log line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_string().escape_debug().try_for_each(|c| f.write_char(c))
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let wrong_scope = || SubjectError::Scope(shortened(text));
        let Some((scope, value)) = text.split_once(':') else {
            let (scope, token) = text.split_once('#').ok_or_else(wrong_scope)?;
            let known = Scope::ALL.into_iter().find(|known| known.name() == scope);
            return Self::opaque(known.ok_or_else(wrong_scope)?, token);
        };
        let username = |name| Username::new(name).ok_or(SubjectError::EmptyUsername);
        match scope {
            "username" => Ok(username(value)?.into()),
            "ip" => Ok(value.parse::<Network>()?.into()),
            "username_ip" => {
                let (network, name) =
                    value.split_once('|').ok_or_else(|| SubjectError::Pair(shortened(value)))?;
                Ok(Self::username_ip(username(name)?, network.parse()?))
            }
            _ => Err(wrong_scope()),
        }
    }
}

/// Why a text is not a subject.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubjectError {
    /// The text does not begin with a scope.
    #[error(
        "{0:?} is no subject: expected `username:NAME`, `ip:ADDRESS` or `username_ip:ADDRESS|NAME`"
    )]
    Scope(String),
    /// A username is empty.
    #[error("a username is empty; an empty username is never counted or locked")]
    EmptyUsername,
    /// An address cannot be read.
    #[error("{0:?} is no IP address or IPv6 network")]
    Address(String),
    /// A pair lacks its separator.
    #[error("{0:?} is no pair: expected `ADDRESS|NAME`")]
    Pair(String),
    /// The token of an opaque subject has a character or a length that no token has.
    #[error("{0:?} is no token: expected 1 to 64 characters of A-Z a-z 0-9 - _")]
    Token(String),
}

/// The beginning of a text that a client sent, for an error message of bounded size.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use proptest::prelude::*;

    fn network(address: &str, prefix_v6: u8) -> String {
        Network::of(address.parse().unwrap(), prefix_v6).to_string()
    }

    #[test]
    fn spellings_of_one_name_are_one_subject() {
        let alice = Subject::username("alice");
        for typed in ["Alice", "ALICE", " alice ", "\talice\n", "alice\u{a0}", "\u{3000}alice"] {
            assert_eq!(Subject::username(typed), alice, "{typed:?}");
        }
        assert_ne!(Subject::username("alice2"), alice);
        assert_eq!(Subject::username("MÜLLER"), Subject::username("müller"));
    }

    #[test]
    fn an_empty_name_is_no_subject() {
        for typed in ["", " ", "\r\n\t", "\u{2003}"] {
            assert_eq!(Subject::username(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let long = "é".repeat(Username::MAX_CHARS + 1);
        assert_eq!(Username::new(&long).unwrap().as_str(), "é".repeat(Username::MAX_CHARS));
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
    fn no_name_makes_the_text_of_another_subject() {
        let forged = Subject::username("x|203.0.113.7").unwrap();
        assert_eq!(forged.to_string().parse(), Ok(forged));
        let address = Network::of(Ipv4Addr::LOCALHOST.into(), 64);
        let pair = Subject::username_ip(Username::new("::1|bob").unwrap(), address);
        assert_eq!(pair.to_string(), "username_ip:127.0.0.1|::1|bob");
        assert_eq!(pair.to_string().parse(), Ok(pair));
    }

    #[test]
    fn an_opaque_subject_is_its_token_and_no_name_forges_it() {
        for scope in Scope::ALL {
            let opaque = Subject::opaque(scope, "Ab-_9").unwrap();
            assert_eq!(opaque.to_string(), format!("{scope}#Ab-_9"));
            assert_eq!(opaque.to_string().parse(), Ok(opaque.clone()));
            assert_eq!(opaque.scope(), scope);
            assert_ne!(Subject::username("#Ab-_9"), Some(opaque));
        }
        for token in ["", "a:b", "a b", "a\n", "ä", &"x".repeat(65)] {
            let error = Subject::opaque(Scope::Ip, token).unwrap_err();
            assert_eq!(error, SubjectError::Token(token.into()));
        }
        assert!("user#abc".parse::<Subject>().is_err());
    }

    #[test]
    fn debug_cannot_forge_a_log_line() {
        let subject = Subject::username("a\r\nroot logged in\u{1b}[2J").unwrap();
        assert_eq!(format!("{subject:?}"), r"username:a\r\nroot logged in\u{1b}[2j");
    }

    #[test]
    fn a_bad_text_is_a_named_error() {
        for text in
            ["alice", "user:alice", "ip:300.1.1.1", "ip:10.0.0.0/8", "ip:::1/129", "username:"]
        {
            assert!(text.parse::<Subject>().is_err(), "{text}");
        }
        assert_eq!("username_ip:bob".parse::<Subject>(), Err(SubjectError::Pair("bob".into())));
    }

    proptest! {
        #[test]
        fn text_and_subject_are_one_to_one(name in "\\PC{0,300}", v6 in any::<u128>(), prefix in 0..=128_u8) {
            let network = Network::of(Ipv6Addr::from_bits(v6).into(), prefix);
            let mut subjects = vec![Subject::from(network)];
            if let Some(username) = Username::new(&name) {
                subjects.push(username.clone().into());
                subjects.push(Subject::username_ip(username, network));
            }
            for subject in subjects {
                let text = subject.to_string();
                prop_assert_eq!(text.parse::<Subject>(), Ok(subject), "{}", text);
            }
        }

        #[test]
        fn anything_parses_or_is_refused(text in ".*") {
            let _ = text.parse::<Subject>();
        }
    }
}
