//! Accounts with argon2 hashes, checked off the async threads and no more at once than there are
//! processors.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{Argon2, Params};
use serde::Deserialize;
use tokio::sync::{AcquireError, Semaphore};
use tokio::task::{self, JoinError};

/// A password as typed. It cannot be printed, so that no log line can hold it by mistake.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Nobody could say whether the password is right. Its causes do not hold the password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifierError {
    #[error("the stored hash cannot be checked: {0}")]
    Hash(#[from] password_hash::Error),
    #[error("the check did not end: {0}")]
    Task(#[from] JoinError),
    #[error("the checks are shut down: {0}")]
    Closed(#[from] AcquireError),
}

/// Hashes a new account's password, with a salt of its own.
pub(crate) fn hash(password: &str, params: &Params) -> password_hash::Result<String> {
    Ok(Argon2::from(params).hash_password(password.as_bytes())?.to_string())
}

/// The accounts. A service would keep them in its database.
pub(crate) struct Accounts {
    hashes: HashMap<String, String>,
    decoy: String,
    slots: Arc<Semaphore>,
    verified: AtomicUsize,
}

impl Accounts {
    /// Accounts from their names and their hashes, which were made with `params`.
    pub(crate) fn new(
        hashes: HashMap<String, String>,
        params: &Params,
    ) -> password_hash::Result<Self> {
        // A hash takes 19 MiB of memory and a processor: more at once would only be slower.
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            hashes,
            decoy: hash("", params)?,
            slots: Arc::new(Semaphore::new(processors)),
            verified: AtomicUsize::new(0),
        })
    }

    /// Whether this is the account's password; waits its turn first.
    pub(crate) async fn verify(
        self: Arc<Self>,
        username: String,
        password: Password,
    ) -> Result<bool, VerifierError> {
        let slot = Arc::clone(&self.slots).acquire_owned().await?;
        // The slot goes with the work, which runs on even if the client hangs up meanwhile.
        let check = task::spawn_blocking(move || {
            let _slot = slot;
            self.verify_blocking(&username, &password)
        });
        Ok(check.await??)
    }

    /// How many passwords have been looked at.
    pub(crate) fn verified(&self) -> usize {
        self.verified.load(Ordering::Relaxed)
    }

    fn verify_blocking(&self, username: &str, password: &Password) -> password_hash::Result<bool> {
        self.verified.fetch_add(1, Ordering::Relaxed);
        // An unknown name costs a hash like any other, or the time would tell that it is unknown.
        let known = self.hashes.get(username);
        let hash = known.unwrap_or(&self.decoy);
        match Argon2::default().verify_password(password.0.as_bytes(), hash.as_str()) {
            Ok(()) => Ok(known.is_some()),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(broken) => Err(broken),
        }
    }
}
