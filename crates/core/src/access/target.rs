//! What an access list names, and what it says of it.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::network::Network;
use crate::subject::{SubjectError, shortened};

/// What an access list says of a username or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Access {
    /// Never counted and never refused. A username that is allowed may be guessed at without limit
    /// from everywhere: allow networks, unless the name has another protection.
    Allow,
    /// Always refused.
    Deny,
    /// A proxy of one's own, if its address is ever taken for a client's: the address is never
    /// counted or locked, the usernames that come through it are. For networks only.
    Proxy,
}

impl Access {
    /// Its name for stores and configuration. It never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Proxy => "proxy",
        }
    }

    /// What holds of two that are said of the same: the one that lets in least.
    pub(super) fn stricter(self, other: Self) -> Self {
        let rank = |access| match access {
            Self::Allow => 0,
            Self::Proxy => 1,
            Self::Deny => 2,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Access {
    type Err = UnknownAccess;

    fn from_str(text: &str) -> Result<Self, UnknownAccess> {
        let all = [Self::Allow, Self::Deny, Self::Proxy];
        let found = all.into_iter().find(|access| access.as_str() == text);
        found.ok_or_else(|| UnknownAccess(shortened(text)))
    }
}

/// A text that is no [`Access`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no access: expected allow, deny or proxy")]
pub struct UnknownAccess(String);

/// What an entry of an access list is about. As text `username:alice` or `network:10.0.0.0/8`.
///
/// ```
/// use lockout_core::Target;
///
/// let target: Target = "network:203.0.113.9/24".parse()?;
/// assert_eq!(target.to_string(), "network:203.0.113.0/24");
/// # Ok::<(), lockout_core::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A username as it is typed: it means every spelling that counts as the same.
    Username(String),
    /// An address, or all addresses of a network. `::/0` holds no IPv4 address, `0.0.0.0/0` no IPv6.
    Network(Network),
}

impl From<Network> for Target {
    fn from(network: Network) -> Self {
        Self::Network(network)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Username(typed) => write!(f, "username:{typed}"),
            Self::Network(network) => write!(f, "network:{network}"),
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (kind, value) = text.split_once(':').unwrap_or_default();
        match kind {
            "username" if value.trim().is_empty() => Err(SubjectError::EmptyUsername.into()),
            "username" => Ok(Self::Username(value.to_owned())),
            "network" => Ok(Self::Network(value.parse()?)),
            _ => Err(TargetError::Kind(shortened(text))),
        }
    }
}

/// Why a text is no [`Target`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// It says neither of what kind it is.
    #[error("{0:?} is no target: expected `username:NAME` or `network:NETWORK`")]
    Kind(String),
    /// What stands behind that is no name or network.
    #[error(transparent)]
    Value(#[from] SubjectError),
}

#[cfg(feature = "serde")]
impl serde::Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_and_its_text_are_one() {
        for text in [
            "username:alice",
            "username:a:b",
            "username: Alice ",
            "username:network:10.0.0.0/8",
            "network:10.0.0.0/8",
            "network:192.0.2.1",
            "network:2001:db8::/32",
            "network:::/0",
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        let mapped: Target = "network:::ffff:10.1.2.3/104".parse().unwrap();
        assert_eq!(mapped.to_string(), "network:10.0.0.0/8");
    }

    #[test]
    fn what_is_no_target_is_a_named_error() {
        for (text, part) in [
            ("", "is no target"),
            ("alice", "is no target"),
            ("ip:192.0.2.1", "is no target"),
            ("Username:alice", "is no target"),
            ("username:", "empty"),
            ("username: ", "empty"),
            ("network:alice", "is no IP address or network"),
            ("network:10.0.0.0/33", "is no IP address or network"),
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
        assert!("Deny".parse::<Access>().is_err());
        for access in [Access::Allow, Access::Deny, Access::Proxy] {
            assert_eq!(access.to_string().parse(), Ok(access));
        }
    }
}
