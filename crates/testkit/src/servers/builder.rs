//! How a Redis server is to be started.

use std::fs;

use super::process::{Process, Program};
use super::redis::Credentials;
use super::token::token;
use super::{RedisServer, ServerError, port};

const REDIS: Program = Program { name: "redis-server", package: "redis-server" };

/// How often another port is tried when somebody takes it first.
const ATTEMPTS: usize = 5;

/// The user that [`RedisServer::cli`] is when the default user is off.
const ADMIN: &str = "lockout-testkit-admin";

/// Settings of a [`RedisServer`] that is not started yet.
#[derive(Debug)]
#[must_use]
pub struct RedisServerBuilder {
    program: Program,
    arguments: &'static [&'static str],
    users: Vec<Credentials>,
    config: Vec<String>,
}

impl RedisServerBuilder {
    pub(super) fn new() -> Self {
        Self {
            program: REDIS,
            arguments: &["redis.conf"],
            users: Vec::new(),
            config: vec!["save \"\"".into(), "appendonly no".into()],
        }
    }

    /// Adds a user who may give every command, but only for keys and channels whose names begin
    /// with `lockout`. As soon as there is a user, nobody gets in without a password.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push(Credentials { name: name.to_owned(), password: password.to_owned() });
        self
    }

    /// Adds a line of `redis.conf`: the value is written as it is, so quotes are the caller's.
    pub fn config(mut self, key: &str, value: &str) -> Self {
        self.config.push(format!("{key} {value}"));
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if Redis is not installed; others if it does not start, with the end
    /// of its log.
    pub fn start(self) -> Result<RedisServer, ServerError> {
        let admin = (!self.users.is_empty())
            .then(|| Credentials { name: ADMIN.to_owned(), password: token() });
        let process = Process::new(self.program, self.arguments)?;
        let mut server = RedisServer { process, port: 0, users: self.users, admin, ca_pem: None };
        for _ in 1..ATTEMPTS {
            match attempt(&mut server, &self.config) {
                Err(error) if error.is_taken_port() => {}
                result => return result.map(|()| server),
            }
        }
        attempt(&mut server, &self.config).map(|()| server)
    }
}

fn attempt(server: &mut RedisServer, config: &[String]) -> Result<(), ServerError> {
    server.port = port::free()?;
    let mut lines = vec![
        "bind 127.0.0.1".to_owned(),
        "unixsocket redis.sock".to_owned(),
        format!("port {}", server.port),
    ];
    if let Some(admin) = &server.admin {
        lines.push("user default off".to_owned());
        lines.push(user(admin, "~* &* +@all"));
    }
    lines.extend(server.users.iter().map(|one| user(one, "~lockout* &lockout* +@all")));
    lines.extend_from_slice(config);
    fs::write(server.process.folder().join("redis.conf"), lines.join("\n") + "\n")
        .map_err(ServerError::io("write redis.conf"))?;
    server.restart()
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
    use super::{Program, RedisServerBuilder, ServerError};

    #[test]
    fn a_server_that_is_not_installed_is_an_error_that_names_the_package() {
        let mut builder = RedisServerBuilder::new();
        builder.program = Program { name: "redis-server-of-nobody", package: "redis-server" };
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
