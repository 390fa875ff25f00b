//! The rows of attempts that are under way in this process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::row::Row;

/// What reserving wrote, so that settling need not read it. It may be forgotten, or be overtaken by
/// others: then settling reads.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    latest: u64,
    slots: Vec<Option<Written>>,
}

#[derive(Debug)]
struct Written {
    tag: u64,
    keys: Vec<String>,
    rows: Vec<Row>,
}

impl Pending {
    /// How many attempts are remembered; a further one takes the place of the oldest.
    const CAPACITY: u64 = 4096;

    /// Remembers what was written; the tag under which it is found, never zero.
    pub(crate) fn put(&self, keys: Vec<String>, rows: Vec<Row>) -> u64 {
        let mut slots = self.slots();
        slots.latest += 1;
        let tag = slots.latest;
        let slot = slot_of(tag);
        if slots.slots.len() <= slot {
            slots.slots.resize_with(slot + 1, || None);
        }
        slots.slots[slot] = Some(Written { tag, keys, rows });
        tag
    }

    /// The rows of `keys` that were written under `tag`, if they are still known.
    pub(crate) fn take(&self, tag: u64, keys: &[String]) -> Option<Vec<Row>> {
        let written = {
            let mut slots = self.slots();
            let slot = slots.slots.get_mut(slot_of(tag))?;
            slot.take_if(|written| written.tag == tag)?
        };
        let row = |key: &String| {
            let index = written.keys.iter().position(|known| known == key)?;
            Some(written.rows[index].clone())
        };
        keys.iter().map(row).collect()
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn slot_of(tag: u64) -> usize {
    usize::try_from(tag % Pending::CAPACITY).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(version: i64) -> Row {
        Row { version: Some(version), ..Row::default() }
    }

    #[test]
    fn what_was_put_is_taken_once_and_by_its_own_subjects() {
        let pending = Pending::default();
        let keys = ["a", "b"].map(str::to_owned).to_vec();
        let tag = pending.put(keys.clone(), vec![row(1), row(2)]);
        let taken = pending.take(tag, &keys[1..]).unwrap();
        assert_eq!(taken[0].version, Some(2));
        assert!(pending.take(tag, &keys).is_none());
        let tag = pending.put(keys, vec![row(1), row(2)]);
        assert!(pending.take(tag, &["c".to_owned()]).is_none());
        assert!(pending.take(0, &[]).is_none());
    }

    #[test]
    fn the_oldest_makes_room() {
        let pending = Pending::default();
        let tags: Vec<_> =
            (0..=Pending::CAPACITY).map(|_| pending.put(Vec::new(), Vec::new())).collect();
        assert!(pending.take(tags[0], &[]).is_none());
        assert!(pending.take(tags[1], &[]).is_some());
        assert_eq!(u64::try_from(pending.slots().slots.len()).unwrap(), Pending::CAPACITY);
    }
}
