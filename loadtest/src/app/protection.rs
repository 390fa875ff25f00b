//! What stands before the password.

use std::net::IpAddr;

use lockout_core::{Attempt, Decision, Guard, LockoutStore, Permit, Policy};
use lockout_layers::LockCache;
use lockout_moka::MokaStore;
use lockout_redis::RedisStore;
use lockout_sql::{Dialect, MySqlStore, PostgresStore, SqlStore, SqliteStore};

use super::governor::Governor;
use super::limitador::{Limitador, Place};
use crate::Result;
use crate::contender::Contender;

/// Records that `MokaStore` has room for: as large a flood as these tests make, so that no newcomer has to
/// share a record with others.
const CAPACITY: usize = 1_000_000;

/// What protects the sample app.
#[derive(Debug)]
pub enum Protection {
    /// Nothing.
    Plain,
    /// A guard over one of the stores.
    Guard(Guard),
    /// Quotas of governor.
    Governor(Governor),
    /// Limits of limitador.
    Limitador(Limitador),
}

/// What it says of an attempt.
pub(super) enum Admission<'a> {
    /// The password may be looked at; what becomes of it is to be told.
    Admitted(Pending<'a>),
    /// It may not.
    Refused,
}

/// An attempt that was let through and waits for its outcome.
pub(super) enum Pending<'a> {
    Plain,
    Permit(Permit),
    Place { limitador: &'a Limitador, place: Place, client: IpAddr },
}

impl Protection {
    /// That of one of the contenders that are the sample app, over the store at this place.
    ///
    /// # Errors
    /// If the contender is another app, if it needs a store and there is none, or if the store does
    /// not answer.
    pub async fn of(contender: Contender, url: Option<&str>) -> Result<Self> {
        let needed = || url.ok_or_else(|| format!("{contender} needs the URL of its store"));
        Ok(match contender {
            Contender::Plain => Self::Plain,
            Contender::Moka => Self::guard(MokaStore::builder().capacity(CAPACITY).build()?),
            Contender::Redis => Self::guard(RedisStore::open(needed()?)?),
            Contender::RedisCached => Self::guard(LockCache::new(RedisStore::open(needed()?)?)),
            Contender::Postgres => Self::guard(migrated(PostgresStore::open(needed()?)?).await?),
            Contender::Mariadb => Self::guard(migrated(MySqlStore::open(needed()?)?).await?),
            Contender::Sqlite => Self::guard(migrated(SqliteStore::open(needed()?)?).await?),
            Contender::Governor => Self::Governor(Governor::new()),
            Contender::Limitador => Self::Limitador(Limitador::new()?),
            _ => return Err(format!("{contender} is not the sample app").into()),
        })
    }

    /// The default policy: three failures of a name are tolerated, thirty of an address.
    fn guard(store: impl LockoutStore) -> Self {
        Self::Guard(Guard::new(store, Policy::default()))
    }

    /// Asks whether the password may be looked at.
    pub(super) async fn admit(&self, username: &str, client: IpAddr) -> Result<Admission<'_>> {
        match self {
            Self::Plain => Ok(Admission::Admitted(Pending::Plain)),
            Self::Guard(guard) => {
                let attempt = Attempt::new().username(username).ip(client);
                Ok(match guard.begin(&attempt).await? {
                    Decision::Admitted(permit) => Admission::Admitted(Pending::Permit(permit)),
                    Decision::Refused(_) => Admission::Refused,
                })
            }
            Self::Governor(governor) => Ok(match governor.admit(username, client) {
                true => Admission::Admitted(Pending::Plain),
                false => Admission::Refused,
            }),
            Self::Limitador(limitador) => Ok(match limitador.reserve(username, client)? {
                Some(place) => Admission::Admitted(Pending::Place { limitador, place, client }),
                None => Admission::Refused,
            }),
        }
    }
}

impl Pending<'_> {
    /// Tells the outcome.
    pub(super) async fn settle(self, username: &str, is_right: bool) -> Result<()> {
        match self {
            Self::Plain => {}
            Self::Place { limitador, place, client } => {
                limitador.settle(place, username, client, !is_right)?;
            }
            Self::Permit(permit) if is_right => drop(permit.succeed().await?),
            Self::Permit(permit) => drop(permit.fail().await?),
        }
        Ok(())
    }
}

async fn migrated<D: Dialect>(store: SqlStore<D>) -> Result<SqlStore<D>> {
    store.migrate().await?;
    Ok(store)
}
