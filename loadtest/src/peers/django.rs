//! Django under gunicorn: alone, with django-defender, with django-axes.

use std::path::Path;

use super::{Error, Hash, Peer, SOURCES, Tools};

/// What counts the failures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protection<'a> {
    /// Nothing.
    Plain,
    /// django-defender, without its record of attempts.
    Defender {
        /// URL of the Redis where it counts.
        redis: &'a str,
    },
    /// django-axes with its usual storage, the database.
    Axes {
        /// URL of the PostgreSQL database where it counts, on an address, not a socket. Its 64
        /// threads keep a connection each.
        postgres: &'a str,
    },
}

/// The app, which makes its tables and accounts before it listens, in some seconds.
///
/// # Errors
///
/// When there is no Python, or no temporary folder can be made.
pub fn app(tools: &Tools, protection: Protection<'_>, hash: Hash) -> Result<Peer, Error> {
    let python = tools.python.as_deref().ok_or(Error::Missing("Python with Django"))?;
    let (name, store) = match protection {
        Protection::Plain => ("plain", None),
        Protection::Defender { redis } => ("defender", Some(("REDIS_URL", redis))),
        Protection::Axes { postgres } => ("axes", Some(("POSTGRES_URL", postgres))),
    };
    let mut peer = Peer::new(python, name, hash)?;
    peer.command
        .args(["-m", "gunicorn"])
        .current_dir(Path::new(SOURCES).join("django"))
        .env("DJANGO_SETTINGS_MODULE", "settings")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("DATABASE", peer.folder.path().join("accounts.sqlite"))
        .env_remove("GUNICORN_CMD_ARGS")
        .envs(store);
    Ok(peer)
}
