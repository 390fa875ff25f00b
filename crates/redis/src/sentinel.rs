//! A master that Sentinels name.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::SendError;
use redis::sentinel::SentinelClient;
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisResult};
use tokio::sync::Mutex;

use crate::connection::Connection;
use crate::renewed::Lost;

/// Sentinels, which know the master.
#[derive(Clone)]
pub(crate) struct Sentinel {
    client: Arc<Mutex<SentinelClient>>,
    /// Whether connections to the master speak RESP3, with which a lost one is noticed at once.
    is_resp3: bool,
}

impl Sentinel {
    pub(crate) fn new(client: SentinelClient, is_resp3: bool) -> Self {
        Self { client: Arc::new(Mutex::new(client)), is_resp3 }
    }

    /// A client of the server that is the master now.
    pub(crate) async fn master(&self) -> RedisResult<Client> {
        self.client.lock().await.async_get_client().await
    }

    /// A connection to the server that is the master now.
    pub(crate) async fn connect(self, timeout: Duration, lost: Lost) -> RedisResult<Connection> {
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(None);
        if self.is_resp3 {
            config = config.set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    lost();
                }
                Ok::<_, SendError>(())
            });
        }
        let mut client = self.client.lock().await;
        client.get_async_connection_with_config(&config).await.map(Connection::Multiplexed)
    }
}
