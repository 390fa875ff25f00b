//! A record as the string of bytes that Redis keeps: the layout is in `scripts/words.lua`.

use lockout_core::{Lock, LockedBy, Record, Timestamp};

/// What the layout writes for "never".
pub(crate) const NEVER: u64 = (1 << 48) - 1;

/// The bytes of a record without a lock, without marks and with small counts.
pub(crate) const SHORT: usize = 27;

const FOREVER: u8 = 1;
const KEPT: u8 = 2;
const WIDE: u8 = 4;
const LOCKED: u8 = 8;
const OPERATOR: u8 = 16;
const KNOWN: u8 = 31;

/// The six bytes of a time; whatever is later than the layout can say is its last instant.
pub(crate) fn put_time(bytes: &mut Vec<u8>, millis: u64) {
    put(bytes, 6, millis.min(NEVER - 1));
}

/// The six bytes of an end that may never come.
pub(crate) fn put_end(bytes: &mut Vec<u8>, end: Option<Timestamp>) {
    put(bytes, 6, end.map_or(NEVER, |end| end.as_millis().min(NEVER - 1)));
}

/// The last `size` bytes of `number`, big end first.
pub(crate) fn put(bytes: &mut Vec<u8>, size: usize, number: u64) {
    bytes.extend_from_slice(&number.to_be_bytes()[8 - size..]);
}

/// The longest period that a record can say: 34 years.
pub(crate) const LONGEST: u64 = (1 << 40) - 1;

/// The bytes that the scripts write for this record.
pub(crate) fn pack(record: &Record) -> Vec<u8> {
    let touched = record.touched.as_millis();
    let uncleared = record.charged.saturating_sub(record.cleared);
    let wide = record.failures > u32::from(u16::MAX) || uncleared > u64::from(u16::MAX);
    let flag = |flag, is_set: bool| if is_set { flag } else { 0 };
    let mut flags = flag(FOREVER, record.failures_expire.is_none())
        | flag(KEPT, record.expires_at.is_none())
        | flag(WIDE, wide);
    if let Some(lock) = &record.lock {
        flags |= LOCKED | flag(OPERATOR, lock.by == LockedBy::Operator);
    }
    let after = |end: Option<Timestamp>| {
        end.map_or(0, |end| end.as_millis().saturating_sub(touched).min(LONGEST))
    };
    let counter = if wide { 4 } else { 2 };
    let mut bytes = Vec::with_capacity(SHORT + 24);
    bytes.push(flags);
    put(&mut bytes, 6, touched);
    put(&mut bytes, 6, record.charged);
    put(&mut bytes, counter, uncleared.min(u32::MAX.into()));
    put(&mut bytes, counter, record.failures.into());
    put(&mut bytes, 5, after(record.failures_expire));
    put(&mut bytes, 5, after(record.expires_at));
    if let Some(lock) = &record.lock {
        put(&mut bytes, 6, lock.at);
        put(&mut bytes, 6, lock.since.as_millis());
        put_end(&mut bytes, lock.until);
        put(&mut bytes, 6, lock.provisional.map_or(0, Timestamp::as_millis));
    }
    for mark in &record.marks {
        put(&mut bytes, 6, mark.as_millis());
    }
    bytes
}

/// The record that `bytes` are; `None` if they are none.
pub(crate) fn unpack(mut bytes: &[u8]) -> Option<Record> {
    let bytes = &mut bytes;
    let flags = u8::try_from(take(bytes, 1)?).ok().filter(|flags| *flags <= KNOWN)?;
    let counter = if flags & WIDE == 0 { 2 } else { 4 };
    let touched = take(bytes, 6)?;
    let charged = take(bytes, 6)?;
    let uncleared = take(bytes, counter)?;
    let failures = u32::try_from(take(bytes, counter)?).ok()?;
    let forgotten = take(bytes, 5)?;
    let expires = take(bytes, 5)?;
    let lock = if flags & LOCKED == 0 { None } else { Some(take_lock(bytes, flags)?) };
    let mut marks = Vec::with_capacity(bytes.len() / 6);
    while !bytes.is_empty() {
        marks.push(Timestamp::from_millis(take(bytes, 6)?));
    }
    let after = |period| Timestamp::from_millis(touched + period);
    Some(Record {
        charged,
        cleared: charged.checked_sub(uncleared)?,
        failures,
        failures_expire: (flags & FOREVER == 0).then(|| after(forgotten)),
        lock,
        marks,
        touched: Timestamp::from_millis(touched),
        expires_at: (flags & KEPT == 0).then(|| after(expires)),
    })
}

fn take_lock(bytes: &mut &[u8], flags: u8) -> Option<Lock> {
    let at = take(bytes, 6)?;
    let since = Timestamp::from_millis(take(bytes, 6)?);
    let until = Some(take(bytes, 6)?).filter(|until| *until != NEVER);
    let lapses = Some(take(bytes, 6)?).filter(|lapses| *lapses != 0);
    Some(Lock {
        at,
        since,
        until: until.map(Timestamp::from_millis),
        by: if flags & OPERATOR == 0 { LockedBy::Rule } else { LockedBy::Operator },
        provisional: lapses.map(Timestamp::from_millis),
    })
}

fn take(bytes: &mut &[u8], size: usize) -> Option<u64> {
    let (number, rest) = bytes.split_at_checked(size)?;
    *bytes = rest;
    Some(number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Vec<u8> {
        let mut bytes = vec![0];
        put_time(&mut bytes, 1_000);
        put_time(&mut bytes, 1_005);
        put(&mut bytes, 2, 4);
        put(&mut bytes, 2, 3);
        put(&mut bytes, 5, 300);
        put(&mut bytes, 5, 400);
        bytes
    }

    #[test]
    fn a_record_is_what_was_packed() {
        let mut bytes = plain();
        bytes[0] = LOCKED | OPERATOR;
        for time in [1_005, 990, NEVER, 0] {
            put(&mut bytes, 6, time);
        }
        put_time(&mut bytes, 990);
        let millis = Timestamp::from_millis;
        let lock = Lock {
            at: 1_005,
            since: millis(990),
            until: None,
            by: LockedBy::Operator,
            provisional: None,
        };
        let expected = Record {
            charged: 1_005,
            cleared: 1_001,
            failures: 3,
            failures_expire: Some(millis(1_300)),
            lock: Some(lock),
            marks: vec![millis(990)],
            touched: millis(1_000),
            expires_at: Some(millis(1_400)),
        };
        assert_eq!(pack(&expected), bytes);
        assert_eq!(unpack(&bytes), Some(expected));
    }

    #[test]
    fn what_is_no_record_is_found_out() {
        assert!(unpack(&plain()).is_some());
        for length in 0..plain().len() {
            assert_eq!(unpack(&plain()[..length]), None, "{length} bytes");
        }
        let mut later_layout = plain();
        later_layout[0] = 32;
        assert_eq!(unpack(&later_layout), None);
        let mut half_a_mark = plain();
        half_a_mark.extend([0; 3]);
        assert_eq!(unpack(&half_a_mark), None);
    }
}
