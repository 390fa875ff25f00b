//! How a Redis server is to be started.

use std::fs;
use std::path::Path;

use super::certificate::Certificate;
use super::process::Process;
use super::program::Program;
use super::redis::Credentials;
use super::token::token;
use super::watchdog::Recipe;
use super::{RedisServer, ServerError, port};

const REDIS: Program =
    Program { name: "redis-server", package: "redis-server", folder: "/usr/bin" };

/// The user that [`RedisServer::cli`] is when the default user is off.
const ADMIN: &str = "lockout-testkit-admin";

const TLS: [&str; 3] =
    ["tls-cert-file server.crt", "tls-key-file server.key", "tls-auth-clients no"];

/// Settings of a [`RedisServer`] that is not started yet.
#[derive(Debug)]
#[must_use]
pub struct RedisServerBuilder {
    program: Program,
    arguments: &'static [&'static str],
    users: Vec<Credentials>,
    tls: bool,
    cluster_bus: bool,
    config: Vec<String>,
}

impl RedisServerBuilder {
    pub(super) fn new() -> Self {
        Self {
            program: REDIS,
            arguments: &["redis.conf"],
            users: Vec::new(),
            tls: false,
            cluster_bus: false,
            config: vec!["save \"\"".into(), "appendonly no".into()],
        }
    }

    /// For a server that only watches others.
    pub(super) fn sentinel() -> Self {
        Self { arguments: &["redis.conf", "--sentinel"], config: Vec::new(), ..Self::new() }
    }

    /// Adds a user who may give every command, but only for keys and channels whose names begin
    /// with `lockout`. As soon as there is a user, nobody gets in without a password.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push(Credentials { name: name.to_owned(), password: password.to_owned() });
        self
    }

    /// Makes the port speak TLS only, with a certificate for `127.0.0.1` and `localhost`. Clients
    /// need none. The unix socket stays without.
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Adds a line of `redis.conf`: the value is written as it is, so quotes are the caller's.
    pub fn config(mut self, key: &str, value: &str) -> Self {
        self.config.push(format!("{key} {value}"));
        self
    }

    /// Gives the server a port to talk to the other nodes of a cluster.
    pub(super) fn cluster_bus(mut self) -> Self {
        self.cluster_bus = true;
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if Redis is not installed; others if it does not start, with the
    /// end of its log.
    pub fn start(self) -> Result<RedisServer, ServerError> {
        let process = Process::new(Recipe {
            name: self.program.name,
            prepare: ":",
            script: "exec \"$0\" \"$@\"",
            program: &self.program.find()?,
            arguments: self.arguments,
            instead_of_root: None,
        })?;
        let users = self.users;
        let admin =
            (!users.is_empty()).then(|| Credentials { name: ADMIN.to_owned(), password: token() });
        let ca_pem = self.tls.then(|| write_certificate(process.folder())).transpose()?;
        let mut server = RedisServer { process, port: 0, users, admin, ca_pem };
        port::find(|port| server.start_on(port, self.cluster_bus, &self.config))?;
        Ok(server)
    }
}

impl RedisServer {
    fn start_on(
        &mut self,
        port: u16,
        cluster_bus: bool,
        config: &[String],
    ) -> Result<(), ServerError> {
        self.port = port;
        let mut lines = vec!["bind 127.0.0.1".to_owned(), "unixsocket redis.sock".to_owned()];
        if self.ca_pem.is_some() {
            lines.extend(["port 0".to_owned(), format!("tls-port {}", self.port)]);
            lines.extend(TLS.map(str::to_owned));
        } else {
            lines.push(format!("port {}", self.port));
        }
        if cluster_bus {
            lines.push(format!("cluster-port {}", port::free()?));
        }
        if let Some(admin) = &self.admin {
            lines.push("user default off".to_owned());
            lines.push(user(admin, "~* &* +@all"));
        }
        lines.extend(self.users.iter().map(|one| user(one, "~lockout* &lockout* +@all")));
        lines.extend_from_slice(config);
        self.process.write("redis.conf", &lines)?;
        self.restart()
    }
}

/// Gives the authority's certificate.
fn write_certificate(folder: &Path) -> Result<String, ServerError> {
    let certificate = Certificate::for_loopback()?;
    fs::write(folder.join("server.crt"), &certificate.server)
        .and_then(|()| fs::write(folder.join("server.key"), &certificate.key))
        .map_err(ServerError::io("write a certificate"))?;
    Ok(certificate.ca)
}

fn user(credentials: &Credentials, rights: &str) -> String {
    let name = quoted(&credentials.name);
    let password = quoted(&format!(">{}", credentials.password));
    format!("user {name} on {password} {rights}")
}

/// As one word of `redis.conf`, whatever is in it.
fn quoted(word: &str) -> String {
    let escaped: String = word.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::{Program, REDIS, RedisServerBuilder, ServerError};

    #[test]
    fn a_server_that_is_not_installed_is_an_error_that_names_the_package() {
        let mut builder = RedisServerBuilder::new();
        builder.program = Program { name: "redis-server-of-nobody", ..REDIS };
        let error = builder.start().unwrap_err();
        assert!(matches!(error, ServerError::Missing { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            "`redis-server-of-nobody` is not installed: install the Debian package redis-server \
             (apt-get install redis-server)"
        );
    }

    #[test]
    fn a_setting_that_redis_does_not_know_is_an_error_with_its_log() {
        let error = RedisServerBuilder::new().config("no-such-thing", "1").start().unwrap_err();
        assert!(matches!(error, ServerError::Ended { .. }), "{error}");
        assert!(error.to_string().contains("no-such-thing"), "{error}");
    }
}
