//! The logins that are to be sent.

use std::sync::{Arc, Mutex, PoisonError};

use super::Login;

/// An endless row of logins that connections share: each takes the next one.
#[derive(Clone)]
pub struct Logins(Arc<Mutex<dyn Iterator<Item = Login> + Send>>);

impl Logins {
    /// Those of this iterator. A turn ends early when there are no more.
    pub fn new(logins: impl Iterator<Item = Login> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(logins)))
    }

    /// Takes the next one.
    #[must_use]
    pub fn take(&self) -> Option<Login> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}

impl std::fmt::Debug for Logins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logins").finish_non_exhaustive()
    }
}
