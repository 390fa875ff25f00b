//! [`SqlLog`]: the record of attempts in a table.

mod columns;
mod position;
mod statements;

use std::fmt;

use async_trait::async_trait;
use lockout_core::{AttemptEntry, AttemptLog, AttemptQuery, Page, Result, Timestamp, Username};
use sqlx::SqlStr;

pub(crate) use self::columns::AttemptColumns;
use self::columns::{Appended, entry_of};
use self::position::Position;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use self::statements::log_texts;
pub(crate) use self::statements::{LogStatements, LogTexts};
use crate::dialect::Dialect;
use crate::error::{Call, unreadable};
use crate::exchange::Value;
use crate::keys::escaped;
use crate::row::millis;
use crate::store::SqlStore;

/// The record of attempts in the table `TABLE_attempts` of a [store](SqlStore::log), for people to
/// look at: the README says what is in it, and how to ask for it in SQL.
///
/// - An append is one statement: all of its entries are written down, or none. Of one that fails
///   with [`Effect::Unknown`](lockout_core::Effect::Unknown) nobody knows.
/// - A page is read off an index, of the username, else of the address, else of the outcome, else of
///   the time. It takes as long at ten million attempts as at ten thousand. What else is asked for is
///   looked for among them, at most [`LOOKED_AT`](Self::LOOKED_AT) a call.
/// - On PostgreSQL a crash of the server may lose what was appended in the last moment, unless the
///   store's [durability](crate::Durability) is `Full`.
///
/// Put it into a [`Guard`](lockout_core::Guard) as it is, and each login waits for it; or into a
/// `BackgroundLog` of lockout-layers. Clones share the connections.
pub struct SqlLog<D: Dialect>(SqlStore<D>);

impl<D: Dialect> SqlStore<D> {
    /// The record of attempts beside the records of this store, over the same connections and with
    /// the same timeout. Its table is made by [`migrate`](Self::migrate).
    #[must_use]
    pub fn log(&self) -> SqlLog<D> {
        SqlLog(self.clone())
    }
}

/// What a page is read by.
struct Lead {
    statement: SqlStr,
    /// What the rows must have, if anything.
    value: Option<Value>,
}

impl<D: Dialect> SqlLog<D> {
    /// The most entries that one call of [`recent`](AttemptLog::recent) looks at.
    pub const LOOKED_AT: usize = 5_000;

    /// The most entries that one statement deletes, since it keeps others from them for as long.
    /// Each has the store's timeout for itself.
    pub const PRUNED_AT_ONCE: usize = 1_000;

    /// The most rows that one statement gives, and one for the place where the next page begins.
    const ROWS: usize = AttemptQuery::MAX_LIMIT + 1;

    fn lead(&self, query: &AttemptQuery) -> Lead {
        let statements = &self.0.parts().statements.log;
        let by = |statement: &SqlStr, value: String| Lead {
            statement: statement.clone(),
            value: Some(Value::Text(value)),
        };
        let name = query.username.as_ref().map(Username::as_str);
        match (name, query.address(), query.outcome) {
            (Some(name), ..) => by(&statements.recent_username, escaped(name).into_owned()),
            (_, Some(ip), _) => by(&statements.recent_ip, ip.to_string()),
            (.., Some(outcome)) => by(&statements.recent_outcome, outcome.as_str().to_owned()),
            _ => Lead { statement: statements.recent.clone(), value: None },
        }
    }

    async fn batch(
        &self,
        lead: &Lead,
        since: i64,
        before: Position,
        rows: usize,
    ) -> Result<Vec<AttemptColumns>> {
        let pool = self.0.pool();
        let send = || {
            let numbers = [since, before.at, before.at, before.id, number(rows)];
            let values = lead.value.clone().into_iter();
            let values = values.chain(numbers.map(Value::Number)).collect();
            D::attempts(pool, lead.statement.clone(), values)
        };
        self.0.again(Call::Reads, send).await
    }
}

#[async_trait]
impl<D: Dialect> AttemptLog for SqlLog<D> {
    async fn append(&self, entries: &[AttemptEntry]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = entries.iter().map(Appended::of).collect();
        let rows = serde_json::to_string(&rows).map_err(|_| unreadable::<D>())?;
        let parts = self.0.parts();
        let send = || {
            let values = vec![Value::Text(rows.clone())];
            D::execute(&parts.pool, parts.statements.log.append.clone(), values)
        };
        self.0.again(Call::Writes, send).await.map(drop)
    }

    async fn recent(&self, query: &AttemptQuery) -> Result<Page<AttemptEntry>> {
        let mut position = Position::first(query, D::STORE)?;
        let (lead, limit) = (self.lead(query), query.page_limit());
        let since = query.since.map_or(0, millis);
        let (mut items, mut looked_at) = (Vec::new(), 0);
        // If all have what is asked for, one more tells whether there is a next page.
        let mut rows = limit + 1;
        loop {
            let batch = self.batch(&lead, since, position, rows).await?;
            for columns in &batch {
                let entry = entry_of(columns).ok_or_else(unreadable::<D>)?;
                if query.wants(&entry) {
                    if items.len() == limit {
                        return Ok(Page { items, next: Some(position.cursor(D::STORE)) });
                    }
                    items.push(entry);
                }
                position = Position::of(columns);
            }
            looked_at += batch.len();
            if batch.len() < rows {
                return Ok(Page { items, next: None });
            }
            if looked_at >= Self::LOOKED_AT {
                return Ok(Page { items, next: Some(position.cursor(D::STORE)) });
            }
            rows = Self::ROWS.min(Self::LOOKED_AT - looked_at);
        }
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize> {
        let (limit, parts) = (limit.max(1), self.0.parts());
        let mut pruned = 0;
        while pruned < limit {
            let rows = Self::PRUNED_AT_ONCE.min(limit - pruned);
            let send = || {
                let values = vec![Value::Number(millis(before)), Value::Number(number(rows))];
                D::execute(&parts.pool, parts.statements.log.prune.clone(), values)
            };
            let deleted = self.0.again(Call::Writes, send).await?;
            let deleted = usize::try_from(deleted).unwrap_or(usize::MAX);
            pruned += deleted;
            if deleted < rows {
                break;
            }
        }
        Ok(pruned)
    }
}

fn number(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

impl<D: Dialect> Clone for SqlLog<D> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<D: Dialect> fmt::Debug for SqlLog<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqlLog").field(&self.0).finish()
    }
}
