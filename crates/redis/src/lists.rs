//! Lists in sorted sets, and a number for each list that counts its changes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use lockout_core::{
    Cursor, Effect, ListEntry, ListName, ListStore, Page, Result, StoreError, StoreErrorKind,
    Timestamp,
};
use redis::{Cmd, Value};

use crate::error::STORE;
use crate::scripts::Script;
use crate::store::{Parts, RedisStore};

/// How long what is over stays, for nodes whose clock is behind.
const LINGERS: Duration = Duration::from_secs(600);

impl Parts {
    /// The command that runs a script on a list.
    fn change(&self, script: &Script, list: &ListName) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        let keys = ["entries", "ends", "version"].map(|part| self.keys.list(list, part));
        command.arg(script.hash()).arg(keys.len()).arg(&keys);
        command
    }

    /// The entries of a list from this place on, at most `most`.
    async fn list_range(
        &self,
        list: &ListName,
        [begin, end]: [&str; 2],
        most: usize,
    ) -> Result<Vec<ListEntry>> {
        let mut command = redis::cmd("ZRANGEBYLEX");
        command.arg(self.keys.list(list, "entries")).arg(begin).arg(end);
        command.arg("LIMIT").arg(0).arg(most);
        match self.line.ask(&command).await? {
            Value::Array(members) => members.iter().map(entry_of).collect(),
            _ => Err(foreign()),
        }
    }

    /// Notes a time that a caller has told, by which a later change clears away what is over.
    fn see(&self, now: Timestamp) {
        self.list_time.fetch_max(now.as_millis(), Ordering::Relaxed);
    }

    fn clears_before(&self) -> u64 {
        let seen = Timestamp::from_millis(self.list_time.load(Ordering::Relaxed));
        seen.saturating_sub(LINGERS).as_millis()
    }
}

#[async_trait]
impl ListStore for RedisStore {
    async fn put(&self, list: &ListName, entry: &ListEntry) -> Result<()> {
        let script = &self.0.scripts.list_put;
        let mut command = self.0.change(script, list);
        let until = entry.until().map(|until| until.as_millis().to_string()).unwrap_or_default();
        let rest = format!("{until}\0{}", entry.value());
        command.arg(entry.key()).arg(rest).arg(until).arg(self.0.clears_before());
        self.0.run_to_lock(script, &command).await.map(drop)
    }

    async fn remove(&self, list: &ListName, key: &str) -> Result<bool> {
        if !ListEntry::is_key(key) {
            return Ok(false);
        }
        let script = &self.0.scripts.list_remove;
        let mut command = self.0.change(script, list);
        command.arg(key);
        match self.0.run_to_lock(script, &command).await? {
            Value::Int(removed) => Ok(removed > 0),
            _ => Err(foreign()),
        }
    }

    async fn get(&self, list: &ListName, key: &str, now: Timestamp) -> Result<Option<ListEntry>> {
        if !ListEntry::is_key(key) {
            return Ok(None);
        }
        self.0.see(now);
        let range = [format!("[{key}\0"), format!("({key}\u{1}")];
        let found = self.0.list_range(list, range.each_ref().map(String::as_str), 1).await?;
        Ok(found.into_iter().find(|entry| !entry.is_over(now)))
    }

    async fn entries(
        &self,
        list: &ListName,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<ListEntry>> {
        let after = after.map(|after| after.entry_key(STORE)).transpose()?;
        // Behind all that the key begins, before every other key.
        let mut begin = after.map_or_else(|| "-".to_owned(), |key| format!("[{key}\u{1}"));
        self.0.see(now);
        // One more tells whether there is a next page.
        let most = limit.clamp(1, ListEntry::MOST_ON_A_PAGE) + 1;
        let mut entries = Vec::new();
        loop {
            let range = self.0.list_range(list, [&begin, "+"], most).await?;
            let is_last = range.len() < most;
            if let Some(last) = range.last() {
                begin = format!("[{}\u{1}", last.key());
            }
            entries.extend(range.into_iter().filter(|entry| !entry.is_over(now)));
            if is_last || entries.len() >= most {
                return Ok(Page::of_entries(entries, limit));
            }
        }
    }

    async fn version(&self, list: &ListName) -> Result<u64> {
        let mut command = redis::cmd("GET");
        command.arg(self.0.keys.list(list, "version"));
        match self.0.line.ask(&command).await? {
            Value::Nil => Ok(0),
            Value::BulkString(digits) => {
                let version = std::str::from_utf8(&digits).ok().and_then(|text| text.parse().ok());
                version.ok_or_else(foreign)
            }
            _ => Err(foreign()),
        }
    }
}

fn entry_of(member: &Value) -> Result<ListEntry> {
    let read = || {
        let Value::BulkString(bytes) = member else { return None };
        let (key, rest) = std::str::from_utf8(bytes).ok()?.split_once('\0')?;
        let (until, value) = rest.split_once('\0')?;
        let until = match until {
            "" => None,
            millis => Some(Timestamp::from_millis(millis.parse().ok()?)),
        };
        ListEntry::new(key, value, until).ok()
    };
    read().ok_or_else(foreign)
}

fn foreign() -> StoreError {
    let message = "something else than lockout writes to a list under its prefix";
    StoreError::new(StoreErrorKind::Corrupt, Effect::None, STORE, message)
}
