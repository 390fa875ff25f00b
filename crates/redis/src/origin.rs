//! Where connections come from.

use std::time::Duration;

use redis::aio::SendError;
use redis::{AsyncConnectionConfig, Client, ProtocolVersion, PushInfo, PushKind, RedisResult};

use crate::connection::Connection;
use crate::link::Link;
use crate::renewed::{Lost, Renewed};
#[cfg(feature = "sentinel")]
use crate::sentinel::Sentinel;

/// What can make further connections.
#[derive(Clone)]
pub(crate) enum Origin {
    Server(Box<Client>),
    /// The client, and one for each of the nodes that the URLs named.
    #[cfg(feature = "cluster")]
    Cluster(Box<redis::cluster::ClusterClient>, Vec<Client>),
    #[cfg(feature = "sentinel")]
    Sentinel(Sentinel),
}

impl Origin {
    /// A connection that is made at the first call, and anew when it is lost.
    pub(crate) fn link(&self, timeout: Duration) -> Link {
        Link::Renewed(match self {
            // Not a `ConnectionManager`: that one connects anew after errors of the network alone,
            // and gives any other answer to its first try for ever.
            Self::Server(client) => {
                let protocol = client.get_connection_info().redis_settings().protocol();
                let is_resp3 = protocol == ProtocolVersion::RESP3;
                let client = client.clone();
                Renewed::new(move |lost| {
                    let (client, config) = (client.clone(), settings(timeout, is_resp3, lost));
                    async move {
                        let made = client.get_multiplexed_async_connection_with_config(&config);
                        made.await.map(Connection::Multiplexed)
                    }
                })
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(client, _) => {
                let client = client.clone();
                Renewed::new(move |_| {
                    let client = client.clone();
                    async move {
                        let connection = client.get_async_connection().await?;
                        Ok(Connection::Cluster(crate::cluster::Cluster(connection)))
                    }
                })
            }
            #[cfg(feature = "sentinel")]
            Self::Sentinel(sentinel) => {
                let sentinel = sentinel.clone();
                Renewed::new(move |lost| sentinel.clone().connect(timeout, lost))
            }
        })
    }

    /// Whether it has clients for subscriptions.
    pub(crate) const fn can_subscribe(&self) -> bool {
        match self {
            #[cfg(feature = "cluster")]
            Self::Cluster(_, nodes) => !nodes.is_empty(),
            _ => true,
        }
    }

    /// A client for subscriptions, in a Cluster another one each `turn`.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "one server has none"))]
    pub(crate) async fn subscriber(&self, turn: usize) -> RedisResult<Client> {
        match self {
            Self::Server(client) => Ok(Client::clone(client)),
            #[cfg(feature = "cluster")]
            Self::Cluster(_, nodes) => Ok(nodes[turn % nodes.len()].clone()),
            #[cfg(feature = "sentinel")]
            Self::Sentinel(sentinel) => sentinel.master().await,
        }
    }
}

/// How to connect; with RESP3 a lost connection is noticed at once.
pub(crate) fn settings(timeout: Duration, is_resp3: bool, lost: Lost) -> AsyncConnectionConfig {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(None);
    if !is_resp3 {
        return config;
    }
    config.set_push_sender(move |push: PushInfo| {
        if push.kind == PushKind::Disconnection {
            lost();
        }
        Ok::<_, SendError>(())
    })
}
