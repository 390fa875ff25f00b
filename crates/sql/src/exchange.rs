//! One statement to the database and its answer: the same for every driver.

use sqlx::{Database, Encode, Executor, FromRow, IntoArguments, Pool, SqlStr, Type};

/// What goes into a statement.
#[derive(Clone, Debug)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// A text or nothing.
    MaybeText(Option<String>),
    /// A number or nothing.
    MaybeNumber(Option<i64>),
}

/// Sends a query and gives its rows.
pub(crate) async fn rows<DB, T>(
    pool: &Pool<DB>,
    statement: SqlStr,
    values: Vec<Value>,
) -> Result<Vec<T>, sqlx::Error>
where
    DB: Database,
    DB::Arguments: IntoArguments<DB>,
    String: Type<DB> + for<'q> Encode<'q, DB>,
    i64: Type<DB> + for<'q> Encode<'q, DB>,
    Option<String>: for<'q> Encode<'q, DB>,
    Option<i64>: for<'q> Encode<'q, DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    T: Send + Unpin + for<'r> FromRow<'r, DB::Row>,
{
    let mut query = sqlx::query_as::<DB, T>(statement);
    for value in values {
        query = match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
            Value::MaybeText(text) => query.bind(text),
            Value::MaybeNumber(number) => query.bind(number),
        };
    }
    query.fetch_all(pool).await
}

/// Sends a statement that has no rows to give.
pub(crate) async fn execute<'e, DB>(
    executor: impl Executor<'e, Database = DB>,
    statement: SqlStr,
    values: Vec<Value>,
) -> Result<DB::QueryResult, sqlx::Error>
where
    DB: Database,
    DB::Arguments: IntoArguments<DB>,
    String: Type<DB> + for<'q> Encode<'q, DB>,
    i64: Type<DB> + for<'q> Encode<'q, DB>,
    Option<String>: for<'q> Encode<'q, DB>,
    Option<i64>: for<'q> Encode<'q, DB>,
{
    let mut query = sqlx::query::<DB>(statement);
    for value in values {
        query = match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
            Value::MaybeText(text) => query.bind(text),
            Value::MaybeNumber(number) => query.bind(number),
        };
    }
    query.execute(executor).await
}
