//! The server's time, so that all nodes agree on it.

use async_trait::async_trait;
use lockout_core::{Clock, Result, ServerClock, ServerTime, Timestamp};

use crate::dialect::Dialect;
use crate::error::{Call, unreadable};
use crate::store::SqlStore;

#[async_trait]
impl<D: Dialect> ServerTime for SqlStore<D> {
    async fn server_time(&self) -> Result<Timestamp> {
        let parts = self.parts();
        let time = || D::number(&parts.pool, parts.statements.time.clone());
        let millis = self.again(Call::Reads, time).await?;
        u64::try_from(millis).map(Timestamp::from_millis).map_err(|_| unreadable::<D>())
    }
}

impl<D: Dialect> SqlStore<D> {
    /// A clock that shows the server's time, for [`GuardBuilder::clock`]: with it a node whose own
    /// clock is wrong neither locks nor unlocks early. It is put right now and every ten seconds,
    /// until the last of its clones is dropped; while the server is down it runs on by itself.
    ///
    /// [`GuardBuilder::clock`]: lockout_core::GuardBuilder::clock
    ///
    /// # Errors
    /// If the server does not answer now.
    pub async fn clock(&self, own: impl Clock) -> Result<impl Clock + Clone> {
        let (clock, upkeep) = ServerClock::kept(own, self.clone()).await?;
        tokio::spawn(upkeep);
        Ok(clock)
    }
}
