//! Any other program that listens.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use super::process::Process;
use super::watchdog::Recipe;
use super::{ServerError, port};

/// A program that listens on a free loopback port, with a temporary folder of its own as its working
/// directory: an application under test, or a server that has no type here. When this is dropped the
/// program and its children are killed and the folder removed.
///
/// ```no_run
/// use lockout_testkit::servers::OtherServer;
///
/// let server = OtherServer::start(
///     "http.server",
///     |address| ["python3", "-m", "http.server", &address.port().to_string()].map(Into::into).into(),
///     |address| std::net::TcpStream::connect(address).is_ok(),
/// )?;
/// println!("{}", server.address());
/// # Ok::<(), lockout_testkit::servers::ServerError>(())
/// ```
#[derive(Debug)]
pub struct OtherServer {
    process: Process,
    address: SocketAddr,
}

impl OtherServer {
    /// Starts what `command` says for a free address: settings of the environment (`NAME=value`) if
    /// there are any, the program, and its arguments. It is ready when it `answers`. `name` is what
    /// messages call it.
    ///
    /// # Errors
    /// If no port is free, or the program ends or does not answer within a minute; the error has the
    /// last lines that it wrote.
    pub fn start(
        name: &'static str,
        command: impl FnOnce(SocketAddr) -> Vec<String>,
        answers: impl Fn(SocketAddr) -> bool,
    ) -> Result<Self, ServerError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port::free()?));
        let command = command(address);
        let arguments: Vec<_> = command.iter().map(String::as_str).collect();
        let mut process = Process::new(Recipe {
            name,
            prepare: ":",
            script: r#"exec "$0" "$@""#,
            program: Path::new("env"),
            arguments: &arguments,
            instead_of_root: None,
        })?;
        process.start()?;
        process.wait_until_ready(|| answers(address))?;
        Ok(Self { process, address })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its folder. What it prints is in the file `log`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.process.folder()
    }

    /// The number of its first process, or of the last one if it has ended.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}
