//! What goes to a script and what comes back.

use lockout_core::{
    AfterLockout, Charge, Combine, Effect, EscalateBy, OnSuccess, Outcome, Place, Record,
    Reservation, Result, Rule, StoreError, StoreErrorKind, Timestamp,
};
use redis::{Cmd, Script, Value};

use crate::error::STORE;
use crate::packed::{self, put, put_end, put_time};

/// The longest period that a record can say: 34 years.
const LONGEST: u64 = (1 << 40) - 1;

/// More failures than a record holds in its short form are for the long way.
const MOST_PLAIN_FAILURES: u32 = 65_534;

/// The command that runs `script`.
pub(crate) fn evalsha(script: &Script, keys: &[(String, String)]) -> Cmd {
    let mut command = Cmd::new();
    command.arg("EVALSHA").arg(script.get_hash()).arg(2 * keys.len());
    for (record, _) in keys {
        command.arg(record);
    }
    for (_, locked) in keys {
        command.arg(locked);
    }
    command
}

/// What `reserve.lua` gets.
pub(crate) fn reserving(reservation: &Reservation<'_>, now: Timestamp) -> Vec<u8> {
    let lease = millis(reservation.policy().lease());
    let all = reservation.combine() == Combine::All;
    let enough = if all { reservation.policy().rules().len() } else { 1 };
    let mut bytes = Vec::with_capacity(12 + 64 * reservation.claims().len());
    put_time(&mut bytes, now.as_millis());
    put(&mut bytes, 5, lease);
    bytes.push(u8::try_from(enough).unwrap_or(u8::MAX));
    for (_, rule) in reservation.claims() {
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
    let mut rule_bytes = Vec::with_capacity(64);
    for (_, rule) in reservation.claims() {
        rule_bytes.clear();
        put_rule(&mut rule_bytes, reservation, rule);
        put(&mut bytes, 2, u64::try_from(rule_bytes.len()).unwrap_or(u64::MAX));
        bytes.extend_from_slice(&rule_bytes);
    }
    bytes
}

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

/// The record that an answer holds: an empty one if there was none.
pub(crate) fn record(value: &Value) -> Result<Record> {
    match value {
        Value::Nil => Ok(Record::default()),
        Value::BulkString(bytes) => packed::unpack(bytes).ok_or_else(unreadable),
        _ => Err(unreadable()),
    }
}

/// The records that an answer holds, `count` of them.
pub(crate) fn records(answer: &Value, count: usize) -> Result<Vec<Record>> {
    match answer {
        Value::BulkString(bytes) => short_records(bytes, count),
        Value::Array(values) if values.len() == count => values.iter().map(record).collect(),
        _ => Err(unreadable()),
    }
}

/// What the short way of `reserve.lua` saw: records of one length, and 255 for none.
fn short_records(mut bytes: &[u8], count: usize) -> Result<Vec<Record>> {
    let mut records = Vec::with_capacity(count);
    for _ in 0..count {
        let length = if bytes.first() == Some(&u8::MAX) { 1 } else { packed::SHORT };
        let (record, rest) = bytes.split_at_checked(length).ok_or_else(unreadable)?;
        let none = length == 1;
        let record = if none { Some(Record::default()) } else { packed::unpack(record) };
        records.push(record.ok_or_else(unreadable)?);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(records) } else { Err(unreadable()) }
}

fn unreadable() -> StoreError {
    let message = "something else than lockout writes under its prefix, or a later version of it";
    StoreError::new(StoreErrorKind::Corrupt, Effect::Unknown, STORE, message)
}

fn millis(period: std::time::Duration) -> u64 {
    u64::try_from(period.as_millis()).unwrap_or(u64::MAX).min(LONGEST)
}
