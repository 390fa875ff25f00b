//! [`SqlStore`]: the engine in process, the records in rows.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lockout_core::engine::{self, Standing};
use lockout_core::{
    Charge, Combine, LockedQuery, Lockout, LockoutStore, Outcome, Page, Reservation, Reserved,
    Result, Settlement, Subject, Timestamp,
};
use sqlx::Pool;

use crate::builder::{Settings, SqlStoreBuilder};
use crate::dialect::{Dialect, Driver};
use crate::error::BuildError;
use crate::gate::Gate;
use crate::keys::text_of;
use crate::pending::Pending;
use crate::round::Rows;
use crate::row::Row;
use crate::statements::{Names, Statements};
use crate::sweep::LINGERS;

/// Records in a table, shared by every process that uses the same one.
///
/// An attempt is one read of all of its subjects' rows, the engine, and one write that does nothing
/// unless each row is still the one that was read. Clones share the connections.
pub struct SqlStore<D: Dialect>(pub(crate) Arc<Parts<D>>);

pub(crate) struct Parts<D: Dialect> {
    pub(crate) pool: Pool<D>,
    pub(crate) names: Names,
    pub(crate) statements: Statements,
    pub(crate) timeout: Duration,
    pub(crate) gate: Gate,
    pub(crate) pending: Pending,
}

impl<D: Dialect> SqlStore<D> {
    /// The store in the database of a URL, with the defaults of the [builder](SqlStoreBuilder).
    ///
    /// # Errors
    /// If the URL is wrong, or outside a tokio runtime.
    pub fn open(url: &str) -> Result<Self, BuildError> {
        Self::builder().open(url)
    }

    /// A builder of a store.
    pub fn builder() -> SqlStoreBuilder<D> {
        SqlStoreBuilder::new()
    }

    /// The connections, which the application may use too.
    #[must_use]
    pub fn pool(&self) -> &Pool<D> {
        &self.0.pool
    }

    pub(crate) fn new(pool: Pool<D>, names: Names, settings: &Settings) -> Self {
        let durability = D::by_statement(settings.durability);
        let statements = Statements::new(&<D as Driver>::TEXTS, &names, durability);
        let (gate, pending) = (Gate::new(), Pending::default());
        Self(Arc::new(Parts { pool, names, statements, timeout: settings.timeout, gate, pending }))
    }

    pub(crate) fn parts(&self) -> &Parts<D> {
        &self.0
    }

    /// The store with other statements.
    #[cfg(all(test, any(feature = "mysql", feature = "postgres", feature = "sqlite")))]
    pub(crate) fn with_texts(self, texts: &crate::dialect::Texts) -> Self {
        let parts = Arc::into_inner(self.0).expect("nobody else has it yet");
        let statements = Statements::new(texts, &parts.names, crate::Durability::Relaxed);
        Self(Arc::new(Parts { statements, ..parts }))
    }
}

#[async_trait]
impl<D: Dialect> LockoutStore for SqlStore<D> {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        let keys: Vec<_> = reservation.claims().map(|(subject, _)| text_of(subject)).collect();
        if keys.is_empty() {
            return Ok(Reserved::Charged(Vec::new()));
        }
        let step = |rows: &mut [Row]| {
            let standings: Vec<Standing> =
                rows.iter().map(|row| engine::standing(&row.record, now)).collect();
            if let Some(refusal) = engine::refusal(reservation, &standings, now) {
                return Reserved::Refused(refusal);
            }
            let charges = reservation.claims().zip(rows);
            let charges = charges
                .map(|((_, rule), row)| engine::charge(reservation, rule, &mut row.record, now));
            Reserved::Charged(charges.collect())
        };
        let one_refuses = reservation.combine() == Combine::Any;
        let rows = Rows { keys: &keys, remembered: None, one_refuses };
        let (reserved, rows) = self.change(rows, step).await?;
        Ok(match reserved {
            Reserved::Refused(refusal) => Reserved::Refused(refusal),
            Reserved::Charged(mut charges) => {
                let tag = self.0.pending.put(keys, rows);
                charges.iter_mut().for_each(|charge| charge.tag = tag);
                Reserved::Charged(charges)
            }
        })
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        let writes: Vec<_> = reservation
            .claims()
            .zip(charges)
            .filter(|((_, rule), charge)| engine::settling_writes(rule, charge, outcome))
            .collect();
        let Some((_, first)) = writes.first() else { return Ok(Settlement::default()) };
        let keys: Vec<_> = writes.iter().map(|((subject, _), _)| text_of(subject)).collect();
        let is_fresh = |row: &Row| now.saturating_since(row.record.touched) < LINGERS / 2;
        let remembered = self.0.pending.take(first.tag, &keys);
        let remembered = remembered.filter(|rows| rows.iter().all(is_fresh));
        let step = |rows: &mut [Row]| {
            let mut settlement = Settlement::default();
            for (((subject, rule), charge), row) in writes.iter().zip(rows) {
                let record = &mut row.record;
                let settled = engine::settle(reservation, rule, record, charge, outcome, now);
                settlement.add(subject, settled);
            }
            settlement
        };
        let rows = Rows { keys: &keys, remembered, one_refuses: false };
        let (settlement, _) = self.change(rows, step).await?;
        Ok(settlement)
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        if subjects.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<_> = subjects.iter().map(text_of).collect();
        let rows = self.read(&keys).await?;
        let lockout = |(subject, row): (&Subject, &Row)| {
            Some(Lockout::new(subject.clone(), row.record.lock_at(now)?))
        };
        Ok(subjects.iter().zip(&rows).map(lockout).collect())
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let step =
            |rows: &mut [Row]| rows.iter_mut().any(|row| engine::lock(&mut row.record, until, now));
        let (begins, _) = self.change(Rows::one(&[text_of(subject)]), step).await?;
        Ok(begins)
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        let step =
            |rows: &mut [Row]| rows.iter_mut().any(|row| engine::clear(&mut row.record, now));
        let (was_locked, _) = self.change(Rows::one(&[text_of(subject)]), step).await?;
        Ok(was_locked)
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        self.page(query, now).await
    }
}

impl<D: Dialect> Clone for SqlStore<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D: Dialect> fmt::Debug for SqlStore<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore")
            .field("database", &D::STORE)
            .field("table", &self.0.names.table.to_string())
            .field("timeout", &self.0.timeout)
            .finish_non_exhaustive()
    }
}
