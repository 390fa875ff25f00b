//! The list of locked subjects, a page at a time.

use std::ops::Range;

use lockout_core::{
    Cursor, Effect, LockedQuery, Lockout, LockoutStore as _, Page, Record, Result, StoreError,
    StoreErrorKind, Subject, Timestamp,
};
use redis::Value;

use crate::error::STORE;
use crate::keys::{Keys, bucket_of, subject_of, text_of};
use crate::store::RedisStore;

/// How many buckets are read in one round trip.
const BATCH: u16 = 64;

impl RedisStore {
    /// Bucket by bucket, in each by text: what stays locked is seen once, however often its end
    /// moves meanwhile. A round trip reads 1/16 of all that are locked, and no other record.
    pub(crate) async fn page(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        let after = query.after.as_ref().map(Cursor::subject).transpose()?;
        let after = after.as_ref().map(text_of);
        let limit = query.limit.max(1);
        let mut first = after.as_deref().map_or(0, bucket_of);
        let mut items = Vec::new();
        while first < Keys::BUCKETS {
            let buckets = first..(first + BATCH).min(Keys::BUCKETS);
            first = buckets.end;
            let listed = self.listed(buckets, after.as_deref(), now).await?;
            let wanted: Vec<_> =
                listed.into_iter().filter(|subject| query.wants(subject)).collect();
            for chunk in wanted.chunks(limit.saturating_add(1).min(1_000)) {
                items.extend(self.status(chunk, now).await?.into_iter().flatten());
                if items.len() > limit {
                    return Ok(Page::take(&mut items.into_iter(), limit));
                }
            }
        }
        Ok(Page::take(&mut items.into_iter(), limit))
    }

    /// The subjects on the lists of these buckets, in order; some may not be locked any more.
    async fn listed(
        &self,
        buckets: Range<u16>,
        after: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<Subject>> {
        let keys = &self.0.keys;
        let grace = u64::try_from(Record::GRACE.as_millis()).unwrap_or(0);
        let oldest = now.as_millis().saturating_sub(grace);
        let range = |bucket| {
            redis::cmd("ZRANGEBYSCORE").arg(keys.locked(bucket)).arg(oldest).arg("+inf").take()
        };
        let commands: Vec<_> = buckets.map(range).collect();
        let mut subjects = Vec::new();
        for answer in self.0.line.ask_all(&commands).await? {
            let Value::Array(members) = answer else { return Err(foreign()) };
            let mut texts = members.into_iter().map(text).collect::<Result<Vec<_>>>()?;
            texts.sort_unstable();
            let texts = texts.into_iter().filter(|text| match after {
                Some(after) if bucket_of(text) == bucket_of(after) => text.as_str() > after,
                _ => true,
            });
            for text in texts {
                subjects.push(subject_of(&text).ok_or_else(foreign)?);
            }
        }
        Ok(subjects)
    }
}

fn text(value: Value) -> Result<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).map_err(|_| foreign()),
        _ => Err(foreign()),
    }
}

fn foreign() -> StoreError {
    let message = "something else than lockout writes to a list under its prefix";
    StoreError::new(StoreErrorKind::Corrupt, Effect::None, STORE, message)
}
