//! [`RedisStore`]: the engine as scripts, where the records are.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use lockout_core::engine::{self, Standing};
use lockout_core::{
    Charge, LockedQuery, Lockout, LockoutStore, Outcome, Page, Reservation, Reserved, Result,
    Settlement, Subject, Timestamp,
};
use redis::{Cmd, Value};

use crate::builder::RedisStoreBuilder;
use crate::call::{self, evalsha, reserving, settling};
use crate::error::BuildError;
use crate::keys::Keys;
use crate::link::Line;
use crate::origin::Origin;
use crate::packed::{put_end, put_time};
use crate::scripts::{Script, Scripts};
use crate::wait::WaitingLine;

/// Records on a Redis server, shared by every process that uses the same prefix there.
///
/// Each step of an attempt is one call: a script changes all of the attempt's records at once and
/// answers what they were; the decision is read off them by the same engine. Clones share the
/// connection.
#[derive(Clone)]
pub struct RedisStore(pub(crate) Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) line: Line,
    pub(crate) keys: Keys,
    pub(crate) scripts: Scripts,
    /// For locks, if replicas must have them before they are told.
    pub(crate) waiting: Option<WaitingLine>,
    /// For subscriptions; unknown if the application made the connection.
    pub(crate) origin: Option<Origin>,
    /// The latest time that somebody who read a list has told.
    pub(crate) list_time: AtomicU64,
}

impl Parts {
    /// Runs a script that may begin or renew a lockout.
    pub(crate) async fn run_to_lock(&self, script: &Script, command: &Cmd) -> Result<Value> {
        match &self.waiting {
            Some(waiting) => waiting.run(&self.line, script, command).await,
            None => self.line.run(script, command).await,
        }
    }

    /// Settles by a script: a failure that is settled is one that locks.
    pub(crate) async fn run_to_settle(
        &self,
        script: &Script,
        command: &Cmd,
        outcome: Outcome,
    ) -> Result<Value> {
        match outcome {
            Outcome::Failure => self.run_to_lock(script, command).await,
            _ => self.line.run(script, command).await,
        }
    }
}

impl RedisStore {
    /// The store on the server of a URL, with the defaults of the [builder](RedisStoreBuilder).
    ///
    /// # Errors
    /// If the URL is wrong, or outside a tokio runtime.
    pub fn open(url: &str) -> Result<Self, BuildError> {
        Self::builder().open(url)
    }

    /// A builder of a store.
    pub fn builder() -> RedisStoreBuilder {
        RedisStoreBuilder::new()
    }

    /// The same with other scripts, and as if on a Cluster or not.
    #[cfg(test)]
    pub(crate) fn with_scripts(self, scripts: Scripts, is_cluster: bool) -> Self {
        let mut parts = Arc::into_inner(self.0).expect("nobody else has it yet");
        parts.line.is_cluster = is_cluster;
        Self(Arc::new(Parts { scripts, ..parts }))
    }
}

#[async_trait]
impl LockoutStore for RedisStore {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        let Parts { line, keys, scripts, .. } = &*self.0;
        let count = reservation.claims().len();
        if count == 0 {
            return Ok(Reserved::Charged(Vec::new()));
        }
        if line.is_cluster && count > 1 {
            return self.reserve_apart(reservation, now).await;
        }
        let records: Vec<_> =
            reservation.claims().map(|(subject, _)| keys.record(subject)).collect();
        let mut command = evalsha(&scripts.reserve, keys, &records);
        command.arg(reserving(reservation, reservation.claims(), now));
        let answer = line.run(&scripts.reserve, &command).await?;
        // The script has decided; what it decided follows from what it saw.
        let mut records = call::records(&answer, count)?;
        if !records.iter().all(|record| engine::is_free(record, now)) {
            let standings: Vec<Standing> =
                records.iter().map(|record| engine::standing(record, now)).collect();
            if let Some(refusal) = engine::refusal(reservation, &standings, now) {
                return Ok(Reserved::Refused(refusal));
            }
        }
        let charges = reservation.claims().zip(&mut records);
        let charges =
            charges.map(|((_, rule), record)| engine::charge(reservation, rule, record, now));
        Ok(Reserved::Charged(charges.collect()))
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        let Parts { line, keys, scripts, .. } = &*self.0;
        let writes: Vec<_> = reservation
            .claims()
            .zip(charges)
            .filter(|((_, rule), charge)| engine::settling_writes(rule, charge, outcome))
            .collect();
        let mut settlement = Settlement::default();
        if writes.is_empty() {
            return Ok(settlement);
        }
        if line.is_cluster {
            return self.settle_apart(reservation, &writes, outcome, now).await;
        }
        let records: Vec<_> = writes.iter().map(|((subject, _), _)| keys.record(subject)).collect();
        let mut command = evalsha(&scripts.settle, keys, &records);
        command.arg(time(now)).arg(keys.unlocks());
        for ((_, rule), charge) in &writes {
            command.arg(settling(reservation, rule, charge, outcome));
        }
        let answer = self.0.run_to_settle(&scripts.settle, &command, outcome).await?;
        let records = call::records(&answer, writes.len())?;
        for (((subject, rule), charge), mut record) in writes.into_iter().zip(records) {
            let settled = engine::settle(reservation, rule, &mut record, charge, outcome, now);
            settlement.add(subject, settled);
        }
        Ok(settlement)
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        let Parts { line, keys, .. } = &*self.0;
        let keys: Vec<_> = subjects.iter().map(|subject| keys.record(subject)).collect();
        let values = line.read(&keys).await?;
        if values.len() != keys.len() {
            return Err(call::unreadable());
        }
        let lockout = |(subject, value): (&Subject, &Value)| {
            let lock = call::record(call::bytes(value)?)?.lock_at(now).copied();
            Ok(lock.map(|lock| Lockout::new(subject.clone(), &lock)))
        };
        subjects.iter().zip(&values).map(lockout).collect()
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let Parts { keys, scripts, .. } = &*self.0;
        let mut command = evalsha(&scripts.lock, keys, &[keys.record(subject)]);
        let mut times = time(now);
        put_end(&mut times, until);
        command.arg(times);
        let answer = self.0.run_to_lock(&scripts.lock, &command).await?;
        let mut record = call::record(call::bytes(&answer)?)?;
        Ok(engine::lock(&mut record, until, now))
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        let Parts { line, keys, scripts, .. } = &*self.0;
        let mut command = evalsha(&scripts.clear, keys, &[keys.record(subject)]);
        command.arg(time(now)).arg(keys.unlocks());
        let answer = line.run(&scripts.clear, &command).await?;
        let mut record = call::record(call::bytes(&answer)?)?;
        Ok(engine::clear(&mut record, now))
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        self.page(query, now).await
    }
}

pub(crate) fn time(now: Timestamp) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(12);
    put_time(&mut bytes, now.as_millis());
    bytes
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { line, keys, .. } = &*self.0;
        f.debug_struct("RedisStore")
            .field("prefix", &keys.prefix())
            .field("link", &line.link)
            .field("timeout", &line.timeout)
            .finish_non_exhaustive()
    }
}
