//! The layout of an entry.
//!
//! A byte for the layout, one for the outcome, the time, the address, then the four texts: username,
//! user agent, accept, path. Numbers are in LEB128; a text is its length and one, or zero for none,
//! then its bytes.

use std::net::IpAddr;

use lockout_core::{Attempt, AttemptEntry, Timestamp};

use super::place::{number_of, outcome_of};

/// The layout that is written. An entry of another one is of a later version.
const LAYOUT: u8 = 1;

pub(super) fn pack(entry: &AttemptEntry) -> Vec<u8> {
    let texts = [
        entry.username().map(|name| name.as_str()),
        entry.user_agent(),
        entry.accept(),
        entry.path(),
    ];
    let length = texts.iter().flatten().map(|text| text.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(length + 36);
    bytes.extend([LAYOUT, number_of(entry.outcome)]);
    put(&mut bytes, entry.at.as_millis());
    match entry.ip() {
        None => bytes.push(0),
        Some(IpAddr::V4(v4)) => {
            bytes.push(4);
            bytes.extend(v4.octets());
        }
        Some(IpAddr::V6(v6)) => {
            bytes.push(16);
            bytes.extend(v6.octets());
        }
    }
    for text in texts {
        match text {
            None => put(&mut bytes, 0),
            Some(text) => {
                put(&mut bytes, u64::try_from(text.len()).unwrap_or(u64::MAX).saturating_add(1));
                bytes.extend(text.as_bytes());
            }
        }
    }
    bytes
}

/// The entry of bytes that [`pack`] made; `None` if it made no such bytes.
pub(super) fn unpack(bytes: &[u8]) -> Option<AttemptEntry> {
    let mut rest = bytes;
    let [LAYOUT, outcome] = *take(&mut rest)? else { return None };
    let outcome = outcome_of(outcome)?;
    let at = Timestamp::from_millis(number(&mut rest)?);
    let mut attempt = Attempt::new();
    attempt = match *take::<1>(&mut rest)? {
        [0] => attempt,
        [4] => attempt.ip(*take::<4>(&mut rest)?),
        [16] => attempt.ip(*take::<16>(&mut rest)?),
        _ => return None,
    };
    let setters = [Attempt::username, Attempt::user_agent, Attempt::accept, Attempt::path];
    for set in setters {
        if let Some(length) = number(&mut rest)?.checked_sub(1) {
            let (text, others) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            attempt = set(attempt, std::str::from_utf8(text).ok()?);
            rest = others;
        }
    }
    rest.is_empty().then(|| AttemptEntry::new(at, &attempt, outcome))
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(taken)
}

pub(super) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

pub(super) fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let [byte] = *take(rest)?;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use lockout_core::LoggedOutcome;

    use super::*;

    #[test]
    fn the_layout_stays() {
        let attempt = Attempt::new().username("alice").ip([192, 0, 2, 1]).path("/login");
        let entry = AttemptEntry::new(Timestamp::from_millis(300), &attempt, LoggedOutcome::Failed);
        let bytes = b"\x01\x01\xac\x02\x04\xc0\x00\x02\x01\x06alice\x00\x00\x07/login";
        assert_eq!(pack(&entry), bytes);
        assert_eq!(unpack(bytes), Some(entry));
    }

    #[test]
    fn every_entry_is_one_to_one_with_its_bytes() {
        for outcome in LoggedOutcome::ALL {
            for millis in [0, 127, 128, 1_700_000_000_000, u64::MAX - 1] {
                let attempt = Attempt::new().ip([0xfe80, 0, 0, 0, 0, 0, 0, 1]).accept("*/*");
                let entry = AttemptEntry::new(Timestamp::from_millis(millis), &attempt, outcome);
                assert_eq!(unpack(&pack(&entry)), Some(entry));
            }
        }
    }

    #[test]
    fn other_bytes_are_no_entry() {
        let attempt = Attempt::new().username("alice").ip([192, 0, 2, 1]).user_agent("curl");
        let bytes = pack(&AttemptEntry::new(Timestamp::default(), &attempt, LoggedOutcome::Busy));
        for end in 0..bytes.len() {
            assert_eq!(unpack(&bytes[..end]), None, "{end}");
        }
        assert_eq!(unpack(&[&bytes[..], b"x"].concat()), None);
        for (index, byte) in [(0, 2), (1, 9), (3, 5)] {
            let mut bytes = bytes.clone();
            bytes[index] = byte;
            assert_eq!(unpack(&bytes), None, "{index}");
        }
        assert_eq!(unpack(&[&[1, 1][..], &[0xff; 20]].concat()), None);
    }
}
