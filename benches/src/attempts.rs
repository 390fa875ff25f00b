//! The record of attempts in a database, filled by the database itself.

use std::error::Error;
use std::sync::Arc;

use lockout_core::{AttemptLog, Timestamp};
use lockout_sql::sqlx::{self, AssertSqlSafe, ColumnIndex, Decode, Executor, Pool, Row as _, Type};
use lockout_sql::{Dialect, SqlStore};

/// When the first attempt was.
pub const BEGIN: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// The milliseconds from one attempt to the next.
pub const STEP: u64 = 10;

/// How many attempts there are for each username and for each address.
pub const EACH: u64 = 200;

/// The username of every eleventh attempt.
pub const BUSY_NAME: &str = "alice";

/// The rows of one statement.
const CHUNK: u64 = 1_000_000;

/// A database to fill, as its statements.
#[derive(Clone, Copy, Debug)]
pub struct Filling {
    /// A query for the numbers `i` from `{first}` to `{last}`.
    numbers: &'static str,
    /// What puts texts together.
    joined: fn(&[&str]) -> String,
    /// The type of an address, if there is one.
    ip: &'static str,
    /// Whole division.
    div: &'static str,
    /// Without the indexes that an insert meets at random.
    before: &'static [&'static str],
    /// With them again, as the migration makes them.
    after: &'static [&'static str],
    /// Gives the bytes of the table with its indexes, or of the database.
    size: &'static str,
}

/// PostgreSQL.
pub const POSTGRES: Filling = Filling {
    numbers: "SELECT i FROM generate_series({first}::bigint, {last}::bigint) AS i",
    joined: |parts| parts.join(" || "),
    ip: "::inet",
    div: "/",
    before: &[
        "DROP INDEX {table}_by_username",
        "DROP INDEX {table}_by_ip",
        "DROP INDEX {table}_by_outcome",
    ],
    after: &[
        "CREATE INDEX {table}_by_username ON {table}_attempts (username, at, id)",
        "CREATE INDEX {table}_by_ip ON {table}_attempts (ip, at, id)",
        "CREATE INDEX {table}_by_outcome ON {table}_attempts (outcome, at, id)",
        "VACUUM ANALYZE {table}_attempts",
    ],
    size: "SELECT pg_total_relation_size('{table}_attempts')",
};

/// MariaDB.
pub const MARIADB: Filling = Filling {
    numbers: "SELECT seq AS i FROM seq_{first}_to_{last}",
    joined: |parts| format!("CONCAT({})", parts.join(", ")),
    ip: "",
    div: "DIV",
    before: &["ALTER TABLE {table}_attempts DROP KEY by_username, DROP KEY by_ip, \
               DROP KEY by_outcome"],
    after: &[
        "ALTER TABLE {table}_attempts ADD KEY by_username (username, at, id), \
         ADD KEY by_ip (ip, at, id), ADD KEY by_outcome (outcome, at, id)",
        "ANALYZE TABLE {table}_attempts",
    ],
    size: "SELECT CAST(data_length + index_length AS SIGNED) FROM information_schema.tables \
           WHERE table_schema = DATABASE() AND table_name = '{table}_attempts'",
};

/// SQLite.
pub const SQLITE: Filling = Filling {
    numbers: "WITH RECURSIVE numbers (i) AS (SELECT {first} UNION ALL \
              SELECT i + 1 FROM numbers WHERE i < {last}) SELECT i FROM numbers",
    joined: |parts| parts.join(" || "),
    ip: "",
    div: "/",
    before: &[
        "DROP INDEX {table}_by_username",
        "DROP INDEX {table}_by_ip",
        "DROP INDEX {table}_by_outcome",
    ],
    after: &[
        "CREATE INDEX {table}_by_username ON {table}_attempts (username, at)",
        "CREATE INDEX {table}_by_ip ON {table}_attempts (ip, at)",
        "CREATE INDEX {table}_by_outcome ON {table}_attempts (outcome, at)",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    ],
    size: "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
};

impl Filling {
    /// The record of attempts of a store with `rows` of them: among eleven one of
    /// [`BUSY_NAME`]; one among fifty `busy`, ten `locked`, five `succeeded`, the others `failed`.
    ///
    /// # Errors
    /// If the database cannot.
    pub async fn fill<D: Dialect>(
        self,
        store: &SqlStore<D>,
        table: &str,
        rows: u64,
    ) -> Result<Arc<dyn AttemptLog>, Box<dyn Error>>
    where
        for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
    {
        store.migrate().await?;
        for statement in self.before {
            run(store.pool(), &statement.replace("{table}", table)).await?;
        }
        let mut first = 1;
        while first <= rows {
            let last = rows.min(first + CHUNK - 1);
            run(store.pool(), &self.insert(table, rows, first, last)).await?;
            first = last + 1;
        }
        for statement in self.after {
            run(store.pool(), &statement.replace("{table}", table)).await?;
        }
        Ok(Arc::new(store.log()))
    }

    /// The bytes that the table takes.
    ///
    /// # Errors
    /// If the database cannot.
    pub async fn size<D: Dialect>(
        self,
        store: &SqlStore<D>,
        table: &str,
    ) -> Result<i64, Box<dyn Error>>
    where
        for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
        for<'r> i64: Decode<'r, D> + Type<D>,
        usize: ColumnIndex<D::Row>,
    {
        let mut connection = store.pool().acquire().await?;
        let query = AssertSqlSafe(self.size.replace("{table}", table));
        let row = sqlx::raw_sql(query).fetch_one(&mut *connection).await?;
        Ok(row.try_get(0)?)
    }

    fn insert(self, table: &str, rows: u64, first: u64, last: u64) -> String {
        let Self { numbers, joined, ip, div, .. } = self;
        let numbers =
            numbers.replace("{first}", &first.to_string()).replace("{last}", &last.to_string());
        let others = (rows / EACH).max(1);
        let name = joined(&["'user-'", &format!("(i * 7919 % {others})")]);
        let number = format!("(i * 104729 % {others})");
        let (high, middle) = (format!("{number} {div} 65536"), format!("{number} {div} 256 % 256"));
        let low = format!("{number} % 256");
        let [high, middle, low] = [high, middle, low].map(|part| format!("({part})"));
        let address = joined(&["'10.'", &high, "'.'", &middle, "'.'", &low]);
        let agent = joined(&[
            "'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/'",
            "(100 + i % 40)",
        ]);
        let begin = BEGIN.as_millis();
        format!(
            "INSERT INTO {table}_attempts (at, outcome, ip, username, user_agent, accept, path)
            SELECT
                {begin} + i * {STEP},
                CASE
                    WHEN i {div} 11 % 50 = 0 THEN 'busy'
                    WHEN i {div} 11 % 50 <= 10 THEN 'locked'
                    WHEN i {div} 11 % 50 <= 15 THEN 'succeeded'
                    ELSE 'failed'
                END,
                ({address}){ip},
                CASE WHEN i % 11 = 0 THEN '{BUSY_NAME}' ELSE {name} END,
                {agent},
                'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
                '/login'
            FROM ({numbers}) AS numbers
            ORDER BY i"
        )
    }
}

async fn run<D: Dialect>(pool: &Pool<D>, statement: &str) -> Result<(), sqlx::Error>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    let mut connection = pool.acquire().await?;
    let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
    statement.execute(&mut *connection).await.map(drop)
}
