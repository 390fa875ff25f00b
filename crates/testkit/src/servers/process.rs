//! One server's processes and its folder, guarded so that neither outlives the test process.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::{ServerError, wait};

/// How a server is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipe<'a> {
    /// What messages call it.
    pub(super) name: &'static str,
    /// A script for `sh` in the server's folder, which becomes the server in the end.
    pub(super) script: &'static str,
    /// The script's `$0`.
    pub(super) program: &'a Path,
    /// The script's `$@`.
    pub(super) arguments: &'a [&'a str],
    /// Who runs it if this process is root's: for a server that refuses to be root's.
    pub(super) instead_of_root: Option<&'static str>,
}

/// One server at a time in a temporary folder, which is its working directory and holds its output
/// in the file `log`.
///
/// A shell stands between: it starts and kills, and when the pipe to it closes, which the kernel
/// does however this process ends, it kills the server and removes the folder.
#[derive(Debug)]
pub(super) struct Process {
    name: &'static str,
    shell: Child,
    pipes: Mutex<Pipes>,
    folder: PathBuf,
    pid: u32,
}

/// To the shell and back.
#[derive(Debug)]
struct Pipes {
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Process {
    /// Makes the folder; what is to be run in it is not started yet.
    pub(super) fn new(recipe: Recipe<'_>) -> Result<Self, ServerError> {
        let mut shell = shell_of(recipe.instead_of_root)
            .args(["-c", include_str!("watchdog.sh"), "lockout-test-watchdog", recipe.script])
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
        let mut pipes = Pipes { orders, answers };
        let folder = pipes.answer();
        let mut process = Self {
            name: recipe.name,
            shell,
            pipes: Mutex::new(pipes),
            folder: PathBuf::new(),
            pid: 0,
        };
        process.folder = folder?.into();
        Ok(process)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file that the server may read, whoever runs it.
    pub(super) fn write(&self, name: &str, lines: &[String]) -> Result<(), ServerError> {
        use std::os::unix::fs::PermissionsExt as _;
        let file = self.folder.join(name);
        fs::write(&file, lines.join("\n") + "\n")
            // Nobody else gets into the folder.
            .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o644)))
            .map_err(ServerError::io("write the server's configuration"))
    }

    /// Starts the server, after the one that runs has been killed.
    pub(super) fn start(&mut self) -> Result<(), ServerError> {
        self.pid = self.order("start")?.parse().unwrap_or(0);
        Ok(())
    }

    /// Kills all processes of the server, even if they are stopped, and waits until they are gone.
    /// The folder stays.
    pub(super) fn kill(&self) {
        self.tell("stop");
    }

    /// Stops all processes of the server as `SIGSTOP` does.
    pub(super) fn pause(&self) {
        self.tell("pause");
    }

    /// Lets all of them go on.
    pub(super) fn resume(&self) {
        self.tell("resume");
    }

    /// The process that was started last, whether or not it still runs; 0 if there was none.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    fn is_running(&self) -> bool {
        // One that has ended stays there as a zombie until the shell waits for it.
        fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, state)| state[..1] != *"Z"))
    }

    /// Waits until the server answers, or else says why it does not.
    pub(super) fn wait_until_ready(&self, answers: impl Fn() -> bool) -> Result<(), ServerError> {
        let ready = wait::until(|| match self.is_running() {
            true => answers().then_some(Ok(())),
            false => Some(Err(self.ended())),
        });
        ready.unwrap_or_else(|| Err(self.timed_out("the server answers")))
    }

    /// The error that something was not so in time, with the end of the log.
    pub(super) fn timed_out(&self, until: &str) -> ServerError {
        ServerError::TimedOut {
            until: until.to_owned(),
            seconds: wait::seconds(),
            log: self.log_end(),
        }
    }

    fn ended(&self) -> ServerError {
        ServerError::Ended { program: self.name.to_owned(), log: self.log_end() }
    }

    /// The last lines that the server wrote.
    fn log_end(&self) -> String {
        let log = fs::read(self.folder.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    /// Gives an order that fails only if the shell is gone, and then nobody can carry it out.
    fn tell(&self, order: &str) {
        let _ = self.order(order);
    }

    fn order(&self, order: &str) -> Result<String, ServerError> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(orders) = &mut pipes.orders {
            writeln!(orders, "{order}").map_err(ServerError::io("give orders to /bin/sh"))?;
        }
        pipes.answer()
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

impl Drop for Process {
    fn drop(&mut self) {
        self.pipes.get_mut().unwrap_or_else(PoisonError::into_inner).orders = None;
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
