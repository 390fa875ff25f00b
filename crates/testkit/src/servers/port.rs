//! Free ports.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ServerError;

/// Below the ports that outgoing connections get: one of those could take the port of a server that
/// is down for a moment, or even connect to itself there.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// How often another port is tried when somebody takes it first.
const ATTEMPTS: usize = 5;

static NEXT: LazyLock<AtomicU64> =
    LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one("port") >> 1));

/// A port of the loopback interface on which nobody listens; never the same twice in a row.
pub(super) fn free() -> Result<u16, ServerError> {
    PORTS
        .map(|_| {
            let number = NEXT.fetch_add(1, Ordering::Relaxed) % u64::from(PORTS.end - PORTS.start);
            PORTS.start + u16::try_from(number).unwrap_or(0)
        })
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or(ServerError::NoPort)
}

/// Starts on a free port; on another one if somebody else takes it between its choice and its use.
pub(super) fn find(
    mut start: impl FnMut(u16) -> Result<(), ServerError>,
) -> Result<(), ServerError> {
    for _ in 1..ATTEMPTS {
        match start(free()?) {
            Err(error) if error.is_taken_port() => {}
            result => return result,
        }
    }
    start(free()?)
}
