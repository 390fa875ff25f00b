//! One MariaDB server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use super::process::Process;
use super::{MariaDbServerBuilder, ServerError, sql};

/// A MariaDB of its own: on a free loopback port and on a unix socket, in a temporary folder, with
/// an empty database `lockout`. When this is dropped the server is killed and the folder removed.
#[derive(Debug)]
pub struct MariaDbServer {
    pub(super) process: Process,
    pub(super) port: u16,
    pub(super) password: String,
    pub(super) client: PathBuf,
}

impl MariaDbServer {
    /// Starts a server that is fast and forgets what it wrote last when it is killed.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if MariaDB is not installed; others if it does not start.
    pub fn start() -> Result<Self, ServerError> {
        Self::builder().start()
    }

    /// For a server that keeps what it has committed, or with settings of its own.
    pub fn builder() -> MariaDbServerBuilder {
        MariaDbServerBuilder::new()
    }

    /// Where clients connect: as the user `lockout`, who has every right in the database `lockout`
    /// and none elsewhere, with a random password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://lockout:{}@{}/lockout", self.password, self.address())
    }

    /// The port that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
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

    /// Starts the server again, killing it first if it runs: same port, same folder, same password.
    /// It has recovered and is ready when this returns.
    ///
    /// # Errors
    /// If it does not start, which includes that somebody else took the port.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.process.start()?;
        let socket = self.socket();
        self.process.wait_until_ready(|| socket.exists() && self.ask("mysql", "SELECT 1").is_ok())
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

    /// Runs SQL in the database `lockout` as a user who may do everything, and gives the rows: a
    /// line for each, columns separated by tabs, `NULL` as that word.
    ///
    /// # Errors
    /// [`ServerError::Reply`] if the server answers with an error, [`ServerError::Io`] if it does
    /// not answer.
    pub fn sql(&self, statement: &str) -> Result<String, ServerError> {
        self.ask("lockout", statement)
    }

    pub(super) fn ask(&self, database: &str, statement: &str) -> Result<String, ServerError> {
        let mut client = Command::new(&self.client);
        client
            .args(["--no-defaults", "-N", "-B", "--user=root", "--default-character-set=utf8mb4"])
            .arg("--socket")
            .arg(self.socket())
            .args(["--database", database, "-e"]);
        // The client's own errors have numbers from 2000 on, the server's have not.
        sql::ask(&mut client, statement, |_, message| !message.starts_with("ERROR 2"))
    }

    fn socket(&self) -> PathBuf {
        self.process.folder().join("mariadb.sock")
    }
}
