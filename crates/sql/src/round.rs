//! Rounds of reading, deciding and writing, until nobody else was faster.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lockout_core::{Effect, Result, StoreError, StoreErrorKind};

use crate::dialect::Dialect;
use crate::error::{Call, Verdict, judge, unreadable};
use crate::exchange::Value;
use crate::row::{Change, Columns, Row};
use crate::store::{Parts, SqlStore};

/// The longest wait between two rounds, in milliseconds.
const LONGEST_WAIT: u64 = 32;

/// Up to so many keys are read by a statement that was made for their number.
const FEW_KEYS: usize = 8;

/// The most keys of one statement.
const MOST_KEYS: usize = 64;

/// What is known of a call that has to end before its time is over.
#[derive(Debug, Default)]
struct Course {
    /// The server may be doing something that changes rows.
    writes: AtomicBool,
    /// Others were faster.
    contended: AtomicBool,
}

impl Course {
    fn timed_out(&self, store: &'static str) -> StoreError {
        if self.writes.load(Ordering::Relaxed) {
            let message = "look at the server's load, and for transactions that hold its rows";
            return StoreError::new(StoreErrorKind::Timeout, Effect::Unknown, store, message);
        }
        let (kind, message) = if self.contended.load(Ordering::Relaxed) {
            (StoreErrorKind::Contended, "try again in a moment")
        } else {
            (StoreErrorKind::Timeout, "look at the server's load and at the network")
        };
        StoreError::new(kind, Effect::None, store, message)
    }

    /// Waits before another round, longer each time and never as long as somebody else.
    async fn wait(&self, round: u32) {
        self.contended.store(true, Ordering::Relaxed);
        let most = 1_u64.checked_shl(round).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        tokio::time::sleep(Duration::from_micros(fastrand::u64(0..=most * 1_000))).await;
    }
}

impl<D: Dialect> SqlStore<D> {
    /// What `future` gives, if it ends in time.
    pub(crate) async fn within<T>(&self, call: Call, future: impl Future<Output = T>) -> Result<T> {
        let course = Course { writes: (call == Call::Writes).into(), ..Course::default() };
        let timeout = self.parts().timeout;
        tokio::time::timeout(timeout, future).await.map_err(|_| course.timed_out(D::STORE))
    }

    /// Sends a statement, and again as long as it did nothing and may work in a moment.
    pub(crate) async fn again<T, F>(&self, call: Call, send: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        let course = Course { writes: (call == Call::Writes).into(), ..Course::default() };
        let sending = async {
            for round in 0.. {
                match send().await.map_err(|error| judge::<D>(error, call)) {
                    Ok(answer) => return Ok(answer),
                    Err(Verdict::Told(error)) => return Err(error),
                    Err(Verdict::Overtaken | Verdict::Again) => course.wait(round).await,
                }
            }
            Err(course.timed_out(D::STORE))
        };
        let result = tokio::time::timeout(self.parts().timeout, sending).await;
        result.unwrap_or_else(|_| Err(course.timed_out(D::STORE)))
    }

    /// The records of `keys`, in their order.
    pub(crate) async fn read(&self, keys: &[String]) -> Result<Vec<Row>> {
        let course = Course::default();
        let result = tokio::time::timeout(self.parts().timeout, self.0.read(keys, &course)).await;
        result.unwrap_or_else(|_| Err(course.timed_out(D::STORE)))
    }

    /// Lets `step` change the records of some rows, all at once and with nobody else's change in
    /// between, and gives its answer with the rows as they are then. `step` may run several times.
    pub(crate) async fn change<T: Send>(
        &self,
        rows: Rows<'_>,
        step: impl FnMut(&mut [Row]) -> T + Send,
    ) -> Result<(T, Vec<Row>)> {
        let course = Course::default();
        let changing = self.0.change(rows, step, &course);
        let result = tokio::time::timeout(self.0.timeout, changing).await;
        result.unwrap_or_else(|_| Err(course.timed_out(D::STORE)))
    }
}

/// The rows that are to be changed together.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) keys: &'a [String],
    /// How they were lately; only if they are still so does an answer count.
    pub(crate) remembered: Option<Vec<Row>>,
    /// Whether nothing is changed as soon as one of the rows says so.
    pub(crate) one_refuses: bool,
}

impl<'a> Rows<'a> {
    /// The row that an operator locks or unlocks.
    pub(crate) const fn one(key: &'a [String; 1]) -> Self {
        Self { keys: key, remembered: None, one_refuses: true }
    }
}

/// What became of a write.
enum Written {
    Done,
    /// Nothing was written; the rows have to be read again.
    Overtaken,
}

impl<D: Dialect> Parts<D> {
    async fn read(&self, keys: &[String], course: &Course) -> Result<Vec<Row>> {
        let mut rows = Vec::with_capacity(keys.len());
        for keys in keys.chunks(MOST_KEYS) {
            rows.extend(self.read_some(keys, course).await?);
        }
        Ok(rows)
    }

    async fn read_some(&self, keys: &[String], course: &Course) -> Result<Vec<Row>> {
        // So that the connections remember a few statements, whatever is asked for.
        let count = if keys.len() <= FEW_KEYS { keys.len() } else { MOST_KEYS };
        for round in 0.. {
            let asked = keys.iter().chain(std::iter::repeat(&keys[0])).take(count);
            let values = asked.cloned().map(Value::Text).collect();
            let answer = D::records(&self.pool, self.statements.read.about(count), values).await;
            match answer.map_err(|error| judge::<D>(error, Call::Reads)) {
                Ok(found) => return in_order::<D>(keys, &found),
                Err(Verdict::Told(error)) => return Err(error),
                Err(Verdict::Overtaken | Verdict::Again) => course.wait(round).await,
            }
        }
        Err(course.timed_out(D::STORE))
    }

    async fn write(
        &self,
        changes: &[Change<'_>],
        is_lock: bool,
        course: &Course,
    ) -> Result<Written> {
        let statements = &self.statements;
        let statement = if is_lock { &statements.write_lock } else { &statements.write };
        let values = changes.iter().flat_map(Change::values).collect();
        course.writes.store(true, Ordering::Relaxed);
        let written = D::execute(&self.pool, statement.about(changes.len()), values).await;
        course.writes.store(false, Ordering::Relaxed);
        match written.map_err(|error| judge::<D>(error, Call::Writes)) {
            Ok(_) => Ok(Written::Done),
            Err(Verdict::Told(error)) => Err(error),
            Err(Verdict::Overtaken | Verdict::Again) => Ok(Written::Overtaken),
        }
    }

    async fn change<T: Send>(
        &self,
        rows: Rows<'_>,
        mut step: impl FnMut(&mut [Row]) -> T + Send,
        course: &Course,
    ) -> Result<(T, Vec<Row>)> {
        let Rows { keys, mut remembered, one_refuses } = rows;
        let (lanes, since) = (self.gate.lanes(keys), self.gate.now());
        let mut is_certain = false;
        let taken = match self.gate.try_enter(&lanes) {
            Some(taken) => taken,
            None => {
                let mut known = match remembered.take() {
                    Some(rows) => rows,
                    None => {
                        // Whoever changes nothing, as a refused attempt does, need not wait.
                        let before = self.read(keys, course).await?;
                        let mut after = before.clone();
                        let answer = step(&mut after);
                        if advance(&before, &mut after) == 0 {
                            return Ok((answer, before));
                        }
                        before
                    }
                };
                // Who waits for others says nothing about the server.
                course.contended.store(true, Ordering::Relaxed);
                let taken = self.gate.enter(&lanes).await;
                course.contended.store(false, Ordering::Relaxed);
                let handed = keys.iter().zip(&mut known).filter_map(|(key, row)| {
                    taken.handed(key, since).map(|handed| row.clone_from(handed))
                });
                // Whatever makes nobody change anything now is in a row that was handed over.
                is_certain = handed.count() >= if one_refuses { 1 } else { keys.len() };
                remembered = Some(known);
                taken
            }
        };
        for round in 0.. {
            let is_certain = std::mem::take(&mut is_certain);
            let is_remembered = remembered.is_some() && !is_certain;
            let before = match remembered.take() {
                Some(rows) => rows,
                None => self.read(keys, course).await?,
            };
            let mut after = before.clone();
            let answer = step(&mut after);
            let changed = advance(&before, &mut after);
            if is_remembered && changed < keys.len() {
                // Nothing would find out that a row which is not written has changed meanwhile.
                continue;
            }
            if changed == 0 {
                return Ok((answer, before));
            }
            let rows = keys.iter().zip(&after).zip(&before);
            let changes = rows.filter(|((_, after), before)| after.version != before.version);
            let mut changes: Vec<_> =
                changes.filter_map(|((key, row), _)| Change::of(key, row)).collect();
            changes.sort_unstable_by_key(Change::subject);
            // A lock that comes or goes is told to somebody.
            let is_lock = before.iter().chain(&after).any(|row| row.record.lock.is_some());
            match self.write(&changes, is_lock, course).await? {
                Written::Done => {
                    taken.hand_over(keys, &after);
                    return Ok((answer, after));
                }
                Written::Overtaken => course.wait(round).await,
            }
        }
        Err(course.timed_out(D::STORE))
    }
}

/// The rows of `keys`, of which those that were found are some.
fn in_order<D: Dialect>(keys: &[String], found: &[Columns]) -> Result<Vec<Row>> {
    let mut rows = vec![Row::default(); keys.len()];
    for columns in found {
        let found = Row::of(columns).ok_or_else(unreadable::<D>)?;
        // A subject may be asked for twice.
        for (_, row) in keys.iter().zip(&mut rows).filter(|(key, _)| **key == columns.0) {
            row.clone_from(&found);
        }
    }
    Ok(rows)
}

/// Gives the rows whose records have changed the version that follows; how many there are.
fn advance(before: &[Row], after: &mut [Row]) -> usize {
    let mut changed = 0;
    for (before, after) in before.iter().zip(after) {
        if before.record != after.record {
            after.version = Some(before.next_version());
            changed += 1;
        }
    }
    changed
}
