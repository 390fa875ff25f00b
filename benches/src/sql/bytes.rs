//! What a database keeps on disk for each subject.

use std::error::Error;

use lockout_core::{Attempt, Guard, Policy, Rule, Scope};
use lockout_sql::{Dialect, SqlStore};

use super::TASKS;
use crate::call::{WORKS, admitted, for_all, guarded};
use crate::row::Row;

/// How many subjects there are, each a name of 14 bytes.
const SUBJECTS: u32 = 50_000;

/// The most bytes for a subject that has failed once, and for one that has failed three times.
#[derive(Clone, Copy, Debug)]
pub struct AtMost {
    /// Once.
    pub fresh: f64,
    /// Three times.
    pub updated: f64,
}

/// The bytes for a subject when all have failed once, and when all have failed three times, with
/// the server's own vacuum and nothing else.
///
/// # Errors
/// If the database cannot be used.
///
/// # Panics
/// If a call fails.
pub async fn rows<D: Dialect>(
    name: &str,
    store: SqlStore<D>,
    size: impl AsyncFn() -> Result<f64, Box<dyn Error>>,
    at_most: AtMost,
) -> Result<Vec<Row>, Box<dyn Error>> {
    store.migrate().await?;
    let rule = Rule::builder(Scope::Username).failure_limit(9);
    let guard = Guard::new(store, Policy::builder().rule(rule).build()?);
    let attempts: Vec<_> =
        (0..SUBJECTS).map(|number| Attempt::new().username(&format!("user-{number:09}"))).collect();
    let fail = guarded(&guard, &attempts, |guard, attempt| async move {
        admitted(&guard, &attempt).await.fail().await.expect(WORKS);
    });
    let mut rows = Vec::new();
    // In the order of their names at first, in which an index is fullest; then all at once.
    for (times, tasks, what, most) in
        [(1, 1, "failed once", at_most.fresh), (2, TASKS, "failed three times", at_most.updated)]
    {
        for _ in 0..times {
            for_all(&fail, SUBJECTS, tasks).await?;
        }
        let bytes = size().await? / f64::from(SUBJECTS);
        let what = format!("{name}: on disk, a name of 14 bytes that {what}");
        let row = Row::new(what, "the bound", [most, bytes], "B");
        rows.push(Row { at_most: Some(1.0), ..row });
    }
    Ok(rows)
}
