//! Accounts, and how a password is checked.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::Result;
use crate::contender::Hash;

/// How many accounts every contender has: `user0`, `user1`, …
pub const ACCOUNTS: u32 = 10_000;
/// The password of each.
pub const PASSWORD: &str = "correct horse";

/// What stands before the password when it is hashed the fast way.
const SALT: &[u8] = b"pepper and salt!";

/// The accounts of the sample app.
#[derive(Debug)]
pub struct Accounts {
    by_name: HashMap<String, Arc<Stored>>,
    /// An unknown name costs what a known one does, or the time would tell.
    decoy: Arc<Stored>,
    /// argon2 takes a processor and 19 MiB: more at once than processors would only be slower.
    slots: Semaphore,
    verified: AtomicU64,
}

/// What is kept of a password.
#[derive(Debug)]
enum Stored {
    Fast([u8; 32]),
    Argon2(String),
}

impl Accounts {
    /// The accounts with their passwords hashed this way. All share one hash, or it would take
    /// minutes to make them.
    ///
    /// # Errors
    /// If the hash cannot be made.
    pub fn new(hash: Hash) -> Result<Self> {
        let stored = Arc::new(Stored::new(hash, PASSWORD)?);
        let names = (0..ACCOUNTS).map(|number| format!("user{number}"));
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            by_name: names.map(|name| (name, Arc::clone(&stored))).collect(),
            decoy: Arc::new(Stored::new(hash, "nobody's")?),
            slots: Semaphore::new(processors),
            verified: AtomicU64::new(0),
        })
    }

    /// Whether this is the account's password.
    ///
    /// # Errors
    /// If it cannot be checked.
    pub async fn verify(&self, username: &str, password: String) -> Result<bool> {
        let known = self.by_name.get(username);
        let stored = known.unwrap_or(&self.decoy);
        let is_known = known.is_some();
        self.verified.fetch_add(1, Ordering::Relaxed);
        if let Stored::Fast(hash) = &**stored {
            return Ok(fast(&password) == *hash && is_known);
        }
        let _slot = self.slots.acquire().await?;
        let stored = Arc::clone(stored);
        Ok(spawn_blocking(move || stored.is(&password)).await?? && is_known)
    }

    /// How many passwords have been looked at.
    #[must_use]
    pub fn verified(&self) -> u64 {
        self.verified.load(Ordering::Relaxed)
    }
}

impl Stored {
    fn new(hash: Hash, password: &str) -> Result<Self> {
        Ok(match hash {
            Hash::Fast => Self::Fast(fast(password)),
            Hash::Argon2 => Self::Argon2(argon2()?.hash_password(password.as_bytes())?.to_string()),
        })
    }

    fn is(&self, password: &str) -> Result<bool> {
        match self {
            Self::Fast(hash) => Ok(fast(password) == *hash),
            Self::Argon2(hash) => {
                match argon2()?.verify_password(password.as_bytes(), hash.as_str()) {
                    Ok(()) => Ok(true),
                    Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }
}

fn fast(password: &str) -> [u8; 32] {
    Sha256::new().chain_update(SALT).chain_update(password).finalize().into()
}

/// As OWASP recommends: 19 MiB, two passes, one lane.
fn argon2() -> Result<Argon2<'static>> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19_456, 2, 1, None)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_of_a_known_name_is_right_whatever_the_hash() {
        for hash in [Hash::Fast, Hash::Argon2] {
            let accounts = Accounts::new(hash).unwrap();
            for (name, password, right) in
                [("user7", PASSWORD, true), ("user7", "wrong", false), ("nobody", PASSWORD, false)]
            {
                let answer = accounts.verify(name, password.to_owned()).await.unwrap();
                assert_eq!(answer, right, "{hash:?} {name} {password}");
            }
            assert_eq!(accounts.verified(), 3);
        }
    }
}
