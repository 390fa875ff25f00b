//! How a PostgreSQL server is to be started.

use super::process::Process;
use super::program::Program;
use super::watchdog::Recipe;
use super::{PostgresServer, ServerError, port};

const POSTGRES: Program =
    Program { name: "postgres", package: "postgresql", folder: "/usr/lib/postgresql/*/bin" };

const PREPARE: &str = r#"
[ -d data ] || "${0%/*}/initdb" -D data -U postgres -E UTF8 --locale=C.UTF-8 --no-sync \
    --auth=trust >/dev/null
"#;

const SCRIPT: &str = r#"exec "$0" -D data -c config_file=postgresql.conf"#;

/// Superusers come only through the unix socket, which is in the server's folder: what they may do
/// includes running programs.
const ACCESS: [&str; 2] = ["local all all trust", "host lockout lockout 127.0.0.1/32 trust"];

const SETTINGS: [&str; 7] = [
    "listen_addresses = '127.0.0.1'",
    "unix_socket_directories = '..'",
    "hba_file = 'pg_hba.conf'",
    // In the server's folder, where it goes with everything else.
    "dynamic_shared_memory_type = mmap",
    "lc_messages = 'C'",
    "log_timezone = 'UTC'",
    "max_connections = 200",
];

const FORGETFUL: [&str; 3] = ["fsync = off", "synchronous_commit = off", "full_page_writes = off"];

/// Settings of a [`PostgresServer`] that is not started yet.
#[derive(Debug)]
#[must_use]
pub struct PostgresServerBuilder {
    program: Program,
    durable: bool,
    config: Vec<String>,
}

impl PostgresServerBuilder {
    pub(super) fn new() -> Self {
        Self { program: POSTGRES, durable: false, config: Vec::new() }
    }

    /// Lets the server write to disk as it does by default: what is committed is there after
    /// [`PostgresServer::kill`].
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Adds a line of `postgresql.conf`: the value is written as it is, so quotes are the caller's.
    pub fn config(mut self, key: &str, value: &str) -> Self {
        self.config.push(format!("{key} = {value}"));
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if PostgreSQL is not installed; others if it does not start, with
    /// the end of its log.
    pub fn start(self) -> Result<PostgresServer, ServerError> {
        // A link to it may stand alone, without the other programs.
        let program = self
            .program
            .find()?
            .canonicalize()
            .map_err(ServerError::io("find the programs of PostgreSQL"))?;
        let process = Process::new(Recipe {
            name: self.program.name,
            prepare: PREPARE,
            script: SCRIPT,
            program: &program,
            arguments: &[],
            instead_of_root: Some("postgres"),
        })?;
        process.write("pg_hba.conf", &ACCESS.map(str::to_owned))?;
        let mut server = PostgresServer { process, port: 0, psql: program.with_file_name("psql") };
        port::find(|port| server.start_on(port, &self.lines()))?;
        server.ask("postgres", "CREATE ROLE lockout LOGIN")?;
        server.ask("postgres", "CREATE DATABASE lockout OWNER lockout")?;
        Ok(server)
    }

    fn lines(&self) -> Vec<String> {
        let forgetful: &[&str] = if self.durable { &[] } else { &FORGETFUL };
        let ours = SETTINGS.iter().chain(forgetful).map(|line| (*line).to_owned());
        ours.chain(self.config.iter().cloned()).collect()
    }
}

impl PostgresServer {
    fn start_on(&mut self, port: u16, lines: &[String]) -> Result<(), ServerError> {
        self.port = port;
        self.process.write("postgresql.conf", &[&[format!("port = {port}")], lines].concat())?;
        self.restart()
    }
}

#[cfg(test)]
mod tests {
    use super::{POSTGRES, PostgresServerBuilder, Program, ServerError};

    #[test]
    fn a_server_that_is_not_installed_is_an_error_that_names_the_package() {
        let mut builder = PostgresServerBuilder::new();
        builder.program = Program { name: "postgres-of-nobody", ..POSTGRES };
        let error = builder.start().unwrap_err();
        assert!(matches!(error, ServerError::Missing { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            "`postgres-of-nobody` is not installed: install the Debian package postgresql \
             (apt-get install postgresql)"
        );
    }
}
