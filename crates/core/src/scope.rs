//! What counts are kept for, and which of them are kept apart.

use std::fmt;
use std::str::FromStr;

use crate::subject::{SubjectError, shortened};

/// What a count is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// The account name that was typed, whether or not such an account exists.
    Username,
    /// The client's address; for IPv6 its network.
    Ip,
    /// The wider network of the client's address, so that whoever changes addresses within it meets
    /// a limit too.
    Network,
    /// One username at one address.
    UsernameIp,
    /// A browser that somebody has logged in with before, while it tries his name.
    Device,
    /// All failures of such a browser's cookie, over the cookie's whole life.
    DeviceTotal,
    /// A count of the application's own: for a tenant, an API key, an e-mail address.
    Custom(CustomScope),
}

impl Scope {
    /// Every scope but the application's own, in the order in which an attempt's subjects are
    /// usually charged.
    pub const BUILT_IN: [Self; 6] = [
        Self::Device,
        Self::DeviceTotal,
        Self::Username,
        Self::Ip,
        Self::Network,
        Self::UsernameIp,
    ];

    /// A count of the application's own.
    ///
    /// # Errors
    /// If `name` is none that a [`CustomScope`] can have.
    pub fn custom(name: &str) -> Result<Self, SubjectError> {
        name.parse().map(Self::Custom)
    }

    fn built_in(name: &str) -> Option<Self> {
        Self::BUILT_IN.into_iter().find(|scope| scope.name() == name)
    }

    /// The scope's name in configuration, keys and events.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Username => "username",
            Self::Ip => "ip",
            Self::Network => "network",
            Self::UsernameIp => "username_ip",
            Self::Device => "device",
            Self::DeviceTotal => "device_total",
            Self::Custom(custom) => custom.name(),
        }
    }

    /// Whether strangers share its subjects, so that a success of one must not clear the failures of
    /// the others.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        matches!(self, Self::Ip | Self::Network)
    }

    /// Whether it counts attempts of trusted devices alone.
    #[must_use]
    pub const fn is_device(self) -> bool {
        matches!(self, Self::Device | Self::DeviceTotal)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = SubjectError;

    /// A built-in scope, or one of the application's own.
    fn from_str(name: &str) -> Result<Self, SubjectError> {
        Self::built_in(name).map_or_else(|| name.parse().map(Self::Custom), Ok)
    }
}

/// The name of a [scope](Scope::Custom) of the application's own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomScope(Name);

impl CustomScope {
    /// The most bytes of a name, of which there are at least two.
    pub const MAX_BYTES: usize = Name::MAX_BYTES;

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for CustomScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for CustomScope {
    type Err = SubjectError;

    /// # Errors
    /// If `name` is that of a built-in scope, or is not 2 to [16](Self::MAX_BYTES) of the characters
    /// `a-z 0-9 _`, beginning with a letter. (Stores may shorten built-in scopes to one letter.)
    fn from_str(name: &str) -> Result<Self, SubjectError> {
        let is_free = name.len() > 1 && Scope::built_in(name).is_none();
        let name_of_its_own = Name::new(name).filter(|_| is_free);
        name_of_its_own.map(Self).ok_or_else(|| SubjectError::Scope(shortened(name)))
    }
}

/// A name for counts that are kept apart from all others: those of one action, such as the entry of
/// one-time codes or the reset of passwords.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Name);

impl Namespace {
    /// The most bytes of a name.
    pub const MAX_BYTES: usize = Name::MAX_BYTES;

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Namespace {
    type Err = SubjectError;

    /// # Errors
    /// If it is not 1 to [16](Self::MAX_BYTES) of the characters `a-z 0-9 _`, beginning with a
    /// letter.
    fn from_str(name: &str) -> Result<Self, SubjectError> {
        Name::new(name).map(Self).ok_or_else(|| SubjectError::Namespace(shortened(name)))
    }
}

/// A short name that can be copied.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Name([u8; Self::MAX_BYTES]);

impl Name {
    const MAX_BYTES: usize = 16;

    fn new(name: &str) -> Option<Self> {
        let in_alphabet = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.len() <= Self::MAX_BYTES
            && name.bytes().all(in_alphabet);
        let mut bytes = [0; Self::MAX_BYTES];
        is_name.then(|| bytes[..name.len()].copy_from_slice(name.as_bytes()))?;
        Some(Self(bytes))
    }

    fn as_str(&self) -> &str {
        let length = self.0.iter().position(|b| *b == 0).unwrap_or(Self::MAX_BYTES);
        str::from_utf8(&self.0[..length]).unwrap_or_default()
    }
}

#[cfg(feature = "serde")]
mod text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use super::{CustomScope, Namespace, Scope};

    macro_rules! as_text {
        ($($name:ty),*) => {$(
            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(self.name())
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let name = String::deserialize(deserializer)?;
                    name.parse().map_err(de::Error::custom)
                }
            }
        )*};
    }

    as_text!(CustomScope, Namespace, Scope);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_and_its_name_are_one_to_one() {
        let own = ["tenant", "api_key", "email", "ab", "a2345678901234_6"];
        let own = own.map(|name| Scope::custom(name).unwrap());
        for scope in Scope::BUILT_IN.into_iter().chain(own) {
            assert_eq!(scope.name().parse(), Ok(scope));
            assert_eq!(scope.to_string(), scope.name());
        }
    }

    #[test]
    fn a_name_that_could_be_something_else_is_an_error() {
        for name in [
            "",
            "_a",
            "1a",
            "Tenant",
            "a b",
            "a:b",
            "a|b",
            "a/b",
            "a#b",
            "ä",
            "a\0",
            "a2345678901234567",
        ] {
            assert!(Scope::custom(name).is_err(), "{name:?}");
            assert!(name.parse::<Namespace>().is_err(), "{name:?}");
        }
        for name in Scope::BUILT_IN.iter().map(Scope::name).chain(["u", "i", "p"]) {
            assert!(Scope::custom(name).is_err(), "{name}");
        }
    }
}
