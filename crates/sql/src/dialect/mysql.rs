//! MySQL and MariaDB.

use std::str::FromStr as _;

use lockout_core::StoreErrorKind;
use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError};
use sqlx::pool::PoolOptions;
use sqlx::{Connection as _, Executor as _, MySql, Pool, SqlStr};

use super::{Driver, Plan, Texts, exchanges, texts};
use crate::builder::{Durability, Settings};
use crate::error::{BuildError, Failure};
use crate::exchange::{self, Value};
use crate::row::Columns;

/// A row that somebody else's transaction holds is not waited for longer than this, in seconds.
const SESSION: &str = "SET SESSION innodb_lock_wait_timeout = 1, autocommit = 1";

/// How long a process waits for another one to migrate, in seconds.
const MIGRATION_WAIT: i64 = 600;

impl Driver for MySql {
    const STORE: &'static str = "mysql";
    const URL: &'static str = "mysql://USER:PASSWORD@HOST:PORT/DATABASE";
    const QUOTE: char = '`';
    const HAS_SCHEMAS: bool = true;
    const HAS_NUMBERS: bool = false;
    const TEXTS: Texts = texts!("mysql", relaxed: "", settled: "");

    fn pool(url: &str, _: &Settings, options: PoolOptions<Self>) -> Result<Pool<Self>, BuildError> {
        let connect = MySqlConnectOptions::from_str(url).map_err(BuildError::url::<Self>)?;
        let options = options.after_connect(|connection, _| {
            Box::pin(async move { connection.execute(SESSION).await.map(drop) })
        });
        Ok(options.connect_lazy_with(connect))
    }

    /// It is a setting of the whole server.
    fn by_statement(_: Durability) -> Durability {
        Durability::Full
    }

    fn failure(error: &dyn DatabaseError) -> Failure {
        let number = error.try_downcast_ref::<MySqlDatabaseError>().map(|error| error.number());
        match number.unwrap_or_default() {
            // No version: somebody else was faster. The second comes where strict mode is off.
            1048 | 3819 | 4025 => Failure::Overtaken,
            // A row that is locked for long, a deadlock.
            1205 | 1213 => Failure::Again,
            1290 | 1836 => Failure::Told(StoreErrorKind::Unavailable, "this server is read-only"),
            1050 | 1347 => Failure::TAKEN,
            1054 | 1146 => Failure::SCHEMA,
            1044 | 1045 | 1049 => Failure::LOGIN,
            1142 | 1143 | 1227 | 1370 => Failure::RIGHTS,
            1021 | 1114 => Failure::DISK_FULL,
            1040 | 1203 | 1226 => Failure::CONNECTIONS,
            1064 | 1305 => Failure::Told(
                StoreErrorKind::Config,
                "the server is older than MySQL 8.0.21 or MariaDB 10.6",
            ),
            1969 | 3024 => Failure::Told(
                StoreErrorKind::Timeout,
                "the server cancelled it: look at its time limit for statements and its load",
            ),
            126 | 127 | 1034 | 1194 | 1712 => Failure::DAMAGED,
            _ => Failure::SERVER,
        }
    }

    exchanges!();

    async fn migrate(pool: &Pool<Self>, plan: Plan) -> Result<(), sqlx::Error> {
        // The lock goes with the connection, whatever becomes of this process.
        let mut connection = pool.acquire().await?.detach();
        let waited: Option<i64> = sqlx::query_scalar("SELECT GET_LOCK(SHA2(?, 256), ?)")
            .bind(&plan.lock)
            .bind(MIGRATION_WAIT)
            .fetch_one(&mut connection)
            .await?;
        if waited != Some(1) {
            return Err(sqlx::Error::PoolTimedOut);
        }
        connection.execute(sqlx::raw_sql(plan.history.clone())).await?;
        let version: i64 =
            sqlx::query_scalar(plan.version.clone()).fetch_one(&mut connection).await?;
        // Nothing is undone here: so each step can be done again where it was left.
        for step in plan.steps_after(version) {
            connection.execute(sqlx::raw_sql(step)).await?;
        }
        connection.close().await
    }
}
