//! Node's own HTTP server: alone, and with rate-limiter-flexible.

use std::path::Path;

use super::{Error, Hash, Peer, SOURCES, Tools};

/// What counts the failures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protection<'a> {
    /// Nothing.
    Plain,
    /// rate-limiter-flexible, by its documentation's recipe for logins.
    RateLimiterFlexible {
        /// URL of the Redis where it counts.
        redis: &'a str,
    },
}

/// The app.
///
/// # Errors
///
/// When there is no node, or no temporary folder can be made.
pub fn app(tools: &Tools, protection: Protection<'_>, hash: Hash) -> Result<Peer, Error> {
    let (name, store) = match protection {
        Protection::Plain => ("plain", None),
        Protection::RateLimiterFlexible { redis } => {
            ("rate-limiter-flexible", Some(("REDIS_URL", redis)))
        }
    };
    let mut peer = script(tools, "server.js", name, hash)?;
    peer.command.envs(store);
    Ok(peer)
}

/// The recipe without HTTP and passwords: `loops` failed logins at a time for some seconds. It
/// prints `{"logins": n, "seconds": s}` and ends.
///
/// # Errors
///
/// When there is no node, or no temporary folder can be made.
pub fn throughput(tools: &Tools, redis: &str, seconds: u32, loops: u32) -> Result<Peer, Error> {
    let mut peer = script(tools, "throughput.js", "rate-limiter-flexible", Hash::Fast)?;
    peer.command.args([seconds.to_string(), loops.to_string()]).env("REDIS_URL", redis);
    Ok(peer)
}

fn script(tools: &Tools, file: &str, protection: &str, hash: Hash) -> Result<Peer, Error> {
    let modules = tools.node_modules.as_deref().ok_or(Error::Missing("node with its modules"))?;
    let mut peer = Peer::new(Path::new("node"), protection, hash)?;
    peer.command.arg(Path::new(SOURCES).join("node").join(file)).env("NODE_PATH", modules);
    Ok(peer)
}
