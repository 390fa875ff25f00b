//! Lists in a table, in which each has a row for its version too.

mod statements;

use async_trait::async_trait;
use lockout_core::{Cursor, ListEntry, ListName, ListStore, Page, Result, Timestamp};

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use self::statements::list_texts;
pub(crate) use self::statements::{ListStatements, ListTexts};
use crate::dialect::Dialect;
use crate::error::{Call, unreadable};
use crate::exchange::Value;
use crate::row::millis;
use crate::store::SqlStore;

/// The columns of a row: key, value and end.
pub(crate) type ListColumns = (String, String, Option<i64>);

/// No entry has this key.
const VERSION: &str = "";

/// A list begins with a version below this, so that it is another one if it is lost and made anew.
const FIRST_VERSIONS: u64 = 1 << 48;

impl<D: Dialect> SqlStore<D> {
    async fn row(&self, list: &ListName, key: &str) -> Result<Option<ListColumns>> {
        let parts = self.parts();
        let rows = self.again(Call::Reads, || {
            let values = vec![Value::Text(list.to_string()), Value::Text(key.to_owned())];
            D::entries(&parts.pool, parts.statements.lists.get.clone(), values)
        });
        Ok(rows.await?.into_iter().next())
    }
}

#[async_trait]
impl<D: Dialect> ListStore for SqlStore<D> {
    async fn put(&self, list: &ListName, entry: &ListEntry) -> Result<()> {
        let parts = self.parts();
        let send = || {
            let first = fastrand::u64(1..FIRST_VERSIONS);
            let values = vec![
                Value::Text(list.to_string()),
                Value::Text(first.to_string()),
                Value::Text(list.to_string()),
                Value::Text(entry.key().to_owned()),
                Value::Text(entry.value().to_owned()),
                Value::MaybeNumber(entry.until().map(millis)),
            ];
            D::execute(&parts.pool, parts.statements.lists.put.clone(), values)
        };
        self.again(Call::Writes, send).await.map(drop)
    }

    async fn remove(&self, list: &ListName, key: &str) -> Result<bool> {
        if !ListEntry::is_key(key) {
            return Ok(false);
        }
        let parts = self.parts();
        let statements = &parts.statements.lists;
        // In the order in which others put.
        self.again(Call::Writes, || {
            let list = Value::Text(list.to_string());
            let touch = (statements.touch.clone(), vec![list.clone()]);
            let key = Value::Text(key.to_owned());
            let remove = (statements.remove.clone(), vec![list, key]);
            D::all_or_none(&parts.pool, vec![touch, remove])
        })
        .await
    }

    async fn get(&self, list: &ListName, key: &str, now: Timestamp) -> Result<Option<ListEntry>> {
        if !ListEntry::is_key(key) {
            return Ok(None);
        }
        let row = self.row(list, key).await?;
        let entry = row.map(|row| entry_of(row).ok_or_else(unreadable::<D>)).transpose()?;
        Ok(entry.filter(|entry| !entry.is_over(now)))
    }

    async fn entries(
        &self,
        list: &ListName,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<ListEntry>> {
        let after = after.map(|after| after.entry_key(D::STORE)).transpose()?;
        // The row of the version is before all others.
        let after = after.unwrap_or(VERSION);
        // One more tells whether there is a next page.
        let most = limit.clamp(1, ListEntry::MOST_ON_A_PAGE) + 1;
        let parts = self.parts();
        let rows = self.again(Call::Reads, || {
            let values = vec![
                Value::Text(list.to_string()),
                Value::Text(after.to_owned()),
                Value::Number(millis(now)),
                Value::Number(i64::try_from(most).unwrap_or(i64::MAX)),
            ];
            D::entries(&parts.pool, parts.statements.lists.page.clone(), values)
        });
        let entries = rows.await?.into_iter().map(entry_of);
        let entries = entries.collect::<Option<Vec<_>>>().ok_or_else(unreadable::<D>)?;
        Ok(Page::of_entries(entries, limit))
    }

    async fn version(&self, list: &ListName) -> Result<u64> {
        let row = self.row(list, VERSION).await?;
        row.map_or(Ok(0), |(_, version, _)| version.parse().map_err(|_| unreadable::<D>()))
    }
}

fn entry_of((key, value, until): ListColumns) -> Option<ListEntry> {
    let until = until.map(u64::try_from).transpose().ok()?;
    ListEntry::new(key, value, until.map(Timestamp::from_millis)).ok()
}
