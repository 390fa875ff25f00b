//! Who is compared.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A login app: the framework, and what protects it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Contender {
    /// The sample app without a lockout.
    Plain,
    /// The sample app with `MokaStore`.
    Moka,
    /// With `RedisStore`.
    Redis,
    /// With `RedisStore` behind a `LockCache`.
    RedisCached,
    /// With `PostgresStore`, locks durable.
    Postgres,
    /// With `MySqlStore` on MariaDB.
    Mariadb,
    /// With `SqliteStore` in a file.
    Sqlite,
    /// The sample app with governor, in process.
    Governor,
    /// The sample app with limitador, in process.
    Limitador,
    /// Django without a lockout.
    Django,
    /// Django with django-defender on Redis as it is installed: with a record of attempts in SQLite.
    DjangoDefender,
    /// The same without that record.
    DjangoDefenderUnlogged,
    /// Django with django-axes in SQL.
    DjangoAxes,
    /// Node without a lockout.
    Node,
    /// Node with rate-limiter-flexible on Redis.
    RateLimiterFlexible,
}

/// The framework that an app is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Our sample app.
    Axum,
    /// The Django project in `peers/django`.
    Django,
    /// The Node server in `peers/node`.
    Node,
}

/// Where an app keeps what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// In the process, or nowhere.
    InProcess,
    /// In a Redis server.
    Redis,
    /// In a PostgreSQL server.
    Postgres,
    /// In a MariaDB server.
    Mariadb,
    /// In a file.
    Sqlite,
}

/// How a password is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Hash {
    /// One salted hash, so that what the lockout costs can be seen beside it.
    Fast,
    /// argon2id with 19 MiB, two passes and one lane, as OWASP recommends.
    Argon2,
}

impl Hash {
    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Argon2 => "argon2",
        }
    }
}

impl Contender {
    /// Its name in tables and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Moka => "moka",
            Self::Redis => "redis",
            Self::RedisCached => "redis-cached",
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
            Self::Sqlite => "sqlite",
            Self::Governor => "governor",
            Self::Limitador => "limitador",
            Self::Django => "django",
            Self::DjangoDefender => "django-defender",
            Self::DjangoDefenderUnlogged => "django-defender-unlogged",
            Self::DjangoAxes => "django-axes",
            Self::Node => "node",
            Self::RateLimiterFlexible => "rate-limiter-flexible",
        }
    }

    /// What it is written with.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Django
            | Self::DjangoDefender
            | Self::DjangoDefenderUnlogged
            | Self::DjangoAxes => Family::Django,
            Self::Node | Self::RateLimiterFlexible => Family::Node,
            _ => Family::Axum,
        }
    }

    /// The app of the same family without a lockout: what is added is added to that.
    #[must_use]
    pub const fn without_lockout(self) -> Self {
        match self.family() {
            Family::Axum => Self::Plain,
            Family::Django => Self::Django,
            Family::Node => Self::Node,
        }
    }

    /// Whether it is one of ours, with a store.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        matches!(
            self,
            Self::Moka
                | Self::Redis
                | Self::RedisCached
                | Self::Postgres
                | Self::Mariadb
                | Self::Sqlite
        )
    }

    /// Where it keeps what it counts.
    #[must_use]
    pub const fn storage(self) -> Storage {
        match self {
            Self::Plain
            | Self::Moka
            | Self::Governor
            | Self::Limitador
            | Self::Django
            | Self::Node => Storage::InProcess,
            Self::Redis
            | Self::RedisCached
            | Self::DjangoDefender
            | Self::DjangoDefenderUnlogged
            | Self::RateLimiterFlexible => Storage::Redis,
            Self::Postgres | Self::DjangoAxes => Storage::Postgres,
            Self::Mariadb => Storage::Mariadb,
            Self::Sqlite => Storage::Sqlite,
        }
    }

    /// Whether it speaks HTTP/2.
    #[must_use]
    pub const fn speaks_http2(self) -> bool {
        matches!(self.family(), Family::Axum)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied()
    }
}

impl std::fmt::Display for Contender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A contender that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRun {
    /// Who.
    pub contender: Contender,
    /// Why, for people.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line_and_of_the_files() {
        for contender in Contender::all() {
            let argument = contender.to_possible_value().unwrap();
            assert_eq!(argument.get_name(), contender.name());
            assert_eq!(serde_json::to_value(contender).unwrap(), contender.name());
        }
    }
}
