//! How a MariaDB server is to be started.

use super::process::Process;
use super::program::Program;
use super::token::token;
use super::watchdog::Recipe;
use super::{MariaDbServer, ServerError, port};

const MARIADB: Program =
    Program { name: "mariadbd", package: "mariadb-server", folder: "/usr/sbin" };
const INSTALLER: Program =
    Program { name: "mariadb-install-db", package: "mariadb-server", folder: "/usr/bin" };
const CLIENT: Program = Program { name: "mariadb", package: "mariadb-client", folder: "/usr/bin" };

/// `$1` makes an empty database, in whose place nobody needs syncing: it is not written again.
const PREPARE: &str = r#"
[ -d data ] || "$1" --no-defaults --user="$(id -un)" --datadir="$PWD/data" --tmpdir="$PWD/tmp" \
    --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve \
    --innodb-log-file-size=32M --debug-no-sync >/dev/null
"#;

const SCRIPT: &str = r#"
exec "$0" --defaults-file=my.cnf --user="$(id -un)" --datadir="$PWD/data" --tmpdir="$PWD/tmp" \
    --socket="$PWD/mariadb.sock"
"#;

const SETTINGS: [&str; 7] = [
    "[mariadbd]",
    "bind-address = 127.0.0.1",
    "skip-name-resolve",
    "character-set-server = utf8mb4",
    "max-connections = 200",
    "innodb-buffer-pool-size = 64M",
    "innodb-log-file-size = 32M",
];

const FORGETFUL: [&str; 2] = ["innodb-flush-log-at-trx-commit = 0", "debug-no-sync"];

/// Settings of a [`MariaDbServer`] that is not started yet.
#[derive(Debug)]
#[must_use]
pub struct MariaDbServerBuilder {
    program: Program,
    durable: bool,
    config: Vec<String>,
}

impl MariaDbServerBuilder {
    pub(super) fn new() -> Self {
        Self { program: MARIADB, durable: false, config: Vec::new() }
    }

    /// Lets the server write to disk as it does by default: what is committed is there after
    /// [`MariaDbServer::kill`].
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Adds a line of `my.cnf`: the value is written as it is, so quotes are the caller's.
    pub fn config(mut self, key: &str, value: &str) -> Self {
        self.config.push(format!("{key} = {value}"));
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if MariaDB is not installed; others if it does not start, with the
    /// end of its log.
    pub fn start(self) -> Result<MariaDbServer, ServerError> {
        let process = Process::new(Recipe {
            name: self.program.name,
            prepare: PREPARE,
            script: SCRIPT,
            program: &self.program.find()?,
            arguments: &[&INSTALLER.find()?.to_string_lossy()],
            instead_of_root: None,
        })?;
        let client = CLIENT.find()?;
        let mut server = MariaDbServer { process, port: 0, password: token(), client };
        port::find(|port| server.start_on(port, &self.lines()))?;
        server.ask("mysql", &server.users())?;
        Ok(server)
    }

    fn lines(&self) -> Vec<String> {
        let forgetful: &[&str] = if self.durable { &[] } else { &FORGETFUL };
        let ours = SETTINGS.iter().chain(forgetful).map(|line| (*line).to_owned());
        ours.chain(self.config.iter().cloned()).collect()
    }
}

impl MariaDbServer {
    fn start_on(&mut self, port: u16, lines: &[String]) -> Result<(), ServerError> {
        self.port = port;
        self.process.write("my.cnf", &[lines, &[format!("port = {port}")]].concat())?;
        self.restart()
    }

    /// Root has no password, so it comes only through the unix socket, which is in the server's
    /// folder.
    fn users(&self) -> String {
        let user = |host| {
            format!(
                "CREATE USER lockout@'{host}' IDENTIFIED BY '{}'; \
                 GRANT ALL ON lockout.* TO lockout@'{host}';",
                self.password
            )
        };
        format!(
            "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost'; \
             FLUSH PRIVILEGES; CREATE DATABASE lockout; {} {}",
            user("127.0.0.1"),
            user("localhost"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{MARIADB, MariaDbServerBuilder, Program, ServerError};

    #[test]
    fn a_server_that_is_not_installed_is_an_error_that_names_the_package() {
        let mut builder = MariaDbServerBuilder::new();
        builder.program = Program { name: "mariadbd-of-nobody", ..MARIADB };
        let error = builder.start().unwrap_err();
        assert!(matches!(error, ServerError::Missing { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            "`mariadbd-of-nobody` is not installed: install the Debian package mariadb-server \
             (apt-get install mariadb-server)"
        );
    }
}
