//! The same login app as others write it: Django with and without its lockouts, node with and
//! without rate-limiter-flexible; and two libraries without an app.
//!
//! What they run on is installed outside of the tree by `scripts/peers`. A peer is a command: settings
//! of the environment, a program and its arguments.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use thiserror::Error;

use crate::contender::{Contender, Hash};

/// The sources of the peers.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

/// Installs what the peers run on.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/peers");

/// Why a peer cannot be started.
#[derive(Debug, Error)]
pub enum PeerError {
    /// The script could not be run.
    #[error("scripts/peers cannot be run: {0}")]
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
    /// The program that measures limitador on Redis.
    pub limitador: Option<PathBuf>,
}

impl Tools {
    /// Installs what is missing, at the first time; that may take minutes. The script's words about
    /// what it could not install go to stderr. Blocks the thread.
    ///
    /// # Errors
    /// When the script cannot be run or fails; not when there is no Python or no node.
    pub fn fetch() -> Result<Self, PeerError> {
        let output = Command::new(SCRIPT).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(PeerError::Script(output.status));
        }
        Ok(Self::read(&String::from_utf8_lossy(&output.stdout)))
    }

    fn read(lines: &str) -> Self {
        let path = |name: &str| {
            lines.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.into()))
        };
        Self {
            python: path("python"),
            node_modules: path("node_modules"),
            limitador: path("limitador"),
        }
    }

    /// The login app of a contender that is not the sample app, over the store at this place. Its
    /// files are in the folder that it is started in.
    ///
    /// # Errors
    /// If what it runs on is not installed.
    pub fn app(
        &self,
        contender: Contender,
        hash: Hash,
        url: Option<&str>,
    ) -> Result<impl FnOnce(SocketAddr) -> Vec<String> + use<>, PeerError> {
        let (protection, store) = match contender {
            Contender::DjangoDefender => ("defender", "REDIS_URL"),
            Contender::DjangoDefenderUnlogged => ("defender-unlogged", "REDIS_URL"),
            Contender::DjangoAxes => ("axes", "POSTGRES_URL"),
            Contender::RateLimiterFlexible => ("rate-limiter-flexible", "REDIS_URL"),
            _ => ("plain", "STORE_URL"),
        };
        let (settings, program) = match contender {
            Contender::Node | Contender::RateLimiterFlexible => self.node("server.js")?,
            _ => self.django()?,
        };
        let mut command = settings;
        command.push(format!("PROTECTION={protection}"));
        command.push(format!("HASH={}", hash.name()));
        command.push("COUNT_FILE=count".to_owned());
        command.extend(url.map(|url| format!("{store}={url}")));
        Ok(move |address: SocketAddr| {
            command.push(format!("PORT={}", address.port()));
            command.extend(program);
            command
        })
    }

    /// Failed logins by rate-limiter-flexible's recipe without HTTP and passwords: `loops` at a time
    /// for so many seconds. It prints `{"logins": n, "seconds": s}` and ends.
    ///
    /// # Errors
    /// If node is not installed.
    pub fn rate_limiter_flexible(
        &self,
        seconds: u64,
        loops: u32,
    ) -> Result<Vec<String>, PeerError> {
        let (mut command, program) = self.node("throughput.js")?;
        command.extend(program);
        command.extend([seconds.to_string(), loops.to_string()]);
        Ok(command)
    }

    /// The same by limitador on Redis.
    ///
    /// # Errors
    /// If it could not be built.
    pub fn limitador(&self, seconds: u64, loops: u32) -> Result<Vec<String>, PeerError> {
        let program = self.limitador.as_ref().ok_or(PeerError::Missing("limitador"))?;
        Ok(vec![program.display().to_string(), seconds.to_string(), loops.to_string()])
    }

    /// Settings, and the program with its arguments.
    fn django(&self) -> Result<(Vec<String>, Vec<String>), PeerError> {
        let python = self.python.as_ref().ok_or(PeerError::Missing("Python with Django"))?;
        let settings = [
            "DJANGO_SETTINGS_MODULE=settings",
            "PYTHONDONTWRITEBYTECODE=1",
            "GUNICORN_CMD_ARGS=",
            "DATABASE=accounts.sqlite",
        ];
        let mut settings = settings.map(str::to_owned).to_vec();
        settings.push(format!("PYTHONPATH={SOURCES}/django"));
        let config = format!("{SOURCES}/django/gunicorn.conf.py");
        let program = [&python.display().to_string(), "-m", "gunicorn", "--config", &config];
        Ok((settings, program.map(str::to_owned).to_vec()))
    }

    /// The same of a script.
    fn node(&self, script: &str) -> Result<(Vec<String>, Vec<String>), PeerError> {
        let modules = self.node_modules.as_ref().ok_or(PeerError::Missing("node's modules"))?;
        let settings = vec![format!("NODE_PATH={}", modules.display())];
        Ok((settings, vec!["node".to_owned(), format!("{SOURCES}/node/{script}")]))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_not_printed_is_not_there_and_says_so() {
        let tools = Tools::read("python=/cache/of mine/python\n");
        assert_eq!(tools.python.as_deref(), Some(Path::new("/cache/of mine/python")));
        assert!(tools.app(Contender::Django, Hash::Fast, None).is_ok());
        let missing = tools.app(Contender::Node, Hash::Fast, None).err().unwrap();
        assert_eq!(missing.to_string(), "node's modules is not installed");
        assert!(tools.limitador(1, 1).is_err());
    }
}
