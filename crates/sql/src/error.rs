//! What a database answers when it does not work, as the core's errors.

use lockout_core::{Effect, StoreError, StoreErrorKind};

use crate::dialect::Driver;

/// Whether the call that failed would have changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Reads,
    Writes,
}

impl Call {
    /// The effect of a call whose answer is not known.
    const fn effect(self) -> Effect {
        match self {
            Self::Reads => Effect::None,
            Self::Writes => Effect::Unknown,
        }
    }
}

/// What a server's error means: in any case the statement did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A row is not the one that was read any more.
    Overtaken,
    /// It may work in a moment.
    Again,
    /// Somebody has to be told, and what to do.
    Told(StoreErrorKind, &'static str),
}

impl Failure {
    pub(crate) const SCHEMA: Self = Self::Told(
        StoreErrorKind::Config,
        "its tables are missing or not of this version: call migrate() once before the first login",
    );
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) const TAKEN: Self = Self::Told(
        StoreErrorKind::Config,
        "something else has the name of one of its tables: choose another `table`",
    );
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) const LOGIN: Self =
        Self::Told(StoreErrorKind::Config, "mend the URL: user, password and database");
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) const RIGHTS: Self = Self::Told(
        StoreErrorKind::Config,
        "give the user SELECT, INSERT, UPDATE and DELETE on the store's tables",
    );
    pub(crate) const DISK_FULL: Self = Self::Told(
        StoreErrorKind::Unavailable,
        "the disk is full: make room, and look whether a flood is going on",
    );
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) const CONNECTIONS: Self = Self::Told(
        StoreErrorKind::Unavailable,
        "the server takes no more connections: lower max_connections of the pools",
    );
    pub(crate) const DAMAGED: Self =
        Self::Told(StoreErrorKind::Corrupt, "the database is damaged: look at its log");
    pub(crate) const SERVER: Self =
        Self::Told(StoreErrorKind::Unavailable, "the server cannot serve for the moment");
}

/// What is to be done about an error.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Somebody else was faster: read again.
    Overtaken,
    /// The statement did nothing and may work in a moment.
    Again,
    /// The caller has to be told.
    Told(StoreError),
}

/// No message holds anything of the connection's URL or of a row.
pub(crate) fn judge<D: Driver>(error: sqlx::Error, call: Call) -> Verdict {
    let told = |kind, effect, message: &str| StoreError::new(kind, effect, D::STORE, message);
    let error_told = match &error {
        sqlx::Error::Database(database) => match D::failure(&**database) {
            Failure::Overtaken => return Verdict::Overtaken,
            Failure::Again => return Verdict::Again,
            Failure::Told(kind, message) => told(kind, Effect::None, message),
        },
        sqlx::Error::PoolTimedOut => told(
            StoreErrorKind::Timeout,
            Effect::None,
            "no connection was free in time: the server is down or slow, or the pool too small",
        ),
        sqlx::Error::PoolClosed => {
            told(StoreErrorKind::Config, Effect::None, "the pool has been closed")
        }
        sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => {
            told(StoreErrorKind::Unavailable, Effect::None, "start the server, or mend its address")
        }
        sqlx::Error::Io(_) => told(
            StoreErrorKind::Unavailable,
            call.effect(),
            "the connection broke; another one is made by itself",
        ),
        sqlx::Error::Tls(_) => told(
            StoreErrorKind::Config,
            Effect::None,
            "TLS failed: is the feature `tls` on, and the server's certificate trusted?",
        ),
        sqlx::Error::Configuration(_) => {
            // Its text may hold a part of the URL.
            return Verdict::Told(told(StoreErrorKind::Config, Effect::None, "mend the URL"));
        }
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::Decode(_) => unreadable::<D>(),
        _ => told(StoreErrorKind::Unavailable, call.effect(), "the answer could not be understood"),
    };
    Verdict::Told(error_told.with_source(error))
}

/// The error that a row is no record.
pub(crate) fn unreadable<D: Driver>() -> StoreError {
    let message = "a row is of a later version of lockout, or something else writes to the table";
    StoreError::new(StoreErrorKind::Corrupt, Effect::None, D::STORE, message)
}

/// Why a store cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The table's name is more than a plain word.
    #[error(
        "table: {0:?}; 1 to 48 of the characters a-z 0-9 _ are allowed, not beginning with a \
         digit; before it, but not on SQLite, a schema and a dot"
    )]
    Table(String),
    /// The URL cannot be read. It is not repeated here, since it may hold a password.
    #[error("url: expected {0}; characters such as @ : / in user and password are percent-encoded")]
    Url(&'static str),
    /// There is no tokio runtime, which pools need.
    #[error("a store is made inside a tokio runtime")]
    NoRuntime,
    /// A timeout of nothing.
    #[error("timeout: it must be longer than nothing")]
    Timeout,
    /// A pool without a connection.
    #[error("max_connections: it must be at least one")]
    MaxConnections,
}

impl BuildError {
    /// The cause is dropped: its text may hold a part of the URL.
    #[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
    pub(crate) fn url<D: Driver>(_: sqlx::Error) -> Self {
        Self::Url(D::URL)
    }
}
