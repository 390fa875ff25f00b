//! A master that Sentinels name.

use std::sync::Arc;
use std::time::Duration;

use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{Client, ConnectionAddr, ConnectionInfo, ProtocolVersion, RedisResult, TlsMode};
use tokio::sync::Mutex;

use crate::connection::Connection;
use crate::error::BuildError;
use crate::origin::settings;
use crate::renewed::Lost;

/// Sentinels, which know the master.
#[derive(Clone)]
pub(crate) struct Sentinel {
    client: Arc<Mutex<SentinelClient>>,
    /// Whether connections to the master speak RESP3, with which a lost one is noticed at once.
    is_resp3: bool,
}

impl Sentinel {
    /// Of these Sentinels, for the master whose name stands in place of a host.
    pub(crate) fn open(
        sentinels: Vec<ConnectionInfo>,
        master: &ConnectionInfo,
    ) -> Result<Self, BuildError> {
        let node = SentinelNodeConnectionInfo::default()
            .set_redis_connection_info(master.redis_settings().clone())
            .set_tcp_settings(master.tcp_settings().clone());
        let (name, node) = match master.addr() {
            ConnectionAddr::Tcp(name, _) => (name, node),
            ConnectionAddr::TcpTls { host, insecure: false, .. } => {
                (host, node.set_tls_mode(TlsMode::Secure))
            }
            ConnectionAddr::TcpTls { host, .. } => (host, node.set_tls_mode(TlsMode::Insecure)),
            _ => return Err(BuildError::Master),
        };
        let kind = SentinelServerType::Master;
        let client = SentinelClient::build(sentinels, name.clone(), Some(node), kind);
        let is_resp3 = master.redis_settings().protocol() == ProtocolVersion::RESP3;
        Ok(Self { is_resp3, ..Self::of(client.map_err(BuildError::Url)?) })
    }

    /// Of a client, which does not tell what protocol it speaks with the master.
    pub(crate) fn of(client: SentinelClient) -> Self {
        Self { client: Arc::new(Mutex::new(client)), is_resp3: false }
    }

    /// A client of the server that is the master now.
    pub(crate) async fn master(&self) -> RedisResult<Client> {
        self.client.lock().await.async_get_client().await
    }

    /// A connection to the server that is the master now.
    pub(crate) async fn connect(self, timeout: Duration, lost: Lost) -> RedisResult<Connection> {
        let config = settings(timeout, self.is_resp3, lost);
        let mut client = self.client.lock().await;
        client.get_async_connection_with_config(&config).await.map(Connection::Multiplexed)
    }
}
