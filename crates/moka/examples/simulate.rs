//! Replays recorded attempts through a guard in virtual time, to see what a policy would do.
//!
//! The lines are those of [`lockout_core::simulate`].

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use lockout_core::Policy;
use lockout_core::simulate::{Simulation, SimulationError};
use lockout_moka::MokaStore;

const HELP: &str = "\
Replays recorded attempts through a guard in virtual time, to see what a policy would do.

Usage: simulate --policy FILE [--input FILE]

  --policy FILE   the policy, in TOML
  --input FILE    the attempts, one JSON object a line, in the order of time; - or none: stdin
  --help          prints this

Example of a policy:
  preset = \"django_defender\"
  ip = false
  [username]
  failure_limit = 5
  lockout_cooloff = [60, \"5m\", \"1h\"]

Examples of lines (outcome: failure, success or cancel; username or ip may be missing):
  {\"t\": 12.5, \"ip\": \"203.0.113.7\", \"username\": \"alice\", \"outcome\": \"failure\"}
  {\"t\": 13.0, \"op\": \"unlock\", \"subject\": \"ip:203.0.113.7\"}
  {\"t\": 14.0, \"op\": \"lock\", \"subject\": \"username:bob\", \"seconds\": 600}

Standard output has each line's fields and \"decision\" (admitted, locked or busy; an operation has
none) and \"locks\": its locked subjects, each with the seconds left, null if without end. Standard
error has a summary.

Exit status: 0 if all lines were replayed; 1 if the output cannot be written or the store failed;
2 if an argument, the policy or a line is wrong. What came before a wrong line has been written.
";

/// Enough for any recording: a replay is to show the policy, not what a full store gives up.
const CAPACITY: usize = 100_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (stdin, mut stdout) = (io::stdin().lock(), BufWriter::new(io::stdout().lock()));
    let arguments = std::env::args_os().skip(1);
    run(arguments, stdin, &mut stdout, &mut io::stderr().lock()).await.into()
}

/// Does what the arguments ask for and gives the exit status.
pub(crate) async fn run(
    arguments: impl Iterator<Item = OsString>,
    stdin: impl BufRead,
    stdout: &mut impl Write,
    stderr: &mut impl Write,
) -> u8 {
    let done = match Command::parse(arguments) {
        Ok(Command::Help) => stdout.write_all(HELP.as_bytes()).map_err(Failure::Output),
        Ok(Command::Replay { policy, input }) => replay(policy, input, stdin, stdout, stderr).await,
        Err(wrong) => Err(Failure::Wrong(format!("{wrong}; see simulate --help"))),
    };
    match done.and(stdout.flush().map_err(Failure::Output)) {
        Ok(()) => 0,
        // Whoever reads the output has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(failure) => {
            // There is nowhere else to complain.
            let _ = writeln!(stderr, "{}", failure.to_string().trim_end());
            failure.exit_status()
        }
    }
}

#[derive(Debug)]
enum Failure {
    Wrong(String),
    Store(SimulationError),
    Output(io::Error),
}

impl Failure {
    const fn exit_status(&self) -> u8 {
        match self {
            Self::Wrong(_) => 2,
            Self::Store(_) | Self::Output(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(what) => f.write_str(what),
            Self::Store(error) => error.fmt(f),
            Self::Output(error) => write!(f, "the output cannot be written: {error}"),
        }
    }
}

enum Command {
    Help,
    Replay { policy: PathBuf, input: Option<PathBuf> },
}

impl Command {
    fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let (mut policy, mut input) = (None, None);
        while let Some(argument) = arguments.next() {
            let file = match argument.to_str() {
                Some("--help" | "-h") => return Ok(Self::Help),
                Some("--policy") => &mut policy,
                Some("--input") => &mut input,
                _ => return Err(format!("{argument:?} is no argument")),
            };
            let name = arguments.next().ok_or(format!("{argument:?} needs a file"))?;
            if file.replace(PathBuf::from(name)).is_some() {
                return Err(format!("{argument:?} is there twice"));
            }
        }
        let policy = policy.ok_or("--policy is missing")?;
        Ok(Self::Replay { policy, input: input.filter(|input| input.as_os_str() != "-") })
    }
}

async fn replay(
    policy: PathBuf,
    input: Option<PathBuf>,
    stdin: impl BufRead,
    stdout: &mut impl Write,
    stderr: &mut impl Write,
) -> Result<(), Failure> {
    let wrong = |file: &PathBuf, what: &dyn fmt::Display| {
        Failure::Wrong(format!("{}: {what}", file.display()))
    };
    let text = fs::read_to_string(&policy).map_err(|error| wrong(&policy, &error))?;
    let rules: Policy = toml::from_str(&text).map_err(|error| wrong(&policy, &error))?;
    let store = MokaStore::builder().capacity(CAPACITY).build();
    let store = store.map_err(|error| Failure::Wrong(error.to_string()))?;
    let mut simulation = Simulation::new(store, rules);
    match input {
        None => replay_lines(&mut simulation, "standard input", stdin, stdout).await?,
        Some(file) => {
            let lines = File::open(&file).map_err(|error| wrong(&file, &error))?;
            let name = file.display().to_string();
            replay_lines(&mut simulation, &name, BufReader::new(lines), stdout).await?;
        }
    }
    writeln!(stderr, "{}", simulation.summary()).map_err(Failure::Output)
}

async fn replay_lines(
    simulation: &mut Simulation,
    name: &str,
    lines: impl BufRead,
    stdout: &mut impl Write,
) -> Result<(), Failure> {
    for (index, line) in lines.lines().enumerate() {
        let wrong =
            |what: &dyn fmt::Display| Failure::Wrong(format!("{name}: line {}: {what}", index + 1));
        let line = line.map_err(|error| wrong(&error))?;
        let answer = match simulation.replay(&line).await {
            Ok(answer) => answer,
            Err(error @ SimulationError::Store(_)) => return Err(Failure::Store(error)),
            Err(error) => return Err(wrong(&error)),
        };
        if let Some(answer) = answer {
            writeln!(stdout, "{answer}").map_err(Failure::Output)?;
        }
    }
    Ok(())
}
