//! Rounds of reading, deciding and writing, until nobody else was faster.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lockout_core::{Effect, Result, StoreError, StoreErrorKind};

use crate::dialect::Dialect;
use crate::error::{Call, Verdict, judge, unreadable};
use crate::exchange::Value;
use crate::row::{Change, Row};
use crate::store::{Parts, SqlStore};

/// The longest wait between two rounds, in milliseconds.
const LONGEST_WAIT: u64 = 32;

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

    /// Lets `step` change the records of `keys`, all at once and with nobody else's change in
    /// between, and gives its answer with the rows as they are then. `step` may run several times.
    ///
    /// `remembered` are the rows as they were lately; only if they are still so does the answer
    /// count.
    pub(crate) async fn change<T: Send>(
        &self,
        keys: &[String],
        remembered: Option<Vec<Row>>,
        is_lock: bool,
        step: impl FnMut(&mut [Row]) -> T + Send,
    ) -> Result<(T, Vec<Row>)> {
        let course = Course::default();
        let changing = self.0.change(keys, remembered, is_lock, step, &course);
        let result = tokio::time::timeout(self.0.timeout, changing).await;
        result.unwrap_or_else(|_| Err(course.timed_out(D::STORE)))
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
        let asked = serde_json::to_string(keys).map_err(|_| unreadable::<D>())?;
        for round in 0.. {
            let values = vec![Value::Text(asked.clone())];
            let answer = D::records(&self.pool, self.statements.read.clone(), values).await;
            match answer.map_err(|error| judge::<D>(error, Call::Reads)) {
                Ok(found) => {
                    let mut rows = vec![Row::default(); keys.len()];
                    for columns in &found {
                        let index = keys.iter().position(|key| *key == columns.0);
                        let row = index.and_then(|index| rows.get_mut(index));
                        *row.ok_or_else(unreadable::<D>)? =
                            Row::of(columns).ok_or_else(unreadable::<D>)?;
                    }
                    return Ok(rows);
                }
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
        let changes = serde_json::to_string(changes).map_err(|_| unreadable::<D>())?;
        course.writes.store(true, Ordering::Relaxed);
        let written =
            D::execute(&self.pool, statement.clone(), vec![Value::Text(changes)]).await;
        course.writes.store(false, Ordering::Relaxed);
        match written.map_err(|error| judge::<D>(error, Call::Writes)) {
            Ok(_) => Ok(Written::Done),
            Err(Verdict::Told(error)) => Err(error),
            Err(Verdict::Overtaken | Verdict::Again) => Ok(Written::Overtaken),
        }
    }

    async fn change<T: Send>(
        &self,
        keys: &[String],
        mut remembered: Option<Vec<Row>>,
        is_lock: bool,
        mut step: impl FnMut(&mut [Row]) -> T + Send,
        course: &Course,
    ) -> Result<(T, Vec<Row>)> {
        let lanes = self.gate.lanes(keys);
        let _taken = match self.gate.try_enter(&lanes) {
            Some(taken) => taken,
            None => {
                if remembered.is_none() {
                    // Whoever changes nothing, as a refused attempt does, need not wait for others.
                    let before = self.read(keys, course).await?;
                    let mut after = before.clone();
                    let answer = step(&mut after);
                    if advance(&before, &mut after) == 0 {
                        return Ok((answer, before));
                    }
                }
                self.gate.enter(&lanes).await
            }
        };
        for round in 0.. {
            let is_remembered = remembered.is_some();
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
            let changes: Vec<_> =
                changes.filter_map(|((key, row), _)| Change::of(key, row)).collect();
            match self.write(&changes, is_lock, course).await? {
                Written::Done => return Ok((answer, after)),
                Written::Overtaken => course.wait(round).await,
            }
        }
        Err(course.timed_out(D::STORE))
    }
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
