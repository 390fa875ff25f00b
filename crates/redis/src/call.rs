//! What goes to a script and what comes back.

use lockout_core::{
    AfterLockout, Charge, Effect, EscalateBy, OnSuccess, Outcome, Place, Record, Reservation,
    Result, Rule, StoreError, StoreErrorKind, Subject, Timestamp,
};
use redis::{Cmd, Value};

use crate::error::STORE;
use crate::keys::Keys;
use crate::packed::{self, LONGEST, put, put_end, put_time};
use crate::scripts::Script;

/// More failures than a record holds in its short form are for the long way.
const MOST_PLAIN_FAILURES: u32 = 65_534;

/// The command that runs `script` on these records.
pub(crate) fn evalsha(script: &Script, keys: &Keys, records: &[String]) -> Cmd {
    let mut command = Cmd::with_capacity(5 + 2 * records.len(), 128 + 192 * records.len());
    command.arg("EVALSHA").arg(script.hash()).arg(2 * records.len());
    keys.add(records, &mut command);
    command
}

/// What `reserve.lua` gets for these claims of a reservation.
pub(crate) fn reserving<'a>(
    reservation: &Reservation<'_>,
    claims: impl ExactSizeIterator<Item = (&'a Subject, &'a Rule)> + Clone,
    now: Timestamp,
) -> Vec<u8> {
    let lease = millis(reservation.policy().lease());
    // Under `all` a subject that is charged without the others refuses nothing by itself.
    let enough = reservation.locks_to_refuse();
    let mut bytes = Vec::with_capacity(12 + 64 * claims.len());
    put_time(&mut bytes, now.as_millis());
    put(&mut bytes, 5, lease);
    bytes.push(u8::try_from(enough).unwrap_or(u8::MAX));
    for (_, rule) in claims.clone() {
        let marks_attempts = rule.escalate_by() != EscalateBy::Lockouts && rule.marks_kept() > 0;
        let tolerated = if marks_attempts { 0 } else { rule.failure_limit() };
        put(&mut bytes, 4, tolerated.min(MOST_PLAIN_FAILURES).into());
        let cooloff = rule.attempt_cooloff().as_millis().min(LONGEST);
        let grace = millis(Record::GRACE);
        if rule.attempt_cooloff().is_never() {
            bytes.push(3);
            put(&mut bytes, 5, 0);
            put(&mut bytes, 5, 0);
        } else {
            bytes.push(0);
            put(&mut bytes, 5, cooloff);
            put(&mut bytes, 5, cooloff.max(lease).saturating_add(grace).min(LONGEST));
        }
    }
    for (_, rule) in claims {
        let entries = rule.lockout_cooloff().entries().len();
        put(&mut bytes, 2, u64::try_from(RULE + 6 * entries).unwrap_or(u64::MAX));
        put_rule(&mut bytes, reservation, rule);
    }
    bytes
}

/// The bytes of a rule before its lockout cooloffs.
const RULE: usize = 26;

/// Appends a rule as `reserve.lua` says.
fn put_rule(bytes: &mut Vec<u8>, reservation: &Reservation<'_>, rule: &Rule) {
    put(bytes, 4, rule.failure_limit().into());
    put_time(bytes, rule.attempt_cooloff().as_millis());
    put_time(bytes, rule.lockout_memory().as_millis());
    put_time(bytes, reservation.spread().of(millis(rule.lockout_jitter())));
    bytes.push(match rule.escalate_by() {
        EscalateBy::Failures => 1,
        EscalateBy::Attempts => 2,
        _ => 0,
    });
    bytes.push(u8::from(rule.after_lockout() == AfterLockout::Forget));
    put(bytes, 2, u64::try_from(rule.marks_kept()).unwrap_or(u64::MAX).min(u16::MAX.into()));
    for entry in rule.lockout_cooloff().entries() {
        put_time(bytes, entry.as_millis());
    }
}

/// What `settle.lua` gets for one subject.
pub(crate) fn settling(
    reservation: &Reservation<'_>,
    rule: &Rule,
    charge: &Charge,
    outcome: Outcome,
) -> Vec<u8> {
    let stays = outcome == Outcome::Failure
        || (outcome == Outcome::Success && rule.on_success() == OnSuccess::Keep);
    let clears = outcome == Outcome::Success && rule.on_success() == OnSuccess::Clear;
    let unmarks = match rule.escalate_by() {
        EscalateBy::Failures => !stays,
        EscalateBy::Attempts => outcome == Outcome::Cancelled,
        _ => false,
    };
    let mut bytes = Vec::with_capacity(64);
    bytes.push(if stays {
        0
    } else if clears {
        1
    } else {
        2
    });
    bytes.push(unmarks.into());
    bytes.push(match charge.place {
        Place::Tolerated => 0,
        Place::Last { .. } => 1,
        Place::Beyond => 2,
    });
    put_time(&mut bytes, charge.number);
    put_time(&mut bytes, charge.at.as_millis());
    put_end(&mut bytes, charge.renewed_from);
    put_rule(&mut bytes, reservation, rule);
    bytes
}

/// The record that bytes are: an empty one if there are none.
pub(crate) fn record(bytes: &[u8]) -> Result<Record> {
    if bytes.is_empty() {
        return Ok(Record::default());
    }
    packed::unpack(bytes).ok_or_else(unreadable)
}

/// The bytes of the record that an answer holds: empty if there was none.
pub(crate) fn bytes(value: &Value) -> Result<&[u8]> {
    match value {
        Value::Nil => Ok(&[]),
        Value::BulkString(bytes) => Ok(bytes),
        _ => Err(unreadable()),
    }
}

/// The bytes of the records that an answer holds, `count` of them.
pub(crate) fn all_bytes(answer: &Value, count: usize) -> Result<Vec<&[u8]>> {
    match answer {
        Value::BulkString(bytes) => short_records(bytes, count),
        Value::Array(values) if values.len() == count => values.iter().map(bytes).collect(),
        _ => Err(unreadable()),
    }
}

/// The records that an answer holds, `count` of them.
pub(crate) fn records(answer: &Value, count: usize) -> Result<Vec<Record>> {
    all_bytes(answer, count)?.into_iter().map(record).collect()
}

/// What the short way of `reserve.lua` saw: records of one length, and 255 for none.
fn short_records(mut bytes: &[u8], count: usize) -> Result<Vec<&[u8]>> {
    let mut records = Vec::with_capacity(count);
    for _ in 0..count {
        let none = bytes.first() == Some(&u8::MAX);
        let length = if none { 1 } else { packed::SHORT };
        let (record, rest) = bytes.split_at_checked(length).ok_or_else(unreadable)?;
        records.push(if none { &[] } else { record });
        bytes = rest;
    }
    if bytes.is_empty() { Ok(records) } else { Err(unreadable()) }
}

pub(crate) fn unreadable() -> StoreError {
    let message = "something else than lockout writes under its prefix, or a later version of it";
    StoreError::new(StoreErrorKind::Corrupt, Effect::Unknown, STORE, message)
}

fn millis(period: std::time::Duration) -> u64 {
    u64::try_from(period.as_millis()).unwrap_or(u64::MAX).min(LONGEST)
}
