//! One server's process and its folder, guarded so that neither outlives the test process.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::ServerError;

/// A program to run, and where Debian has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) package: &'static str,
}

/// One process at a time in a temporary folder, which is its working directory and holds its output
/// in the file `log`.
///
/// A shell stands between: it starts and kills, and when the pipe to it closes, which the kernel
/// does however this process ends, it kills the server and removes the folder.
#[derive(Debug)]
pub(super) struct Process {
    program: Program,
    shell: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    folder: PathBuf,
    pid: Option<Pid>,
}

impl Process {
    /// Makes the folder; what is to be run in it is not started yet.
    pub(super) fn new(program: Program, arguments: &[&str]) -> Result<Self, ServerError> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", include_str!("watchdog.sh"), "lockout-test-watchdog", program.name])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal is meant for the test process.
            .process_group(0)
            .spawn()
            .map_err(ServerError::io("run /bin/sh"))?;
        let orders = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().expect("it is piped"));
        let mut process =
            Self { program, shell, orders, answers, folder: PathBuf::new(), pid: None };
        process.folder = process.answer()?.into();
        Ok(process)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the program, after the one that runs has been killed.
    pub(super) fn start(&mut self) -> Result<(), ServerError> {
        self.pid = None;
        let answer = self.order("start")?;
        self.pid = answer.parse().ok().and_then(Pid::from_raw);
        match self.pid {
            Some(_) => Ok(()),
            None => Err(ServerError::Missing {
                program: self.program.name.to_owned(),
                package: self.program.package.to_owned(),
            }),
        }
    }

    /// Kills what runs, even if it is stopped, and waits until it is gone. The folder stays.
    pub(super) fn kill(&mut self) -> Result<(), ServerError> {
        self.order("stop").map(drop)
    }

    /// The process that was started last, whether or not it still runs; 0 if there was none.
    pub(super) fn pid(&self) -> u32 {
        self.pid.map_or(0, |pid| pid.as_raw_pid().unsigned_abs())
    }

    pub(super) fn is_running(&self) -> bool {
        // One that has ended stays there as a zombie until the shell waits for it.
        fs::read_to_string(format!("/proc/{}/stat", self.pid()))
            .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, state)| state[..1] != *"Z"))
    }

    /// Sends a signal, if there is a process to send it to.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid.filter(|_| self.is_running()) {
            // It may end at this very moment, which is no mistake.
            let _ = kill_process(pid, signal);
        }
    }

    /// The last lines that the program wrote.
    pub(super) fn log_end(&self) -> String {
        let log = fs::read(self.folder.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    /// The error that the program has ended, with the end of its log.
    pub(super) fn ended(&self) -> ServerError {
        ServerError::Ended { program: self.program.name.to_owned(), log: self.log_end() }
    }

    fn order(&mut self, order: &str) -> Result<String, ServerError> {
        if let Some(orders) = &mut self.orders {
            writeln!(orders, "{order}").map_err(ServerError::io("give orders to /bin/sh"))?;
        }
        self.answer()
    }

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
        self.orders = None;
        let _ = self.shell.wait();
    }
}
