//! Reading from the streams.

use lockout_core::{AttemptEntry, AttemptQuery, Page, Result};
use redis::{Cmd, Value};

use super::packed::unpack;
use super::place::{Note, Place, entries_of};
use super::{LogParts, RedisLog};
use crate::keys::{hash_of, text_of_address, text_of_name};

/// How many entries are read at once where only some of them may be wanted.
const CHUNK: usize = 500;

/// A range of a stream that is read from its end.
struct Range {
    begin: String,
    end: String,
}

/// A page that is being filled.
struct Filling {
    page: Page<AttemptEntry>,
    limit: usize,
    looked_at: usize,
    last: Option<Place>,
}

impl LogParts {
    pub(super) async fn recent(&self, query: &AttemptQuery) -> Result<Page<AttemptEntry>> {
        let end = match (&query.after, query.until) {
            (Some(cursor), _) => Place::of_cursor(cursor)?.before(),
            (None, None) => "+".to_owned(),
            (None, Some(until)) => {
                let late = u64::try_from(RedisLog::LATEST.as_millis()).unwrap_or(u64::MAX);
                Place { millis: until.as_millis().saturating_add(late), number: 0 }.before()
            }
        };
        let begin = query.since.map_or_else(|| "-".to_owned(), |at| at.as_millis().to_string());
        let range = Range { begin, end };
        let page = Page { items: Vec::new(), next: None };
        let filling = Filling { page, limit: query.page_limit(), looked_at: 0, last: None };
        let text = match (&query.username, query.address()) {
            (Some(name), _) => text_of_name(name.as_str()),
            (None, Some(address)) => text_of_address(address),
            (None, None) => return self.of_all(query, range, filling).await,
        };
        self.by_index(query, &text, range, filling).await
    }

    async fn of_all(
        &self,
        query: &AttemptQuery,
        mut range: Range,
        mut filling: Filling,
    ) -> Result<Page<AttemptEntry>> {
        let filters = query.outcome.is_some() || query.until.is_some();
        // One more than asked for tells whether there is a next page.
        let most = if filters { CHUNK } else { filling.limit + 1 };
        let key = self.store.keys.log();
        loop {
            let entries = entries_of(self.ask(range.read(&key, most)).await?, unpack)?;
            let count = entries.len();
            for (place, entry) in entries {
                if filling.ends() {
                    return Ok(filling.page);
                }
                filling.look_at(place);
                if query.wants(&entry) {
                    filling.page.items.push(entry);
                }
            }
            if count < most || !filling.goes_on(&mut range) {
                return Ok(filling.page);
            }
        }
    }

    /// What an index names, each looked up in the stream of all.
    async fn by_index(
        &self,
        query: &AttemptQuery,
        text: &str,
        mut range: Range,
        mut filling: Filling,
    ) -> Result<Page<AttemptEntry>> {
        let (key, hash) = (self.store.keys.log_index(text), hash_of(text));
        let named = |note: &Note| {
            note.hash == hash && query.outcome.is_none_or(|outcome| outcome == note.outcome)
        };
        loop {
            let notes = entries_of(self.ask(range.read(&key, CHUNK)).await?, Note::unpack)?;
            let is_last = notes.len() < CHUNK;
            let mut notes = &notes[..];
            while !notes.is_empty() {
                if filling.ends() {
                    return Ok(filling.page);
                }
                // So many that the page holds them all if all are wanted.
                let room = filling.limit - filling.page.items.len();
                let mut names = notes.iter().enumerate().filter(|(_, (_, note))| named(note));
                let end = names.nth(room - 1).map_or(notes.len(), |(index, _)| index + 1);
                let (these, others) = notes.split_at(end);
                notes = others;
                let wanted = these.iter().filter(|(_, note)| named(note));
                let places: Vec<_> = wanted.map(|(_, note)| note.place).collect();
                let found = self.look_up(&places).await?;
                filling.page.items.extend(found.into_iter().filter(|entry| query.wants(entry)));
                these.iter().for_each(|(place, _)| filling.look_at(*place));
            }
            if is_last || !filling.goes_on(&mut range) {
                return Ok(filling.page);
            }
        }
    }

    /// The entries at these places of the stream of all; those that are gone are left out.
    async fn look_up(&self, places: &[Place]) -> Result<Vec<AttemptEntry>> {
        let key = self.store.keys.log();
        let get = |place: &Place| {
            let id = place.id();
            redis::cmd("XRANGE").arg(&key).arg(&id).arg(&id).take()
        };
        let commands: Vec<Cmd> = places.iter().map(get).collect();
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::with_capacity(commands.len());
        for answer in self.store.line.ask_all(&commands).await? {
            found.extend(entries_of(answer, unpack)?.into_iter().map(|(_, entry)| entry));
        }
        Ok(found)
    }

    async fn ask(&self, command: Cmd) -> Result<Value> {
        Ok(self.store.line.ask_all(&[command]).await?.pop().unwrap_or(Value::Nil))
    }
}

impl Range {
    fn read(&self, key: &str, most: usize) -> Cmd {
        let mut command = redis::cmd("XREVRANGE");
        command.arg(key).arg(&self.end).arg(&self.begin).arg("COUNT").arg(most);
        command
    }
}

impl Filling {
    fn look_at(&mut self, place: Place) {
        self.last = Some(place);
        self.looked_at += 1;
    }

    /// Whether the page is full, or enough is looked at, though there is more.
    fn ends(&mut self) -> bool {
        let ends = self.page.items.len() >= self.limit || self.looked_at >= RedisLog::LOOKED_AT;
        if ends {
            self.page.next = self.last.map(Place::cursor);
        }
        ends
    }

    /// Moves the range behind what was looked at, if there is more and the page does not end.
    fn goes_on(&mut self, range: &mut Range) -> bool {
        if let Some(last) = self.last {
            range.end = last.before();
        }
        !self.ends()
    }
}
