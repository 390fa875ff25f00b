//! One server's processes and its folder, guarded so that neither outlives the test process.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::watchdog::{Recipe, Watchdog};
use super::{ServerError, wait};

/// One server at a time in a temporary folder, which is its working directory and holds its output
/// in the file `log`.
#[derive(Debug)]
pub(super) struct Process {
    name: &'static str,
    watchdog: Watchdog,
    pid: u32,
}

impl Process {
    /// Makes the folder; what is to be run in it is not started yet.
    pub(super) fn new(recipe: Recipe<'_>) -> Result<Self, ServerError> {
        Ok(Self { name: recipe.name, watchdog: Watchdog::new(recipe)?, pid: 0 })
    }

    pub(super) fn folder(&self) -> &Path {
        self.watchdog.folder()
    }

    /// Writes a file that the server may read, whoever runs it: nobody else gets into the folder.
    pub(super) fn write(&self, name: &str, lines: &[String]) -> Result<(), ServerError> {
        let file = self.folder().join(name);
        fs::write(&file, lines.join("\n") + "\n")
            .and_then(|()| fs::set_permissions(&file, Permissions::from_mode(0o644)))
            .map_err(ServerError::io("write the server's configuration"))
    }

    /// Starts the server, after the one that runs has been killed.
    pub(super) fn start(&mut self) -> Result<(), ServerError> {
        self.pid = self.watchdog.order("start")?.parse().unwrap_or(0);
        Ok(())
    }

    /// Kills all processes of the server, even if they are stopped, and waits until they are gone.
    /// The folder stays.
    pub(super) fn kill(&self) {
        self.tell("stop");
    }

    /// Stops all processes of the server as `SIGSTOP` does, and waits until they are.
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

    fn is_running(&self) -> bool {
        // One that has ended stays there as a zombie until the shell waits for it.
        fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, state)| state[..1] != *"Z"))
    }

    /// The last lines that the server wrote.
    fn log_end(&self) -> String {
        let log = fs::read(self.folder().join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    /// Gives an order that fails only if the shell is gone, and then nobody can carry it out.
    fn tell(&self, order: &str) {
        let _ = self.watchdog.order(order);
    }
}
