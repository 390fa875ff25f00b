//! A Redis master that sentinels watch.

use super::{RedisServer, RedisServerBuilder, ServerError};

const MASTER: &str = "lockout";
const SENTINELS: usize = 3;

/// For the sentinels, in milliseconds: to find each other at once, and to work on a busy machine
/// too, where they would otherwise do nothing for half a minute after a pause of two seconds.
const PACE: [&str; 6] = ["PUBLISH-PERIOD", "200", "TILT-TRIGGER", "10000", "TILT-PERIOD", "1000"];

/// A master, its replica and three sentinels, of which two have to agree that the master is gone;
/// half a second after it they do, and the replica takes over within a few seconds. Dropping this
/// ends all of them.
#[derive(Debug)]
pub struct RedisSentinels {
    master: RedisServer,
    replica: RedisServer,
    sentinels: Vec<RedisServer>,
}

impl RedisSentinels {
    /// Starts all five and waits until the replica has the master's data and the sentinels know it
    /// and each other.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if Redis is not installed; others if a server does not start or
    /// they do not come together.
    pub fn start() -> Result<Self, ServerError> {
        let master = RedisServer::builder().config("repl-diskless-sync-delay", "0").start()?;
        let replica = RedisServer::builder()
            .config("repl-diskless-sync-delay", "0")
            .config("replicaof", &format!("127.0.0.1 {}", master.address().port()))
            .start()?;
        replica.wait("the replica has its master's data", || replica.is_in_step())?;
        let mut sentinels = Vec::new();
        for _ in 0..SENTINELS {
            sentinels.push(start_sentinel(&master)?);
        }
        for sentinel in &sentinels {
            sentinel.wait("the sentinels know all others", || knows_all(sentinel))?;
        }
        Ok(Self { master, replica, sentinels })
    }

    /// Where the sentinels are.
    #[must_use]
    pub fn sentinel_urls(&self) -> Vec<String> {
        self.sentinels.iter().map(RedisServer::url).collect()
    }

    /// The name by which to ask the sentinels for the master.
    #[must_use]
    pub fn master_name(&self) -> &str {
        MASTER
    }

    /// The server that is master at the start.
    #[must_use]
    pub fn master(&self) -> &RedisServer {
        &self.master
    }

    /// The server that is replica at the start.
    #[must_use]
    pub fn replica(&self) -> &RedisServer {
        &self.replica
    }

    /// Kills the server that was master at the start and waits until it is gone, but not until the
    /// replica has taken over. At that moment the sentinels disconnect the replica's clients, so
    /// that a call of [`RedisServer::cli`] may fail.
    pub fn kill_master(&mut self) {
        self.master.kill();
    }
}

fn start_sentinel(master: &RedisServer) -> Result<RedisServer, ServerError> {
    let port = master.address().port();
    let sentinel = RedisServerBuilder::sentinel()
        .config("sentinel monitor", &format!("{MASTER} 127.0.0.1 {port} 2"))
        .config("sentinel down-after-milliseconds", &format!("{MASTER} 500"))
        .config("sentinel failover-timeout", &format!("{MASTER} 3000"))
        .start()?;
    sentinel.cli(&[&["SENTINEL", "DEBUG"][..], &PACE].concat())?;
    Ok(sentinel)
}

fn knows_all(sentinel: &RedisServer) -> bool {
    let master = sentinel.cli(&["SENTINEL", "MASTER", MASTER]).unwrap_or_default();
    let replicas = sentinel.cli(&["SENTINEL", "REPLICAS", MASTER]).unwrap_or_default();
    master.contains("\nflags\nmaster\n")
        && master.contains(&format!("\nnum-other-sentinels\n{}\n", SENTINELS - 1))
        && replicas.contains("\nmaster-link-status\nok\n")
        && sentinel.cli(&["SENTINEL", "CKQUORUM", MASTER]).is_ok()
}
