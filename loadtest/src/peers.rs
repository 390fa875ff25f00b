//! The same login app as others write it: Django with and without its lockouts, node with and
//! without rate-limiter-flexible.
//!
//! What they run on is installed outside of the tree by `scripts/peers`. A peer is a command to
//! spawn; it chooses a free port and prints `listening on 127.0.0.1:PORT`, as the apps in Rust do.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use tempfile::TempDir;
use thiserror::Error;

pub mod django;
pub mod node;

/// The sources of the peers.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

/// Installs what the peers run on.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/peers");

/// How a password is checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hash {
    /// One salted round of a plain hash.
    Fast,
    /// argon2id with 19,456 KiB, two passes, one lane.
    Argon2,
}

impl Hash {
    /// What the apps call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Argon2 => "argon2",
        }
    }
}

/// Why a peer cannot be started.
#[derive(Debug, Error)]
pub enum Error {
    /// The script or a file of the peer could not be run or made.
    #[error("cannot prepare a peer")]
    Io(#[from] io::Error),
    /// The script failed; it said why on stderr.
    #[error("scripts/peers ended with {0}")]
    Script(ExitStatus),
    /// This machine lacks it; the script said why on stderr.
    #[error("{0} is not installed")]
    Missing(&'static str),
}

/// What the peers run on, as far as this machine has it.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    /// An interpreter that has Django and its lockouts.
    pub python: Option<PathBuf>,
    /// A folder that has rate-limiter-flexible; there is a `node` on the path then.
    pub node_modules: Option<PathBuf>,
}

impl Tools {
    /// Installs what is missing, at the first time; that may take a minute. What the script says
    /// about what it could not install goes to stderr.
    ///
    /// # Errors
    ///
    /// When the script cannot be run or fails; not when there is no Python or no node.
    pub fn fetch() -> Result<Self, Error> {
        let output = Command::new(SCRIPT).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(Error::Script(output.status));
        }
        Ok(Self::read(&String::from_utf8_lossy(&output.stdout)))
    }

    fn read(lines: &str) -> Self {
        let path = |name: &str| {
            lines.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.into()))
        };
        Self { python: path("python"), node_modules: path("node_modules") }
    }
}

/// An app that is ready to be spawned.
///
/// It runs in a process group of its own, since each app is several processes: kill the group.
#[derive(Debug)]
pub struct Peer {
    /// What to spawn.
    pub command: Command,
    /// Its accounts and its count; dropped, they are deleted, so keep it until the app has ended.
    pub folder: TempDir,
}

impl Peer {
    /// `program` in a folder of its own, with what every peer wants to know.
    fn new(program: &Path, protection: &str, hash: Hash) -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(program);
        command
            .env("PROTECTION", protection)
            .env("HASH", hash.name())
            .env("COUNT_FILE", folder.path().join("count"))
            .env("PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0);
        Ok(Self { command, folder })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Tools;

    #[test]
    fn what_is_not_printed_is_not_there() {
        let tools = Tools::read("python=/cache/of mine/python\n");
        assert_eq!(tools.python.as_deref(), Some(Path::new("/cache/of mine/python")));
        assert_eq!(tools.node_modules, None);
    }
}
