//! How a [`RedisStore`] is made.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use redis::aio::{ConnectionManager, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion};

use crate::connection::Connection;
use crate::error::BuildError;
use crate::keys::Keys;
use crate::link::{Line, Link};
use crate::origin::Origin;
use crate::scripts::Scripts;
#[cfg(feature = "sentinel")]
use crate::sentinel::Sentinel;
use crate::store::{Parts, RedisStore};
use crate::wait::{Wait, WaitingLine};

/// Makes a [`RedisStore`].
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lockout_redis::BuildError> {
/// use std::time::Duration;
/// use lockout_redis::RedisStore;
///
/// let store = RedisStore::builder()
///     .prefix("shop-login")
///     .timeout(Duration::from_millis(500))
///     .open("redis://lockout:p%40ssword@127.0.0.1:6379/0")?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing until a connection is given"]
pub struct RedisStoreBuilder {
    prefix: String,
    timeout: Duration,
    wait: Option<Wait>,
}

impl RedisStoreBuilder {
    /// The default [prefix](Self::prefix).
    pub const DEFAULT_PREFIX: &str = "lockout";

    /// The default [timeout](Self::timeout).
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

    pub(crate) fn new() -> Self {
        Self { prefix: Self::DEFAULT_PREFIX.into(), timeout: Self::DEFAULT_TIMEOUT, wait: None }
    }

    /// Begins every key with `prefix` and a colon. Stores with one prefix on one server share
    /// everything. Default `lockout`; 1 to 64 of the characters `A-Z a-z 0-9 - _ . /`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Waits for an answer no longer than this, connecting included. Default one second.
    ///
    /// The server may still carry out what timed out: the attempt then stays charged.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Tells of a lockout, and of a lock by an operator, only when `replicas` of them have it, by
    /// `WAIT`: a fail-over then does not lose it. Waits for them up to `within` longer than the
    /// [timeout](Self::timeout); if too few have it by then, the call is an error of the kind
    /// `Config`, whose effect is unknown, though the lock is there, and for a second nobody waits
    /// again. By default nobody
    /// waits.
    ///
    /// Locks then go over a connection of their own, so it is for stores that are made of a URL or a
    /// client. In a Cluster each node's replicas are meant; while one node lacks them, no lock is told.
    pub const fn wait_for_replicas(mut self, replicas: u32, within: Duration) -> Self {
        self.wait = Some(Wait { replicas, within });
        self
    }

    /// The store on the server of a URL: `redis://`, `rediss://` (with the feature `tls`) or
    /// `unix:`. The connection is made at the first call, and again by itself whenever it is lost.
    ///
    /// Speaks RESP3, so that a lost connection is noticed at once; `?protocol=resp2` in the URL is
    /// for what does not know it.
    ///
    /// # Errors
    /// If the URL or a setting is wrong, or outside a tokio runtime.
    pub fn open(self, url: &str) -> Result<RedisStore, BuildError> {
        let client = Client::open(info_of(url, self.timeout)?).map_err(BuildError::Url)?;
        self.client(client)
    }

    /// The store on the server of `client`, for what a URL cannot say, such as a certificate
    /// authority of one's own. Set TCP_NODELAY in its settings.
    ///
    /// # Errors
    /// If a setting is wrong, or outside a tokio runtime.
    pub fn client(self, client: Client) -> Result<RedisStore, BuildError> {
        self.of(Origin::Server(Box::new(client)), false)
    }

    /// The store over a connection that the application already has.
    ///
    /// # Errors
    /// If a setting is wrong.
    pub fn manager(self, manager: ConnectionManager) -> Result<RedisStore, BuildError> {
        self.over(Connection::Manager(manager), false)
    }

    /// The store over a connection that the application already has, which is not made anew when
    /// it is lost: a [`manager`](Self::manager) is usually better.
    ///
    /// # Errors
    /// If a setting is wrong.
    pub fn multiplexed(self, connection: MultiplexedConnection) -> Result<RedisStore, BuildError> {
        self.over(Connection::Multiplexed(connection), false)
    }

    /// The store on a Cluster, of which the URLs name some nodes: all of them with the same user and
    /// password. The connections are made at the first call. Otherwise as [`open`](Self::open).
    ///
    /// # Errors
    /// If a URL or a setting is wrong, or outside a tokio runtime.
    #[cfg(feature = "cluster")]
    pub fn open_cluster<'a>(
        self,
        urls: impl IntoIterator<Item = &'a str>,
    ) -> Result<RedisStore, BuildError> {
        let nodes = urls.into_iter().map(|url| info_of(url, self.timeout));
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        // Whoever waits for replicas gets his answer later.
        let patience = self.wait.map_or(Duration::ZERO, |wait| wait.within);
        // It sends nothing again by itself: it does not know what may be done twice.
        let client = redis::cluster::ClusterClient::builder(nodes.clone())
            .retries(0)
            // It knocks at every node, once or twice: one that hangs must not hold up the others.
            .connection_timeout(self.timeout / 3)
            .response_timeout(self.timeout.saturating_add(patience))
            .tcp_settings(tcp_settings(self.timeout))
            .build()
            .map_err(BuildError::Url)?;
        let nodes = nodes.into_iter().map(Client::open).collect::<Result<_, _>>();
        let origin = Origin::Cluster(Box::new(client), nodes.map_err(BuildError::Url)?);
        self.of(origin, true)
    }

    /// The store on the Cluster of `client`, for what URLs cannot say. Give it no
    /// [retries](redis::cluster::ClusterClientBuilder::retries): with them an attempt may be charged
    /// again when a connection breaks.
    ///
    /// # Errors
    /// If a setting is wrong, or outside a tokio runtime.
    #[cfg(feature = "cluster")]
    pub fn cluster_client(
        self,
        client: redis::cluster::ClusterClient,
    ) -> Result<RedisStore, BuildError> {
        self.of(Origin::Cluster(Box::new(client), Vec::new()), true)
    }

    /// The store over a connection to a Cluster that the application already has. What is said of
    /// retries at [`cluster_client`](Self::cluster_client) holds here too.
    ///
    /// # Errors
    /// If a setting is wrong.
    #[cfg(feature = "cluster")]
    pub fn cluster(
        self,
        connection: redis::cluster_async::ClusterConnection,
    ) -> Result<RedisStore, BuildError> {
        self.over(Connection::Cluster(crate::cluster::Cluster(connection)), true)
    }

    /// The store on the master that Sentinels name, wherever it is after a fail-over.
    ///
    /// `sentinels` are the URLs of the Sentinels; `master` is a URL with the master's name in place
    /// of a host, and with the user, the password and the database for it:
    /// `redis://lockout:secret@mymaster/0`. Otherwise as [`open`](Self::open).
    ///
    /// # Errors
    /// If a URL or a setting is wrong, or outside a tokio runtime.
    #[cfg(feature = "sentinel")]
    pub fn open_sentinel<'a>(
        self,
        sentinels: impl IntoIterator<Item = &'a str>,
        master: &str,
    ) -> Result<RedisStore, BuildError> {
        let sentinels = sentinels.into_iter().map(|url| info_of(url, self.timeout));
        let sentinels = sentinels.collect::<Result<Vec<_>, _>>()?;
        let master = info_of(master, self.timeout)?;
        let sentinel = Sentinel::open(sentinels, &master)?;
        self.of(Origin::Sentinel(sentinel), false)
    }

    /// The store on the master that the Sentinels of `client` name, for what URLs cannot say.
    ///
    /// # Errors
    /// If a setting is wrong, or outside a tokio runtime.
    #[cfg(feature = "sentinel")]
    pub fn sentinel(
        self,
        client: redis::sentinel::SentinelClient,
    ) -> Result<RedisStore, BuildError> {
        self.of(Origin::Sentinel(Sentinel::of(client)), false)
    }

    fn of(self, origin: Origin, is_cluster: bool) -> Result<RedisStore, BuildError> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(BuildError::NoRuntime);
        }
        install_tls_provider();
        let Self { timeout, wait, .. } = self;
        let line = Line { link: origin.link(timeout), timeout, is_cluster };
        let waiting = match wait {
            None => None,
            Some(wait) => {
                let timeout = timeout.saturating_add(wait.within);
                Some(WaitingLine::new(
                    wait,
                    Line { link: origin.link(timeout), timeout, is_cluster },
                ))
            }
        };
        self.finish(line, waiting, Some(origin))
    }

    fn over(self, connection: Connection, is_cluster: bool) -> Result<RedisStore, BuildError> {
        if self.wait.is_some() {
            return Err(BuildError::Wait);
        }
        let line = Line { link: Link::Fixed(connection), timeout: self.timeout, is_cluster };
        self.finish(line, None, None)
    }

    fn finish(
        self,
        line: Line,
        waiting: Option<WaitingLine>,
        origin: Option<Origin>,
    ) -> Result<RedisStore, BuildError> {
        if !Keys::is_prefix(&self.prefix) {
            return Err(BuildError::Prefix(self.prefix));
        }
        if self.timeout.is_zero() {
            return Err(BuildError::Timeout);
        }
        let (keys, scripts) = (Keys::new(self.prefix), Scripts::new(str::to_owned));
        let list_time = AtomicU64::new(0);
        Ok(RedisStore(Arc::new(Parts { line, keys, scripts, waiting, origin, list_time })))
    }
}

/// How to connect to the server of a URL.
fn info_of(url: &str, timeout: Duration) -> Result<ConnectionInfo, BuildError> {
    let info = url.into_connection_info().map_err(BuildError::Url)?;
    let info = if url.contains("protocol=") { info } else { with_resp3(info) };
    Ok(info.set_tcp_settings(tcp_settings(timeout)))
}

fn with_resp3(info: ConnectionInfo) -> ConnectionInfo {
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    info.set_redis_settings(settings)
}

/// A host that is gone without a word is noticed by what it does not acknowledge.
fn tcp_settings(timeout: Duration) -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(timeout.max(Duration::from_secs(1)).saturating_mul(3));
    #[cfg(not(target_os = "linux"))]
    let _ = timeout;
    settings
}

/// Without a provider of the process a TLS connection panics.
fn install_tls_provider() {
    #[cfg(feature = "tls")]
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may be faster, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
