//! Why a throw-away server could not be used.

use std::io;

/// Why a throw-away server could not be started or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The program is neither in `PATH` nor where Debian has it.
    #[error(
        "`{program}` is not installed: install the Debian package {package} \
         (apt-get install {package})"
    )]
    Missing {
        /// What was to be run.
        program: String,
        /// The Debian package that has it.
        package: String,
    },
    /// The server ended before it was ready.
    #[error("{program} ended before it was ready; its log ends with:\n{log}")]
    Ended {
        /// What was run.
        program: String,
        /// The last lines of its log.
        log: String,
    },
    /// What was waited for did not come in time.
    #[error("waited {seconds} s in vain until {until}; the log ends with:\n{log}")]
    TimedOut {
        /// What should have been the case.
        until: String,
        /// For how long it was waited.
        seconds: u64,
        /// The last lines of the server's log.
        log: String,
    },
    /// The server answered a command or a statement with an error.
    #[error("the answer to {command} is an error: {message}")]
    Reply {
        /// The first word of what the server was told.
        command: String,
        /// The error as the server sent it.
        message: String,
    },
    /// No free port was found.
    #[error("no free port on the loopback interface")]
    NoPort,
    /// The certificate could not be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The operating system refused something.
    #[error("cannot {action}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

impl ServerError {
    /// For `map_err`: what was tried when `source` happened.
    pub(super) fn io(action: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }

    /// Whether somebody else took the port between its choice and its use.
    pub(super) fn is_taken_port(&self) -> bool {
        matches!(self, Self::Ended { log, .. } if log.contains("Address already in use"))
    }
}
