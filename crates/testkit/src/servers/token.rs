//! Random names and passwords.

use std::hash::{BuildHasher as _, RandomState};

/// 32 hexadecimal digits that nobody else comes up with.
pub(super) fn token() -> String {
    let part = || RandomState::new().hash_one("token");
    format!("{:016x}{:016x}", part(), part())
}
