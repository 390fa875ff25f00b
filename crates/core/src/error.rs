//! What a store can fail with.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, and so what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store cannot be reached. Temporary.
    Unavailable,
    /// The store did not answer in time. Temporary.
    Timeout,
    /// The store was not asked, because it failed just before. Temporary.
    CircuitOpen,
    /// Others changed the same records faster. Temporary.
    Contended,
    /// What the store holds cannot be read. Somebody has to look at it.
    Corrupt,
    /// The store is set up wrongly, or cannot do what it was asked. Somebody has to change it.
    Config,
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the store cannot be reached",
            Self::Timeout => "the store did not answer in time",
            Self::CircuitOpen => "the store was not asked because it failed just before",
            Self::Contended => "others changed the same records faster",
            Self::Corrupt => "what the store holds cannot be read",
            Self::Config => "the store is set up wrongly",
        })
    }
}

/// What the call has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing: it is safe to call again.
    None,
    /// Perhaps something: a charge that is repeated may count twice.
    Unknown,
}

/// A store's failure. It never contains a password, a cookie or a store's credentials.
#[derive(Debug, thiserror::Error)]
#[error("{store}: {kind}: {message}")]
pub struct StoreError {
    kind: StoreErrorKind,
    effect: Effect,
    store: &'static str,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl StoreError {
    /// A failure of `store` (a crate's or a store's name); `message` says what was wrong and what
    /// to do.
    #[must_use]
    pub fn new(
        kind: StoreErrorKind,
        effect: Effect,
        store: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, effect, store, message: message.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// What the call has changed.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// Which store failed.
    #[must_use]
    pub const fn store(&self) -> &'static str {
        self.store
    }
}

/// What a store's call returns.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_which_store_what_is_wrong_and_what_to_do() {
        for (kind, text) in [
            (StoreErrorKind::Unavailable, "cannot be reached"),
            (StoreErrorKind::Timeout, "did not answer in time"),
            (StoreErrorKind::CircuitOpen, "was not asked"),
            (StoreErrorKind::Contended, "faster"),
            (StoreErrorKind::Corrupt, "cannot be read"),
            (StoreErrorKind::Config, "set up wrongly"),
        ] {
            let error = StoreError::new(kind, Effect::Unknown, "redis", "do this");
            let message = error.to_string();
            assert!(message.starts_with("redis: "));
            assert!(message.contains(text) && message.ends_with(": do this"), "{message}");
            assert_eq!((error.kind(), error.effect()), (kind, Effect::Unknown));
        }
    }
}
