//! Writing to the streams, and deleting from them.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use lockout_core::{AttemptEntry, Effect, Result, StoreError, Timestamp};
use redis::{Cmd, Value};

use super::LogParts;
use super::packed::pack;
use super::place::{Note, Place, foreign};
use crate::error::STORE;
use crate::keys::{Keys, text_of_address, text_of_name};

/// The most entries that go to the server, or that it deletes, in one command.
const CHUNK: usize = 500;

/// How many commands are under way at once.
const ABREAST: usize = 64;

/// The longest period in milliseconds, and the latest time, that a script counts exactly with.
const LONGEST: u64 = 1 << 52;

impl LogParts {
    pub(super) async fn append(&self, entries: &[AttemptEntry]) -> Result<()> {
        let mut written = false;
        for chunk in entries.chunks(CHUNK) {
            let appended = self.append_chunk(chunk, &mut written).await;
            appended.map_err(|error| if written { in_part(error) } else { error })?;
        }
        Ok(())
    }

    async fn append_chunk(&self, entries: &[AttemptEntry], written: &mut bool) -> Result<()> {
        let all = entries.iter().map(|entry| (entry.at.as_millis(), pack(entry)));
        let all = self.appending(&self.store.keys.log(), self.capacity, all);
        let places = places(&self.store.line.run(&self.append, &all).await?)?;
        *written = true;
        let mut indexes = BTreeMap::<_, Vec<_>>::new();
        for (entry, place) in entries.iter().zip(places) {
            let name = entry.username().map(|name| text_of_name(name.as_str()));
            for text in name.into_iter().chain(entry.ip().map(text_of_address)) {
                let note = (place.millis, Note::new(place, entry, &text).pack());
                indexes.entry(self.store.keys.log_index(&text)).or_default().push(note);
            }
        }
        let commands =
            indexes.into_iter().map(|(key, notes)| self.appending(&key, self.each, notes));
        let commands: Vec<_> = commands.collect();
        for commands in commands.chunks(ABREAST) {
            let run = |command| self.store.line.run(&self.append, command);
            try_join_all(commands.iter().map(run)).await?;
        }
        Ok(())
    }

    fn appending(
        &self,
        key: &str,
        most: usize,
        entries: impl IntoIterator<Item = (u64, Vec<u8>)>,
    ) -> Cmd {
        let kept = u64::try_from(self.expiration.as_millis()).unwrap_or(LONGEST).min(LONGEST);
        let mut command = redis::cmd("EVALSHA");
        command.arg(self.append.hash()).arg(1).arg(key).arg(most).arg(kept);
        for (millis, bytes) in entries {
            command.arg(millis).arg(bytes);
        }
        command
    }

    /// From the stream of all alone: what an index says of an entry that is gone says nothing.
    pub(super) async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize> {
        let (limit, mut pruned) = (limit.max(1), 0);
        // No stream has a place before the first.
        while pruned < limit && before > Timestamp::default() {
            let most = CHUNK.min(limit - pruned);
            let mut command = redis::cmd("EVALSHA");
            command.arg(self.prune.hash()).arg(1).arg(self.store.keys.log());
            command.arg(before.as_millis().min(LONGEST)).arg(most);
            let answer = self.store.line.run(&self.prune, &command).await?;
            let Value::Int(count) = answer else { return Err(foreign()) };
            let count = usize::try_from(count).map_err(|_| foreign())?;
            pruned += count;
            if count < most {
                break;
            }
        }
        Ok(pruned)
    }
}

/// Usernames share 128 streams, and addresses too: a stream begins with several kilobytes of the
/// server's memory, so a flood of names must not begin one for each.
impl Keys {
    /// The stream of all attempts.
    pub(super) fn log(&self) -> String {
        self.stream("log", "log")
    }

    /// The stream that indexes the attempts of a username or address, by its text.
    pub(super) fn log_index(&self, text: &str) -> String {
        self.stream(text, if text.starts_with('u') { "log.u" } else { "log.i" })
    }
}

/// The places that a script answers.
fn places(answer: &Value) -> Result<Vec<Place>> {
    let Value::Array(ids) = answer else { return Err(foreign()) };
    let place = |id: &Value| match id {
        Value::BulkString(id) => Place::of(id),
        _ => None,
    };
    ids.iter().map(|id| place(id).ok_or_else(foreign)).collect()
}

fn in_part(error: StoreError) -> StoreError {
    let message = "some of these attempts are written, perhaps not found by username or address";
    StoreError::new(error.kind(), Effect::Unknown, STORE, message).with_source(error)
}
