//! Who is counted: a [`Subject`] is one [`Scope`] with one value.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::str::FromStr;

use smol_str::SmolStr;
use thiserror::Error;

use crate::device::DeviceId;
use crate::names::Username;
use crate::network::Network;
use crate::rule::Rule;
use crate::scope::{CustomScope, Namespace, Scope};

/// One scope with one value: what a store keeps a record for.
///
/// Its text, `ip:203.0.113.7`, is its key in every store. In the text of a pair the address comes
/// first (`username_ip:203.0.113.7|alice`): an address cannot contain the separator, so no username
/// can make the text of another pair. A subject within a [`Namespace`] has its name and a slash in
/// front (`otp/username:alice`).
///
/// A text is read as it is written, since it is a store's; [`Policy::subject`] reads what a person
/// types.
///
/// ```
/// use lockout_core::{Policy, Subject};
///
/// let subject: Subject = "username:alice".parse()?;
/// assert_eq!(Some(&subject), Subject::username(" Alice").as_ref());
/// assert_eq!(subject.to_string(), "username:alice");
/// assert_eq!(Policy::default().subject("username: Alice"), Ok(subject));
/// # Ok::<_, lockout_core::SubjectError>(())
/// ```
///
/// [`Policy::subject`]: crate::Policy::subject
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(Place);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Place {
    Everywhere(Value),
    /// In a box, so that what has no namespace, which is most, carries no room for one.
    Within(Box<(Namespace, Value)>),
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Value {
    Username(Username),
    Ip(Network),
    Network(Network),
    UsernameIp(Network, Username),
    Device(DeviceId),
    DeviceTotal(DeviceId),
    Custom(CustomScope, Username),
    Opaque(Scope, SmolStr),
}

impl Subject {
    /// The most characters of an [opaque](Self::opaque) subject's token.
    pub const MAX_TOKEN_CHARS: usize = 64;

    /// The subject of a username as typed, folded as [`Username::new`] does; `None` if it is empty.
    #[must_use]
    pub fn username(typed: &str) -> Option<Self> {
        Username::new(typed).map(Self::from)
    }

    /// The subject of an address, or of its network if it is IPv6.
    #[must_use]
    pub fn ip(address: IpAddr, prefix_v6: u8) -> Self {
        Network::of(address, prefix_v6).into()
    }

    /// The subject of the wider network of an address.
    #[must_use]
    pub const fn network(network: Network) -> Self {
        Self(Place::Everywhere(Value::Network(network)))
    }

    /// The subject of one username at one address.
    #[must_use]
    pub const fn username_ip(username: Username, network: Network) -> Self {
        Self(Place::Everywhere(Value::UsernameIp(network, username)))
    }

    /// The subject of a device's failures since its last success, or of all its failures.
    pub(crate) const fn device(device: DeviceId, total: bool) -> Self {
        let value = if total { Value::DeviceTotal(device) } else { Value::Device(device) };
        Self(Place::Everywhere(value))
    }

    /// The subject of a value in a scope of the application's own.
    #[must_use]
    pub const fn custom(scope: CustomScope, value: Username) -> Self {
        Self(Place::Everywhere(Value::Custom(scope, value)))
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
        Ok(Self(Place::Everywhere(Value::Opaque(scope, SmolStr::new(token)))))
    }

    /// Whether only a token of its value is known.
    #[must_use]
    pub const fn is_opaque(&self) -> bool {
        matches!(self.value(), Value::Opaque(..))
    }

    /// The same subject within `namespace`, or outside of any.
    #[must_use]
    pub fn within(self, namespace: Option<Namespace>) -> Self {
        let value = match self.0 {
            Place::Everywhere(value) => value,
            Place::Within(inner) => inner.1,
        };
        Self(match namespace {
            Some(namespace) => Place::Within(Box::new((namespace, value))),
            None => Place::Everywhere(value),
        })
    }

    /// The namespace in which it is counted, if there is one.
    #[must_use]
    pub const fn namespace(&self) -> Option<Namespace> {
        match &self.0 {
            Place::Everywhere(_) => None,
            Place::Within(inner) => Some(inner.0),
        }
    }

    /// What the count is kept for.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        match *self.value() {
            Value::Opaque(scope, _) => scope,
            Value::Username(_) => Scope::Username,
            Value::Ip(_) => Scope::Ip,
            Value::Network(_) => Scope::Network,
            Value::UsernameIp(..) => Scope::UsernameIp,
            Value::Device(_) => Scope::Device,
            Value::DeviceTotal(_) => Scope::DeviceTotal,
            Value::Custom(scope, _) => Scope::Custom(scope),
        }
    }

    /// The device of which it counts the failures, if it is a subject of one.
    pub(crate) const fn as_device(&self) -> Option<DeviceId> {
        match self.value() {
            Value::Device(device) | Value::DeviceTotal(device) => Some(*device),
            _ => None,
        }
    }

    /// What is counted under `rule` for the address of this subject.
    pub(crate) fn widened(self, rule: &Rule) -> Self {
        let namespace = self.namespace();
        let widened = |network: Network| {
            let prefix_v6 = rule.prefix_v6().min(network.prefix());
            let prefix_v4 = rule.prefix_v4().min(network.prefix());
            Network::within(network.address(), prefix_v4, prefix_v6)
        };
        let subject = match self.value() {
            Value::Ip(network) => widened(*network).into(),
            Value::Network(network) => Self::network(widened(*network)),
            Value::UsernameIp(network, username) => {
                Self::username_ip(username.clone(), widened(*network))
            }
            _ => return self,
        };
        subject.within(namespace)
    }

    const fn value(&self) -> &Value {
        match &self.0 {
            Place::Everywhere(value) => value,
            Place::Within(inner) => &inner.1,
        }
    }
}

impl From<Username> for Subject {
    fn from(username: Username) -> Self {
        Self(Place::Everywhere(Value::Username(username)))
    }
}

impl From<Network> for Subject {
    fn from(network: Network) -> Self {
        Self(Place::Everywhere(Value::Ip(network)))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = self.namespace() {
            write!(f, "{namespace}/")?;
        }
        let scope = self.scope();
        match self.value() {
            Value::Username(name) | Value::Custom(_, name) => write!(f, "{scope}:{name}"),
            Value::Ip(network) | Value::Network(network) => write!(f, "{scope}:{network}"),
            Value::UsernameIp(network, username) => write!(f, "{scope}:{network}|{username}"),
            Value::Device(device) | Value::DeviceTotal(device) => write!(f, "{scope}:{device}"),
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
        Self::read(text, Username::written)
    }
}

impl Subject {
    /// The subject of `text`, whose names `read_name` reads.
    pub(crate) fn read(
        text: &str,
        read_name: impl Fn(&str) -> Option<Username>,
    ) -> Result<Self, SubjectError> {
        let unknown = || SubjectError::Scope(shortened(text));
        let (end, separator) =
            text.char_indices().find(|(_, c)| !is_in_name(*c)).ok_or_else(unknown)?;
        let (head, value) = (&text[..end], &text[end + separator.len_utf8()..]);
        if separator == '/' {
            let namespace = head.parse()?;
            let subject = Self::read(value, read_name)?;
            // A namespace within another is nobody's.
            let is_nested = subject.namespace().is_some();
            return if is_nested { Err(unknown()) } else { Ok(subject.within(Some(namespace))) };
        }
        let scope: Scope = head.parse().map_err(|_| unknown())?;
        let name = |name: &str| {
            read_name(name).ok_or_else(|| match name.trim() {
                "" => SubjectError::EmptyUsername,
                _ => SubjectError::Name(shortened(name)),
            })
        };
        match (separator, scope) {
            ('#', scope) => Self::opaque(scope, value),
            (':', Scope::Username) => Ok(name(value)?.into()),
            (':', Scope::Ip) => Ok(value.parse::<Network>()?.into()),
            (':', Scope::Network) => Ok(Self::network(value.parse()?)),
            (':', Scope::UsernameIp) => {
                let (network, username) =
                    value.split_once('|').ok_or_else(|| SubjectError::Pair(shortened(value)))?;
                Ok(Self::username_ip(name(username)?, network.parse()?))
            }
            (':', Scope::Device) => Ok(Self::device(value.parse()?, false)),
            (':', Scope::DeviceTotal) => Ok(Self::device(value.parse()?, true)),
            (':', Scope::Custom(scope)) => Ok(Self::custom(scope, name(value)?)),
            _ => Err(unknown()),
        }
    }
}

/// The characters of scopes' and namespaces' names.
const fn is_in_name(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '_')
}

/// Why a text is not a subject.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubjectError {
    /// The text does not begin with a scope.
    #[error(
        "{0:?} is no subject: expected `username:NAME`, `ip:ADDRESS`, `username_ip:ADDRESS|NAME`, \
         or another scope: 2 to 16 of a-z, 0-9 and _, a letter first"
    )]
    Scope(String),
    /// The text begins with something else than a namespace.
    #[error("{0:?} is no namespace: expected 1 to 16 of a-z, 0-9 and _, a letter first")]
    Namespace(String),
    /// A username is empty.
    #[error("a username is empty; an empty username is never counted or locked")]
    EmptyUsername,
    /// A name is longer than any that is counted.
    #[error("{0:?} is too long: names have at most 255 characters")]
    Name(String),
    /// An address cannot be read.
    #[error("{0:?} is no IP address or network")]
    Address(String),
    /// A pair lacks its separator.
    #[error("{0:?} is no pair: expected `ADDRESS|NAME`")]
    Pair(String),
    /// A device has another form.
    #[error("{0:?} is no device: expected 32 digits of 0-9 and a-f")]
    Device(String),
    /// The token of an opaque subject has a character or a length that no token has.
    #[error("{0:?} is no token: expected 1 to 64 characters of A-Z a-z 0-9 - _")]
    Token(String),
    /// No rule of the policy counts for the scope.
    #[error("{0}: the policy has no rule for this scope, so nothing is counted for it")]
    NoRule(Scope),
}

/// The beginning of a text that a client sent, for an error message of bounded size.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;
    use proptest::prelude::*;

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
        for scope in Scope::BUILT_IN {
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
        assert!("User#abc".parse::<Subject>().is_err());
    }

    #[test]
    fn debug_cannot_forge_a_log_line() {
        // What is typed like this is no name; what a store has kept may be anything.
        let text = "username:a\r\nroot logged in\u{1b}[2J";
        let subject: Subject = text.parse().unwrap();
        assert_eq!(format!("{subject:?}"), r"username:a\r\nroot logged in\u{1b}[2J");
    }

    #[test]
    fn a_bad_text_is_a_named_error() {
        for text in [
            "alice",
            "User:alice",
            "ip:300.1.1.1",
            "ip:10.0.0.0/33",
            "ip:::1/129",
            "username:",
            "otp/otp/username:alice",
            "OTP/username:alice",
            "/username:alice",
            "device:12",
            "device:0123456789abcdef0123456789ABCDEF",
            "device:é123456789abcdef0123456789abcde",
        ] {
            assert!(text.parse::<Subject>().is_err(), "{text}");
        }
        assert_eq!("username_ip:bob".parse::<Subject>(), Err(SubjectError::Pair("bob".into())));
    }

    proptest! {
        #[test]
        fn text_and_subject_are_one_to_one(
            name in "\\PC{0,300}",
            v6 in any::<u128>(),
            prefix in 0..=128_u8,
            device in any::<[u8; 16]>(),
        ) {
            let network = Network::of(Ipv6Addr::from_bits(v6).into(), prefix);
            let device = DeviceId::new(device);
            let mut subjects = vec![
                Subject::from(network),
                Subject::network(network),
                Subject::device(device, false),
                Subject::device(device, true),
            ];
            if let Some(username) = Username::new(&name) {
                subjects.push(username.clone().into());
                subjects.push(Subject::username_ip(username.clone(), network));
                subjects.push(Subject::custom("tenant".parse().unwrap(), username));
            }
            let mut seen = HashSet::new();
            for namespace in [None, Some("otp".parse().unwrap()), Some("reset".parse().unwrap())] {
                for subject in subjects.iter().map(|subject| subject.clone().within(namespace)) {
                    let text = subject.to_string();
                    prop_assert_eq!(text.parse::<Subject>(), Ok(subject.clone()), "{}", text);
                    prop_assert!(seen.insert(text));
                    prop_assert_eq!(subject.namespace(), namespace);
                }
            }
        }

        #[test]
        fn anything_parses_or_is_refused(text in ".*") {
            let _ = text.parse::<Subject>();
        }
    }
}
