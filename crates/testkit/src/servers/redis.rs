//! One Redis server.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::process::Process;
use super::resp::Client;
use super::{RedisServerBuilder, ServerError, wait};

/// How long a server may take to answer one command of [`RedisServer::cli`].
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// A `redis-server` of its own: on a free loopback port and on a unix socket, in a temporary
/// folder. When this is dropped the server is killed and the folder removed.
#[derive(Debug)]
pub struct RedisServer {
    pub(super) process: Process,
    pub(super) port: u16,
    pub(super) users: Vec<Credentials>,
    /// Who [`cli`](Self::cli) is, if the default user is off.
    pub(super) admin: Option<Credentials>,
    pub(super) ca_pem: Option<String>,
}

/// A user of the server.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) name: String,
    pub(super) password: String,
}

impl RedisServer {
    /// Starts a server that lets everybody in and keeps nothing on disk.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if Redis is not installed; others if it does not start.
    pub fn start() -> Result<Self, ServerError> {
        Self::builder().start()
    }

    /// For a server with users, TLS or settings of its own.
    pub fn builder() -> RedisServerBuilder {
        RedisServerBuilder::new()
    }

    /// Where clients connect: `redis://`, or `rediss://` with TLS, with the first user's name and
    /// password if there are users.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() { "rediss" } else { "redis" };
        let user = match self.users.first() {
            Some(user) => format!("{}:{}@", encode(&user.name), encode(&user.password)),
            None => String::new(),
        };
        format!("{scheme}://{user}{}/0", self.address())
    }

    /// The same server by its unix socket: `redis+unix://`, the first user's name and password as
    /// the query's `user` and `pass`.
    #[must_use]
    pub fn unix_url(&self) -> String {
        let path = self.socket();
        let query = match self.users.first() {
            Some(user) => format!("?user={}&pass={}", encode(&user.name), encode(&user.password)),
            None => String::new(),
        };
        format!("redis+unix://{}{query}", path.display())
    }

    /// The port that it listens on: plain, or with TLS if that was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// With TLS, the certificate of the authority that signed the server's, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The server's process; after [`kill`](Self::kill) the one that was.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Kills the server, as `kill -9` does, and waits until it is gone. Its folder stays, so that
    /// [`restart`](Self::restart) finds what it had written to disk.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts the server again, killing it first if it runs: same port, same folder, same users.
    /// It is ready when this returns.
    ///
    /// # Errors
    /// If it does not start, which includes that somebody else took the port.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.process.start()?;
        self.process.wait_until_ready(|| self.cli(&["PING"]).is_ok())
    }

    /// Stops the server as `SIGSTOP` does: connections stay, and new ones are taken by the kernel,
    /// but nothing is answered.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Lets a paused server go on. It then does what it was sent meanwhile.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Sends one command as a user who may do everything, and gives the reply as text: an integer
    /// in decimal, nil as nothing, an array's items joined by newlines.
    ///
    /// # Errors
    /// [`ServerError::Reply`] if the reply is an error, [`ServerError::Io`] if there is none.
    pub fn cli(&self, arguments: &[&str]) -> Result<String, ServerError> {
        let mut client = self.connect().map_err(ServerError::io("connect to the server"))?;
        if let Some(admin) = &self.admin {
            call(&mut client, &["AUTH", &admin.name, &admin.password])?;
        }
        call(&mut client, arguments)
    }

    /// Whether this is a replica that has all of its master's data.
    pub(super) fn is_in_step(&self) -> bool {
        let info = self.cli(&["INFO", "replication"]).unwrap_or_default();
        info.contains("master_link_status:up")
    }

    /// Waits until something is so, for a bounded time.
    pub(super) fn wait(&self, until: &str, is_so: impl Fn() -> bool) -> Result<(), ServerError> {
        wait::until(|| is_so().then_some(())).ok_or_else(|| self.process.timed_out(until))
    }

    fn socket(&self) -> PathBuf {
        self.process.folder().join("redis.sock")
    }

    fn connect(&self) -> std::io::Result<Client<UnixStream>> {
        let stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.set_write_timeout(Some(ANSWER_LIMIT))?;
        Ok(Client::new(stream))
    }
}

fn call(client: &mut Client<UnixStream>, arguments: &[&str]) -> Result<String, ServerError> {
    client.call(arguments).map_err(ServerError::io("talk to the server"))?.map_err(|message| {
        let command = arguments.first().copied().unwrap_or_default().to_owned();
        ServerError::Reply { command, message }
    })
}

fn encode(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}
