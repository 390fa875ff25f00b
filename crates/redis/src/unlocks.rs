//! News of unlocks on other nodes.

use std::time::Duration;

use futures_util::StreamExt as _;
use lockout_core::{Effect, Result, StoreError, StoreErrorKind, UnlockNotice};
use redis::{RedisError, RedisResult, Value};
use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::error::STORE;
use crate::keys::subject_of;
use crate::origin::Origin;
use crate::store::RedisStore;

/// After so long without news, the server is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(1);

/// The longest wait before a lost subscription is made anew.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// A subscription to unlocks; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "the subscription ends when this is dropped"]
pub struct UnlockWatch(JoinHandle<()>);

impl Drop for UnlockWatch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl RedisStore {
    /// Tells `notice` of every unlock, on whatever node, for caches of locks. After each
    /// interruption it is told [`UnlockNotice::Missed`].
    ///
    /// Uses a connection of its own, so the store must have been made of URLs, or of a client that
    /// is not a Cluster's, and the server's user needs the channel `PREFIX:unlocked`.
    ///
    /// # Errors
    /// If the store was made of a connection, or of a client for a Cluster.
    pub fn watch_unlocks(
        &self,
        notice: impl Fn(UnlockNotice) + Send + Sync + 'static,
    ) -> Result<UnlockWatch> {
        let Some(origin) = self.0.origin.clone().filter(Origin::can_subscribe) else {
            let message = "a store over an existing connection cannot subscribe: make it of a URL";
            return Err(StoreError::new(StoreErrorKind::Config, Effect::None, STORE, message));
        };
        let (channel, patience) = (self.0.keys.unlocks(), self.0.line.timeout);
        Ok(UnlockWatch(tokio::spawn(async move {
            let mut wait = Duration::from_millis(50);
            for turn in 0.. {
                if listen(&origin, turn, (&channel, patience), &notice).await.is_ok() {
                    wait = Duration::from_millis(50);
                }
                notice(UnlockNotice::Missed);
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        })))
    }
}

/// Until the connection is lost, or silent for too long.
async fn listen(
    origin: &Origin,
    turn: usize,
    (channel, patience): (&str, Duration),
    notice: &(impl Fn(UnlockNotice) + Sync),
) -> RedisResult<()> {
    let connected = async { origin.subscriber(turn).await?.get_async_pubsub().await };
    let (mut subscription, mut messages) =
        timeout(patience, connected).await.map_err(late)??.split();
    timeout(patience, subscription.subscribe(channel)).await.map_err(late)??;
    // What was unlocked until now may have gone untold.
    notice(UnlockNotice::Missed);
    loop {
        match timeout(SILENCE, messages.next()).await {
            Ok(None) => return Ok(()),
            Ok(Some(message)) => {
                let text = message.get_payload::<String>();
                notice(match text.ok().and_then(|text| subject_of(&text)) {
                    Some(subject) => UnlockNotice::Unlocked(subject),
                    None => UnlockNotice::Missed,
                });
            }
            Err(_) => {
                timeout(patience, subscription.ping::<Value>()).await.map_err(late)??;
            }
        }
    }
}

fn late(_: Elapsed) -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
