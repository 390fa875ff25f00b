//! How a [`MokaStore`] is made.

use thiserror::Error;

use crate::store::MokaStore;

/// Makes a [`MokaStore`].
///
/// ```
/// use lockout_moka::MokaStore;
///
/// let store = MokaStore::builder().capacity(1_000_000).build()?;
/// # Ok::<_, lockout_moka::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing until it is built"]
pub struct MokaStoreBuilder {
    capacity: usize,
}

/// Why a store cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The capacity is out of its bounds.
    #[error("capacity: {0} records; 64 to 2^32 are allowed")]
    Capacity(usize),
}

impl MokaStoreBuilder {
    /// The default [capacity](Self::capacity), in records.
    pub const DEFAULT_CAPACITY: usize = 100_000;

    pub(crate) const fn new() -> Self {
        Self { capacity: Self::DEFAULT_CAPACITY }
    }

    /// Has places for `records` records; see the [crate] for what happens beyond. Default 100,000,
    /// at least 64, at most 2^32 - 1.
    ///
    /// An attempt usually has two subjects, so two records: take the number of usernames and
    /// addresses that fail within one cooloff, on the worst day. Memory stays below 1 KiB for each,
    /// everything included, for usernames of up to 23 bytes and lockout cooloff lists of up to 8
    /// entries; below 4 KiB if a flood uses the longest names that are counted.
    pub const fn capacity(mut self, records: usize) -> Self {
        self.capacity = records;
        self
    }

    /// The store.
    ///
    /// # Errors
    /// If the capacity is out of its bounds.
    pub fn build(self) -> Result<MokaStore, BuildError> {
        let most = usize::try_from(u32::MAX).unwrap_or(usize::MAX);
        if !(64..=most).contains(&self.capacity) {
            return Err(BuildError::Capacity(self.capacity));
        }
        Ok(MokaStore::with_capacity(self.capacity))
    }
}
