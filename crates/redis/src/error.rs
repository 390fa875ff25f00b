//! What Redis answers when it does not work, as the core's errors.

use lockout_core::{Effect, StoreError, StoreErrorKind};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// The name of this store in errors.
pub(crate) const STORE: &str = "redis";

/// Whether the call that failed would have changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Reads,
    Writes,
}

impl Call {
    /// The effect of a call whose answer is not known.
    pub(crate) const fn effect(self) -> Effect {
        match self {
            Self::Reads => Effect::None,
            Self::Writes => Effect::Unknown,
        }
    }
}

/// No message holds anything of the connection's URL, of a key or of an argument.
pub(crate) fn store_error(error: RedisError, call: Call, is_cluster: bool) -> StoreError {
    let (kind, effect, message) = match error.kind() {
        ErrorKind::Io if error.is_timeout() => {
            (StoreErrorKind::Timeout, call.effect(), "look at the server's load and at the network")
        }
        ErrorKind::Io if error.is_connection_refusal() => {
            (StoreErrorKind::Unavailable, Effect::None, "start the server, or mend its address")
        }
        ErrorKind::Io if is_distrust(&error) => (
            StoreErrorKind::Config,
            Effect::None,
            "the server's certificate is not trusted: give its authority with a client",
        ),
        ErrorKind::Io => (
            StoreErrorKind::Unavailable,
            call.effect(),
            "the connection broke; it is made anew by itself",
        ),
        ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig => {
            (StoreErrorKind::Config, Effect::None, "mend the URL: address, user and password")
        }
        ErrorKind::ClusterConnectionNotFound => (
            StoreErrorKind::Unavailable,
            Effect::None,
            "no node of the Cluster that has this slot can be reached",
        ),
        ErrorKind::MasterNameNotFoundBySentinel => (
            StoreErrorKind::Unavailable,
            Effect::None,
            "the Sentinels know of no master that works under this name",
        ),
        ErrorKind::RESP3NotSupported => {
            (StoreErrorKind::Config, Effect::None, "the server is older than Redis 6.2")
        }
        ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) if is_cluster => (
            StoreErrorKind::Unavailable,
            Effect::None,
            "the slot is on the move, or the node that takes it over is not ready",
        ),
        // A server that does not know a script's command repeats what it got, which is no text.
        ErrorKind::Parse => (
            StoreErrorKind::Config,
            call.effect(),
            "what answers is no Redis server of 6.2 or later; a Sentinel may be",
        ),
        ErrorKind::Server(_) if is_database(&error) => database(&error),
        ErrorKind::Server(kind) => server_error(kind),
        ErrorKind::Extension => extension(error.code().unwrap_or_default()),
        ErrorKind::UnexpectedReturnType => unreadable(),
        _ => (StoreErrorKind::Unavailable, call.effect(), "the answer could not be understood"),
    };
    StoreError::new(kind, effect, STORE, message).with_source(error)
}

/// Whether the database of the URL could not be selected; only the text says so.
fn is_database(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ResponseError)
        && error.to_string().starts_with("Redis server refused to switch database")
}

fn database(error: &RedisError) -> Verdict {
    match error.detail() {
        // Busy with a script, or loading its data.
        Some(detail) if detail.starts_with("Redis is ") => {
            (StoreErrorKind::Unavailable, Effect::None, "the server cannot serve for the moment")
        }
        _ => (
            StoreErrorKind::Config,
            Effect::None,
            "mend the URL: there is no such database, or its user may not SELECT",
        ),
    }
}

/// Whether the server's certificate was refused.
#[cfg(feature = "tls")]
fn is_distrust(error: &RedisError) -> bool {
    use std::error::Error;
    use std::sync::Arc;

    let source = Error::source(error);
    let source = source.and_then(|source| source.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    let source = source.and_then(|source| source.downcast_ref::<std::io::Error>()?.get_ref());
    let source = source.and_then(|source| source.downcast_ref::<rustls::Error>());
    matches!(source, Some(rustls::Error::InvalidCertificate(_)))
}

#[cfg(not(feature = "tls"))]
const fn is_distrust(_: &RedisError) -> bool {
    false
}

type Verdict = (StoreErrorKind, Effect, &'static str);

const fn unreadable() -> Verdict {
    (
        StoreErrorKind::Corrupt,
        Effect::None,
        "a record is of a later version of lockout, or something else writes under its prefix",
    )
}

fn server_error(kind: ServerErrorKind) -> Verdict {
    match kind {
        ServerErrorKind::NoPerm => (
            StoreErrorKind::Config,
            Effect::None,
            "give the user its keys, its channel and the commands that the documentation lists",
        ),
        // A script that stops half-way has met a record that is none.
        ServerErrorKind::ResponseError => unreadable(),
        ServerErrorKind::ReadOnly => {
            (StoreErrorKind::Unavailable, Effect::None, "this server is a replica")
        }
        ServerErrorKind::CrossSlot | ServerErrorKind::Moved | ServerErrorKind::Ask => {
            (StoreErrorKind::Config, Effect::None, "this server is a node of a Cluster: open that")
        }
        _ => (StoreErrorKind::Unavailable, Effect::None, "the server cannot serve for the moment"),
    }
}

fn extension(code: &str) -> Verdict {
    match code {
        "LOCKOUTCORRUPT" | "WRONGTYPE" => unreadable(),
        "OOM" => (
            StoreErrorKind::Unavailable,
            Effect::None,
            "the server's memory is full: raise maxmemory, and look whether a flood is going on",
        ),
        "WRONGPASS" | "NOAUTH" => {
            (StoreErrorKind::Config, Effect::None, "mend the URL: user and password")
        }
        _ => (StoreErrorKind::Unavailable, Effect::None, "the server cannot serve for the moment"),
    }
}

/// Why a store cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The prefix has a character that keys give a meaning.
    #[error("prefix: {0:?}; 1 to 64 of the characters A-Z a-z 0-9 - _ . / are allowed")]
    Prefix(String),
    /// The URL cannot be read, or asks for what is not compiled in. It is not repeated here, since
    /// it may hold a password.
    #[error(
        "url: expected redis://USER:PASSWORD@HOST:PORT/DATABASE, rediss:// with the feature `tls`, \
         or unix:PATH; characters such as @ : / in user and password are percent-encoded"
    )]
    Url(#[source] RedisError),
    /// The master's URL has no name for a host.
    #[error("master: expected a URL with the master's name as host: redis://USER:PASSWORD@NAME/0")]
    Master,
    /// Whoever waits for replicas needs a connection of his own.
    #[error("wait_for_replicas: the store must be made of a URL or a client, not of a connection")]
    Wait,
    /// There is no tokio runtime, which connections need.
    #[error("a store is made inside a tokio runtime")]
    NoRuntime,
    /// A timeout of nothing.
    #[error("timeout: it must be longer than nothing")]
    Timeout,
}
