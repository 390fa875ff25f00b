//! The key, and the token that it makes of a subject.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lockout_core::Subject;
use sha2::Sha256;

/// A key for [`Hashed`](super::Hashed). It is never shown.
#[derive(Clone)]
pub struct HashKey(Hmac<Sha256>);

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashKeyError {
    /// It could be guessed.
    #[error(
        "a hash key of {0} bytes is too short: at least 32 random bytes are needed, as \
         `openssl rand -hex 32` makes"
    )]
    TooShort(usize),
}

impl HashKey {
    /// The fewest bytes of a key.
    pub const MIN_BYTES: usize = 32;

    /// What is hashed before every subject: the key's other uses, if any, give other tokens.
    const PURPOSE: &'static [u8] = b"lockout subject 1\0";

    /// A key of these bytes, which should be random.
    ///
    /// # Errors
    /// If there are fewer than [32](Self::MIN_BYTES).
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, HashKeyError> {
        let bytes = bytes.as_ref();
        let too_short = HashKeyError::TooShort(bytes.len());
        if bytes.len() < Self::MIN_BYTES {
            return Err(too_short);
        }
        Hmac::new_from_slice(bytes).map(Self).map_err(|_| too_short)
    }

    /// The opaque subject that stands for `subject`; an opaque one stands for itself.
    pub(super) fn hide(&self, subject: &Subject) -> Subject {
        if subject.is_opaque() {
            return subject.clone();
        }
        let mut mac = self.0.clone();
        mac.update(Self::PURPOSE);
        mac.update(subject.scope().name().as_bytes());
        mac.update(b"\0");
        // The text begins with the scope again, and no two subjects share one.
        mac.update(subject.to_string().as_bytes());
        let token = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        let opaque = Subject::opaque(subject.scope(), &token);
        opaque.expect("base64url of 32 bytes is a token").within(subject.namespace())
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python: `hmac.digest(key, b"lockout subject 1\0username\0username:alice",
    /// "sha256")`.
    #[test]
    fn a_token_is_the_hmac_of_purpose_scope_and_text() {
        let key = HashKey::new([7; 32]).unwrap();
        let alice = Subject::username("alice").unwrap();
        assert_eq!(
            key.hide(&alice).to_string(),
            "username#YN-faLriZ-oHHN1Pwbp5JkBjf52OCLfjMUKOaaHQNq8"
        );
    }
}
