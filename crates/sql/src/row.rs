//! A record as the columns of its row.

use lockout_core::{Lock, LockedBy, Record, Timestamp};
use serde::{Deserialize, Serialize};

use crate::exchange::Value;

/// What a row is read as: subject, version, failures, charged (less touched), touched,
/// `expires_at`, `locked_until`, state.
pub(crate) type Columns = (String, i64, i64, i64, i64, Option<i64>, Option<i64>, Option<String>);

/// What `locked_until` is if somebody has to unlock.
const FOREVER: i64 = i64::MAX;

/// Versions are below this, so that SQLite needs three bytes for one.
const VERSIONS: i64 = 8_388_606;

/// A record and the version of its row; no version if there is no row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) record: Record,
    pub(crate) version: Option<i64>,
}

impl Row {
    /// The row of `columns`; `None` if they are none.
    pub(crate) fn of(columns: &Columns) -> Option<Self> {
        let (_, version, failures, charged, touched, expires_at, locked_until, state) = columns;
        let state: State = match state {
            Some(state) => serde_json::from_str(state).ok()?,
            None => State::default(),
        };
        let failures = u32::try_from(*failures).ok()?;
        let charged = u64::try_from(touched.checked_add(*charged)?).ok()?;
        let expires_at = match expires_at {
            Some(expires_at) => Some(time(*expires_at)?),
            None => None,
        };
        let lock = match locked_until {
            Some(until) => Some(state.lock(*until)?),
            None => None,
        };
        let record = Record {
            charged,
            cleared: state.cleared.unwrap_or_else(|| charged.saturating_sub(failures.into())),
            failures,
            failures_expire: state.failures_expire(expires_at),
            lock,
            marks: state.history.iter().copied().map(Timestamp::from_millis).collect(),
            touched: time(*touched)?,
            expires_at,
        };
        Some(Self { record, version: Some(*version) })
    }

    /// The version that takes this one's place. That of a new row is negative and of chance: it
    /// takes nobody's place, and is not that of a row that has been deleted.
    pub(crate) fn next_version(&self) -> i64 {
        match self.version {
            Some(version) => version.abs() % VERSIONS + 1,
            None => -fastrand::i64(1..=VERSIONS),
        }
    }
}

/// A row to be written.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    subject: &'a str,
    version: i64,
    record: &'a Record,
}

impl<'a> Change<'a> {
    /// The row of `subject`, if it has a version.
    pub(crate) fn of(subject: &'a str, row: &'a Row) -> Option<Self> {
        Some(Self { subject, version: row.version?, record: &row.record })
    }

    /// What everybody sorts the rows of a statement by: who takes them in one order meets no
    /// deadlock.
    pub(crate) const fn subject(&self) -> &'a str {
        self.subject
    }

    /// The row's columns, in the order of [`Columns`].
    pub(crate) fn values(&self) -> [Value; 8] {
        let record = self.record;
        let end = |lock: &Lock| lock.until.map_or(FOREVER, millis);
        [
            Value::Text(self.subject.to_owned()),
            Value::Number(self.version),
            Value::Number(i64::from(record.failures.min(i32::MAX.unsigned_abs()))),
            // Numbers start from the time, so that what is left without it is short, and SQLite keeps
            // short numbers in fewer bytes.
            Value::Number(clamped(record.charged) - millis(record.touched)),
            Value::Number(millis(record.touched)),
            Value::MaybeNumber(record.expires_at.map(millis)),
            Value::MaybeNumber(record.lock.as_ref().map(end)),
            Value::MaybeText(State::of(record).text()),
        ]
    }
}

/// What is not so for a subject that merely failed lately. A row without any of it has no state.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct State {
    /// Otherwise: all charges before the failures that count.
    #[serde(skip_serializing_if = "Option::is_none")]
    cleared: Option<u64>,
    /// Otherwise: a grace before the record expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    failures_expire: Option<u64>,
    /// Failures are never forgotten though the record expires.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    failures_stay: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    locked_since: Option<u64>,
    /// Otherwise: a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked_by: Option<Other>,
    /// The number of the charge that set the lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    lock_charge: Option<u64>,
    /// Until when the lock is provisional.
    #[serde(skip_serializing_if = "Option::is_none")]
    lapses: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<u64>,
}

/// Who else than a rule locked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Other {
    Operator,
}

impl State {
    fn of(record: &Record) -> Self {
        let lock = record.lock.as_ref();
        let mut state = Self {
            locked_since: lock.map(|lock| lock.since.as_millis()),
            locked_by: lock.filter(|lock| lock.by == LockedBy::Operator).map(|_| Other::Operator),
            lock_charge: lock.map(|lock| lock.at),
            lapses: lock.and_then(|lock| lock.provisional).map(Timestamp::as_millis),
            history: record.marks.iter().map(|mark| mark.as_millis()).collect(),
            ..Self::default()
        };
        // While nothing counts, neither what was cleared nor when it is forgotten matters.
        if record.failures > 0 {
            let plain = record.charged.saturating_sub(record.failures.into());
            state.cleared = Some(record.cleared).filter(|cleared| *cleared != plain);
            if record.failures_expire != implied(record.expires_at) {
                state.failures_expire = record.failures_expire.map(Timestamp::as_millis);
                state.failures_stay = record.failures_expire.is_none();
            }
        }
        state
    }

    fn text(&self) -> Option<String> {
        if *self == Self::default() {
            return None;
        }
        // Numbers, flags and lists of numbers can always be written.
        serde_json::to_string(self).ok()
    }

    fn failures_expire(&self, expires_at: Option<Timestamp>) -> Option<Timestamp> {
        match self.failures_expire {
            Some(time) => Some(Timestamp::from_millis(time)),
            None if self.failures_stay => None,
            None => implied(expires_at),
        }
    }

    fn lock(&self, until: i64) -> Option<Lock> {
        Some(Lock {
            at: self.lock_charge?,
            since: Timestamp::from_millis(self.locked_since?),
            until: if until == FOREVER { None } else { Some(time(until)?) },
            by: match self.locked_by {
                Some(Other::Operator) => LockedBy::Operator,
                None => LockedBy::Rule,
            },
            provisional: self.lapses.map(Timestamp::from_millis),
        })
    }
}

fn implied(expires_at: Option<Timestamp>) -> Option<Timestamp> {
    let millis = expires_at?.as_millis();
    let grace = u64::try_from(Record::GRACE.as_millis()).unwrap_or(u64::MAX);
    Some(Timestamp::from_millis(millis.saturating_sub(grace)))
}

/// Whatever is later than a row can say is the last instant before never.
pub(crate) fn millis(time: Timestamp) -> i64 {
    clamped(time.as_millis())
}

fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(FOREVER).min(FOREVER - 1)
}

fn time(millis: i64) -> Option<Timestamp> {
    u64::try_from(millis).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Record {
        Record {
            charged: 1_005,
            cleared: 1_002,
            failures: 3,
            failures_expire: Some(Timestamp::from_millis(301_000)),
            touched: Timestamp::from_millis(1_000),
            expires_at: Some(Timestamp::from_millis(311_000)),
            ..Record::default()
        }
    }

    fn read_back(record: &Record) -> Option<Record> {
        use Value::{MaybeNumber, MaybeText, Number, Text};

        let row = Row { record: record.clone(), version: Some(7) };
        let columns = match Change::of("ip:192.0.2.1", &row)?.values() {
            [
                Text(subject),
                Number(version),
                Number(failures),
                Number(charged),
                Number(touched),
                MaybeNumber(expires_at),
                MaybeNumber(locked_until),
                MaybeText(state),
            ] => (subject, version, failures, charged, touched, expires_at, locked_until, state),
            _ => return None,
        };
        Row::of(&columns).map(|row| row.record)
    }

    #[test]
    fn a_plain_record_needs_no_state() {
        assert_eq!(State::of(&plain()).text(), None);
        assert_eq!(read_back(&plain()), Some(plain()));
    }

    #[test]
    fn a_record_is_what_was_written() {
        let time = Timestamp::from_millis;
        let lock = Lock {
            at: 1_005,
            since: time(990),
            until: None,
            by: LockedBy::Operator,
            provisional: None,
        };
        let records = [
            Record { cleared: 1_000, ..plain() },
            Record { failures_expire: None, ..plain() },
            Record { failures_expire: Some(time(5)), ..plain() },
            Record { failures_expire: None, expires_at: None, ..plain() },
            Record { marks: vec![time(1), time(2)], ..plain() },
            Record { lock: Some(lock), ..plain() },
            Record {
                lock: Some(Lock {
                    until: Some(time(5_000)),
                    by: LockedBy::Rule,
                    provisional: Some(time(2_000)),
                    ..lock
                }),
                ..plain()
            },
        ];
        for record in records {
            assert_eq!(read_back(&record), Some(record));
        }
    }

    #[test]
    fn what_is_no_record_is_found_out() {
        let columns = |failures, locked_until, state: Option<&str>| {
            let (subject, state) = ("ip:192.0.2.1".to_owned(), state.map(str::to_owned));
            Row::of(&(subject, 1, failures, 5, 5, None, locked_until, state))
        };
        assert!(columns(1, None, None).is_some());
        assert!(columns(-1, None, None).is_none());
        assert!(columns(1, Some(9), None).is_none(), "a lock without its state");
        assert!(columns(1, None, Some("{")).is_none());
        assert!(columns(1, None, Some("{\"of_a_later_version\":1}")).is_none());
    }

    #[test]
    fn versions_go_on_for_ever_and_a_new_one_takes_nobodys_place() {
        let row = |version| Row { version, ..Row::default() };
        assert_eq!(row(Some(VERSIONS)).next_version(), 1);
        assert_eq!(row(Some(-5)).next_version(), 6);
        assert!((0..100).all(|_| (-VERSIONS..0).contains(&row(None).next_version())));
    }
}
