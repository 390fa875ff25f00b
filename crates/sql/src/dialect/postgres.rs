//! PostgreSQL.

use std::str::FromStr as _;

use lockout_core::StoreErrorKind;
use sqlx::error::DatabaseError;
use sqlx::pool::PoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Pool, Postgres, SqlStr};

use super::{Driver, Plan, Texts, exchanges, texts};
use crate::builder::{Durability, Settings};
use crate::error::{BuildError, Failure};
use crate::exchange::{self, Value};
use crate::row::Columns;

impl Driver for Postgres {
    const STORE: &'static str = "postgres";
    const URL: &'static str = "postgres://USER:PASSWORD@HOST:PORT/DATABASE";
    const QUOTE: char = '"';
    const HAS_SCHEMAS: bool = true;
    const HAS_NUMBERS: bool = true;
    // Whoever waits for a row that somebody else's transaction holds gives his connection back.
    const TEXTS: Texts = texts!("postgres",
        relaxed: "set_config('lock_timeout', '250ms', true), \
                  set_config('synchronous_commit', 'off', true)",
        settled: "set_config('lock_timeout', '250ms', true)"
    );

    fn pool(url: &str, _: &Settings, options: PoolOptions<Self>) -> Result<Pool<Self>, BuildError> {
        let connect = PgConnectOptions::from_str(url).map_err(BuildError::url::<Self>)?;
        Ok(options.connect_lazy_with(connect))
    }

    fn by_statement(durability: Durability) -> Durability {
        durability
    }

    fn failure(error: &dyn DatabaseError) -> Failure {
        let code = error.code().unwrap_or_default();
        match &*code {
            // No version: somebody else was faster.
            "23502" => Failure::Overtaken,
            // Serialization, a deadlock, a row that is locked for long.
            "40001" | "40P01" | "55P03" => Failure::Again,
            "25006" => Failure::Told(StoreErrorKind::Unavailable, "this server is a standby"),
            "42P07" => Failure::TAKEN,
            "42P01" | "42703" | "3F000" => Failure::SCHEMA,
            "28000" | "28P01" | "3D000" => Failure::LOGIN,
            "42501" => Failure::RIGHTS,
            "53100" => Failure::DISK_FULL,
            "53300" => Failure::CONNECTIONS,
            "57014" => Failure::Told(
                StoreErrorKind::Timeout,
                "the server cancelled it: look at its statement_timeout and its load",
            ),
            code if code.starts_with("42") => Failure::SCHEMA,
            code if code.starts_with("XX") => Failure::DAMAGED,
            _ => Failure::SERVER,
        }
    }

    exchanges!();

    async fn migrate(pool: &Pool<Self>, plan: Plan) -> Result<(), sqlx::Error> {
        let mut transaction = pool.begin().await?;
        let settings = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0";
        sqlx::raw_sql(settings).execute(&mut *transaction).await?;
        // Held until the transaction ends, whatever becomes of this process.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(&plan.lock)
            .execute(&mut *transaction)
            .await?;
        sqlx::raw_sql(plan.history.clone()).execute(&mut *transaction).await?;
        let version: i64 =
            sqlx::query_scalar(plan.version.clone()).fetch_one(&mut *transaction).await?;
        for step in plan.steps_after(version) {
            sqlx::raw_sql(step).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }
}
