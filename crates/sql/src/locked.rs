//! The list of the locked.

use lockout_core::{Cursor, LockedQuery, Lockout, Page, Result, Timestamp};

use crate::dialect::Dialect;
use crate::error::{Call, unreadable};
use crate::exchange::Value;
use crate::keys::subject_of;
use crate::row::{Columns, Row, millis};
use crate::store::SqlStore;

/// The most rows of one query.
const ROWS: usize = 500;

/// The most rows that are looked at for one page: those of other scopes, and places under way, are on
/// the index too.
const LOOKED_AT: usize = 5_000;

/// A place in the index of the locked: the end of a lock, and the subject.
#[derive(Clone, Debug)]
struct Position {
    until: i64,
    subject: String,
}

impl Position {
    /// Before every lock that is not over at `now`.
    fn first(now: Timestamp) -> Self {
        Self { until: millis(now), subject: String::new() }
    }

    fn of(columns: &Columns) -> Self {
        Self { until: columns.6.unwrap_or_default(), subject: columns.0.clone() }
    }

    fn parse(cursor: &Cursor) -> Option<Self> {
        let (until, subject) = cursor.0.split_once(' ')?;
        subject_of(subject)?;
        Some(Self { until: until.parse().ok()?, subject: subject.to_owned() })
    }

    fn cursor(&self) -> Cursor {
        Cursor(format!("{} {}", self.until, self.subject))
    }
}

impl<D: Dialect> SqlStore<D> {
    /// A page in the order in which the locks end, read off their index. It may hold fewer than asked
    /// for and still name a next one.
    pub(crate) async fn page(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        let limit = query.limit.max(1);
        let mut items = Vec::new();
        let mut position = match &query.after {
            None => Position::first(now),
            Some(cursor) => Position::parse(cursor).ok_or_else(|| Cursor::foreign(D::STORE))?,
        };
        // Most rows of the index are what is asked for: one more tells whether there is a next page.
        let (mut rows, mut looked_at) = (limit.saturating_add(1).min(ROWS), 0);
        loop {
            let batch = self.batch(&position, rows).await?;
            for columns in &batch {
                let subject = subject_of(&columns.0).ok_or_else(unreadable::<D>)?;
                let row = Row::of(columns).ok_or_else(unreadable::<D>)?;
                if let Some(lock) = row.record.lock_at(now).filter(|_| query.wants(&subject)) {
                    if items.len() == limit {
                        return Ok(Page { items, next: Some(position.cursor()) });
                    }
                    items.push(Lockout::new(subject, lock));
                }
                position = Position::of(columns);
            }
            looked_at += batch.len();
            if batch.len() < rows {
                return Ok(Page { items, next: None });
            }
            if looked_at >= LOOKED_AT {
                return Ok(Page { items, next: Some(position.cursor()) });
            }
            rows = ROWS;
        }
    }

    async fn batch(&self, after: &Position, rows: usize) -> Result<Vec<Columns>> {
        let parts = self.parts();
        self.again(Call::Reads, || {
            let values = vec![
                Value::Number(after.until),
                Value::Text(after.subject.clone()),
                Value::Number(after.until),
                Value::Number(i64::try_from(rows).unwrap_or(i64::MAX)),
            ];
            D::records(&parts.pool, parts.statements.locked.clone(), values)
        })
        .await
    }
}
