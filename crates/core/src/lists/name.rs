//! What a list is called.

use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;

use super::ListError;
use crate::subject::shortened;

/// The name of a list: 1 to 64 of the characters `a-z 0-9 _ - . /`.
///
/// ```
/// use lockout_core::ListName;
///
/// let list: ListName = "devices/shop-1".parse()?;
/// assert_eq!(list.as_str(), "devices/shop-1");
/// assert!("Devices".parse::<ListName>().is_err());
/// # Ok::<(), lockout_core::ListError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListName(SmolStr);

impl ListName {
    /// The longest name.
    pub const MAX_LENGTH: usize = 64;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name that is known to be one.
    pub(crate) const fn known(name: &'static str) -> Self {
        Self(SmolStr::new_static(name))
    }
}

impl FromStr for ListName {
    type Err = ListError;

    fn from_str(text: &str) -> Result<Self, ListError> {
        let is_plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'/');
        let is_name = (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_plain);
        is_name.then(|| Self(SmolStr::new(text))).ok_or_else(|| ListError::Name(shortened(text)))
    }
}

impl fmt::Display for ListName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
