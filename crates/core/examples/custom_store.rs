//! A store of one's own: [`RecordStore`] has one method to write, and listings need a second one.
//!
//! This one keeps records as JSON texts behind a lock, where yours has the rows of a table. A
//! database that locks no rows reads one, asks `step`, and writes if the row is still the same, or
//! begins again: `step` may run as often as it takes. Rows may be deleted once
//! [`Record::expires_at`] has passed; this store never does.
//!
//! It passes the whole conformance suite: `cargo test -p lockout-core --example custom_store`.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;
use lockout_core::{
    Attempt, Change, Decision, Effect, Engined, Guard, Policy, Record, RecordStore, Result, Step,
    StoreError, StoreErrorKind, Subject,
};
use tokio::sync::Mutex;

/// One row for each subject, in their order, which is not that of their texts.
#[derive(Debug, Default)]
struct JsonStore(Mutex<BTreeMap<Subject, String>>);

#[async_trait]
impl RecordStore for JsonStore {
    async fn update(&self, subject: &Subject, step: &mut Step<'_>) -> Result<()> {
        // Held until the change is made, so that nobody else's comes in between.
        let mut rows = self.0.lock().await;
        let row = rows.get(subject).map(|row| serde_json::from_str::<Record>(row));
        let record = row.transpose().map_err(corrupt)?;
        if let Change::Put(changed) = step(record.as_ref()) {
            rows.insert(subject.clone(), serde_json::to_string(&changed).map_err(corrupt)?);
        }
        Ok(())
    }

    async fn subjects(&self, after: Option<&Subject>, limit: usize) -> Result<Vec<Subject>> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.0.lock().await;
        Ok(rows.range((start, Bound::Unbounded)).take(limit).map(|row| row.0.clone()).collect())
    }
}

/// An unreadable row is an error: to take it for an empty one would free whoever is locked.
fn corrupt(source: serde_json::Error) -> StoreError {
    let message = "a row is not the JSON of a record: restore it, or delete it to forget its lock";
    StoreError::new(StoreErrorKind::Corrupt, Effect::None, "json store", message)
        .with_source(source)
}

#[tokio::main]
async fn main() -> Result<()> {
    let guard = Guard::new(Engined(JsonStore::default()), Policy::default());
    let attempt = Attempt::new().username("alice").ip([203, 0, 113, 7]);
    for guess in ["123456", "password", "qwerty", "letmein", "dragon"] {
        match guard.begin(&attempt).await? {
            Decision::Refused(refusal) => println!("{guess}: {refusal}, not looked at"),
            Decision::Admitted(permit) => {
                let locked = !permit.fail().await?.locked.is_empty();
                println!("{guess}: wrong{}", if locked { ", and now locked" } else { "" });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    lockout_testkit::conformance_suite!(custom_store, Engined(JsonStore::default()));

    #[tokio::test]
    async fn an_unreadable_row_is_an_error_and_stays() {
        let store = JsonStore::default();
        let alice = Subject::username("alice").unwrap();
        store.0.lock().await.insert(alice.clone(), "{}".into());
        let error = store.update(&alice, &mut |_| panic!("no record")).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        assert_eq!(store.0.lock().await[&alice], "{}");
    }
}
