//! The shell that stands between a test process and a server.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ServerError;

/// How a server is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipe<'a> {
    /// What messages call it.
    pub(super) name: &'static str,
    /// A script for `sh` in the server's folder, which makes it ready if it is not.
    pub(super) prepare: &'static str,
    /// A script that becomes the server.
    pub(super) script: &'static str,
    /// The scripts' `$0`.
    pub(super) program: &'a Path,
    /// The scripts' `$@`.
    pub(super) arguments: &'a [&'a str],
    /// Who runs it if this process is root's: for a server that refuses to be root's.
    pub(super) instead_of_root: Option<&'static str>,
}

/// Starts and kills a server; and when the pipe to it closes, which the kernel does however this
/// process ends, it kills the server and removes its folder.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
    pipes: Mutex<Pipes>,
    folder: PathBuf,
}

/// To the shell and back.
#[derive(Debug)]
struct Pipes {
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Watchdog {
    /// Makes the folder.
    pub(super) fn new(recipe: Recipe<'_>) -> Result<Self, ServerError> {
        let mut shell = shell_of(recipe.instead_of_root)
            .args(["-c", include_str!("watchdog.sh"), "lockout-test-watchdog"])
            .args([recipe.prepare, recipe.script])
            .arg(recipe.program)
            .args(recipe.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal is meant for the test process.
            .process_group(0)
            .spawn()
            .map_err(ServerError::io("run /bin/sh"))?;
        let orders = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().expect("it is piped"));
        let pipes = Mutex::new(Pipes { orders, answers });
        let mut watchdog = Self { shell, pipes, folder: PathBuf::new() };
        let folder = watchdog.pipes().answer()?;
        watchdog.folder = folder.into();
        Ok(watchdog)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives an order and waits for the answer.
    pub(super) fn order(&self, order: &str) -> Result<String, ServerError> {
        let mut pipes = self.pipes();
        if let Some(orders) = &mut pipes.orders {
            writeln!(orders, "{order}").map_err(ServerError::io("give orders to /bin/sh"))?;
        }
        pipes.answer()
    }

    fn pipes(&self) -> MutexGuard<'_, Pipes> {
        self.pipes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pipes {
    fn answer(&mut self) -> Result<String, ServerError> {
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .and_then(|read| if read == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) })
            .map_err(ServerError::io("make a temporary folder and run a server in it"))?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.pipes().orders = None;
        let _ = self.shell.wait();
    }
}

/// All is that user's then: whoever owns the processes, the folder and the shared memory can remove
/// them, whatever root may not do in a container.
fn shell_of(instead_of_root: Option<&str>) -> Command {
    match instead_of_root.filter(|_| rustix::process::geteuid().is_root()) {
        Some(user) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--regid", user, "--clear-groups", "/bin/sh"]);
            command
        }
        None => Command::new("/bin/sh"),
    }
}
