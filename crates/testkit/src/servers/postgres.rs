//! One PostgreSQL server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use super::process::Process;
use super::{PostgresServerBuilder, ServerError, sql};

/// Exit status of `psql` when the connection was bad, and not the statement.
const NO_CONNECTION: i32 = 2;

/// A PostgreSQL of its own: on a free loopback port and on a unix socket, in a temporary folder,
/// with an empty database `lockout`. When this is dropped the server is killed and the folder
/// removed.
#[derive(Debug)]
pub struct PostgresServer {
    pub(super) process: Process,
    pub(super) port: u16,
    pub(super) psql: PathBuf,
}

impl PostgresServer {
    /// Starts a server that is fast and forgets what it wrote last when it is killed.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if PostgreSQL is not installed; others if it does not start.
    pub fn start() -> Result<Self, ServerError> {
        Self::builder().start()
    }

    /// For a server that keeps what it has committed, or with settings of its own.
    pub fn builder() -> PostgresServerBuilder {
        PostgresServerBuilder::new()
    }

    /// Where clients connect: as the user `lockout`, which owns the database `lockout` and may do
    /// nothing else, and which needs no password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://lockout@{}/lockout", self.address())
    }

    /// The port that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The server's first process; after [`kill`](Self::kill) the one that was.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Kills all processes of the server, as `kill -9` does, and waits until they are gone. Its
    /// folder stays, so that [`restart`](Self::restart) finds what it had written to disk.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts the server again, killing it first if it runs: same port, same folder. It has
    /// recovered and is ready when this returns.
    ///
    /// # Errors
    /// If it does not start, which includes that somebody else took the port.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.process.start()?;
        let socket = self.process.folder().join(format!(".s.PGSQL.{}", self.port));
        self.process
            .wait_until_ready(|| socket.exists() && self.ask("postgres", "SELECT 1").is_ok())
    }

    /// Stops all processes of the server as `SIGSTOP` does: connections stay, and new ones are
    /// taken by the kernel, but nothing is answered.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Lets a paused server go on. It then does what it was sent meanwhile.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Runs SQL in the database `lockout` as a user who may do everything, all of it in one
    /// transaction, and gives the rows: a line for each, columns separated by `|`, `NULL` as
    /// nothing.
    ///
    /// # Errors
    /// [`ServerError::Reply`] if the server answers with an error, [`ServerError::Io`] if it does
    /// not answer.
    pub fn sql(&self, statement: &str) -> Result<String, ServerError> {
        self.ask("lockout", statement)
    }

    pub(super) fn ask(&self, database: &str, statement: &str) -> Result<String, ServerError> {
        let mut client = Command::new(&self.psql);
        client
            .args(["-X", "-A", "-t", "-q", "-w", "-v", "VERBOSITY=terse", "-U", "postgres"])
            .args(["-p", &self.port.to_string(), "-d", database])
            .arg("-h")
            .arg(self.process.folder())
            .arg("-c");
        sql::ask(&mut client, statement, |status, _| status < NO_CONNECTION)
    }
}
