//! Where connections come from.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisResult};

use crate::connection::Connection;
use crate::error::BuildError;
use crate::link::Link;
#[cfg(any(feature = "cluster", feature = "sentinel"))]
use crate::renewed::Renewed;
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
    pub(crate) fn link(&self, timeout: Duration) -> Result<Link, BuildError> {
        match self {
            Self::Server(client) => {
                // While the server is down a call must fail soon and not wait through many retries:
                // the next call tries again.
                let config = ConnectionManagerConfig::new()
                    .set_number_of_retries(1)
                    .set_min_delay(Duration::from_millis(20))
                    .set_connection_timeout(Some(timeout))
                    .set_response_timeout(None);
                let manager =
                    ConnectionManager::new_lazy_with_config(Client::clone(client), config);
                Ok(Link::Fixed(Connection::Manager(manager.map_err(BuildError::Url)?)))
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(client, _) => {
                let client = client.clone();
                Ok(Link::Renewed(Renewed::new(move |_| {
                    let client = client.clone();
                    async move {
                        let connection = client.get_async_connection().await?;
                        Ok(Connection::Cluster(crate::cluster::Cluster(connection)))
                    }
                })))
            }
            #[cfg(feature = "sentinel")]
            Self::Sentinel(sentinel) => {
                let sentinel = sentinel.clone();
                Ok(Link::Renewed(Renewed::new(move |lost| sentinel.clone().connect(timeout, lost))))
            }
        }
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
