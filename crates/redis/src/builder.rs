//! How a [`RedisStore`] is made.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion};

use crate::error::BuildError;
use crate::keys::Keys;
use crate::link::{Line, Link};
use crate::store::RedisStore;

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
}

impl RedisStoreBuilder {
    /// The default [prefix](Self::prefix).
    pub const DEFAULT_PREFIX: &str = "lockout";

    /// The default [timeout](Self::timeout).
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

    pub(crate) fn new() -> Self {
        Self { prefix: Self::DEFAULT_PREFIX.into(), timeout: Self::DEFAULT_TIMEOUT }
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

    /// The store on the server of a URL: `redis://`, `rediss://` (with the feature `tls`) or
    /// `unix:`. The connection is made at the first call, and again by itself whenever it is lost.
    ///
    /// Speaks RESP3, so that a lost connection is noticed at once; `?protocol=resp2` in the URL is
    /// for what does not know it.
    ///
    /// # Errors
    /// If the URL or a setting is wrong, or outside a tokio runtime.
    pub fn open(self, url: &str) -> Result<RedisStore, BuildError> {
        let info = url.into_connection_info().map_err(BuildError::Url)?;
        let info = if url.contains("protocol=") { info } else { with_resp3(info) };
        install_tls_provider();
        let settings = tcp_settings(self.timeout);
        let client = Client::open(info.set_tcp_settings(settings)).map_err(BuildError::Url)?;
        self.client(client)
    }

    /// The store on the server of `client`, for what a URL cannot say, such as a certificate
    /// authority of one's own. Set TCP_NODELAY in its settings.
    ///
    /// # Errors
    /// If a setting is wrong, or outside a tokio runtime.
    pub fn client(self, client: Client) -> Result<RedisStore, BuildError> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(BuildError::NoRuntime);
        }
        // While the server is down a call must fail soon and not wait through many retries: the
        // next call tries again.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(20))
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(None);
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config)
            .map_err(BuildError::Url)?;
        self.finish(Link::Manager(manager), Some(client))
    }

    /// The store over a connection that the application already has.
    ///
    /// # Errors
    /// If a setting is wrong.
    pub fn manager(self, manager: ConnectionManager) -> Result<RedisStore, BuildError> {
        self.finish(Link::Manager(manager), None)
    }

    /// The store over a connection that the application already has, which is not made anew when
    /// it is lost: a [`manager`](Self::manager) is usually better.
    ///
    /// # Errors
    /// If a setting is wrong.
    pub fn multiplexed(self, connection: MultiplexedConnection) -> Result<RedisStore, BuildError> {
        self.finish(Link::Multiplexed(connection), None)
    }

    fn finish(self, link: Link, client: Option<Client>) -> Result<RedisStore, BuildError> {
        if !Keys::is_prefix(&self.prefix) {
            return Err(BuildError::Prefix(self.prefix));
        }
        if self.timeout.is_zero() {
            return Err(BuildError::Timeout);
        }
        let line = Line { link, timeout: self.timeout };
        Ok(RedisStore::over(line, Keys::new(self.prefix), client))
    }
}

fn with_resp3(info: ConnectionInfo) -> ConnectionInfo {
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    info.set_redis_settings(settings)
}

/// A host that is gone without a word is noticed by what it does not acknowledge.
fn tcp_settings(timeout: Duration) -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(timeout.max(Duration::from_secs(1)) * 3);
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
