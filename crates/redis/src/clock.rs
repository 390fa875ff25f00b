//! The server's time, so that all nodes agree on it.

use async_trait::async_trait;
use lockout_core::{
    Clock, Effect, Result, ServerClock, ServerTime, StoreError, StoreErrorKind, Timestamp,
};
use redis::Value;

use crate::error::STORE;
use crate::store::RedisStore;

#[async_trait]
impl ServerTime for RedisStore {
    async fn server_time(&self) -> Result<Timestamp> {
        // In a Cluster it must be the same node's time for everybody.
        let answer = self.0.line.time(&self.0.keys.locked(0)).await?;
        let part = |value: &Value| match value {
            Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?.parse::<u64>().ok(),
            _ => None,
        };
        let Value::Array(parts) = &answer else { return Err(no_time()) };
        let mut parts = parts.iter().map(part);
        match (parts.next().flatten(), parts.next().flatten()) {
            (Some(seconds), Some(micros)) => Ok(Timestamp::from_millis(
                seconds.saturating_mul(1000).saturating_add(micros / 1000),
            )),
            _ => Err(no_time()),
        }
    }
}

fn no_time() -> StoreError {
    let message = "TIME was answered by something that is no time";
    StoreError::new(StoreErrorKind::Corrupt, Effect::None, STORE, message)
}

impl RedisStore {
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
