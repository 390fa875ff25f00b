//! Under which keys records are kept.

use lockout_core::{Scope, Subject};

/// The scopes that a letter stands for in keys: each character is kept once for each subject, and
/// with these a name of 14 bytes fits into 32.
const LETTERS: [(Scope, &str); 3] =
    [(Scope::Username, "u"), (Scope::Ip, "i"), (Scope::UsernameIp, "p")];

/// The text of a subject in keys, lists and notices: its own, with a letter for the scope.
pub(crate) fn text_of(subject: &Subject) -> String {
    let text = subject.to_string();
    let letter = LETTERS.iter().find(|(scope, _)| *scope == subject.scope());
    match letter {
        Some((scope, letter)) => format!("{letter}{}", &text[scope.name().len()..]),
        None => text,
    }
}

/// The subject of a text that [`text_of`] made; `None` if it made no such text.
pub(crate) fn subject_of(text: &str) -> Option<Subject> {
    let (end, _) = text.char_indices().find(|(_, c)| matches!(c, ':' | '#'))?;
    let (head, value) = text.split_at(end);
    let scope = LETTERS.iter().find(|(_, letter)| *letter == head);
    scope
        .map_or(head, |(scope, _)| scope.name())
        .chars()
        .chain(value.chars())
        .collect::<String>()
        .parse()
        .ok()
}

/// The keys of one store: `PREFIX:{BUCKET}:SUBJECT`.
///
/// A subject's text is one-to-one and comes last, so no username makes the key of another subject,
/// or of a list. The bucket is the key's hash tag: in a Cluster it decides the node, and a record
/// and the list of locked subjects that it belongs to are always on the same one. The layout is the
/// same on one server, so that it can become a Cluster.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    /// How many buckets there are; two characters name one.
    pub(crate) const BUCKETS: u16 = 1024;

    const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

    pub(crate) const fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// A prefix that cannot be taken for a hash tag, a pattern or another store's key.
    pub(crate) fn is_prefix(text: &str) -> bool {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
        (1..=64).contains(&text.len()) && text.bytes().all(allowed)
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The record's key, and the key of its bucket's list of locked subjects.
    pub(crate) fn of(&self, subject: &Subject) -> (String, String) {
        let text = text_of(subject);
        let bucket = bucket_of(&text);
        (self.in_bucket(bucket, &text), self.locked(bucket))
    }

    /// The record's key.
    pub(crate) fn record(&self, subject: &Subject) -> String {
        let text = text_of(subject);
        self.in_bucket(bucket_of(&text), &text)
    }

    /// The list of the locked subjects of a bucket. No subject's text is without a `:` or `#`.
    pub(crate) fn locked(&self, bucket: u16) -> String {
        self.in_bucket(bucket, "locked")
    }

    /// A key in the subject's bucket for one settling.
    pub(crate) fn settling(&self, subject: &Subject, nonce: u64) -> String {
        self.in_bucket(bucket_of(&text_of(subject)), &format!("settled.{nonce:016x}"))
    }

    /// The channel on which unlocks are told.
    pub(crate) fn unlocks(&self) -> String {
        format!("{}:unlocked", self.prefix)
    }

    fn in_bucket(&self, bucket: u16, name: &str) -> String {
        let digit = |number: u16| char::from(Self::ALPHABET[usize::from(number % 32)]);
        let mut key = String::with_capacity(self.prefix.len() + 6 + name.len());
        key.push_str(&self.prefix);
        key.push_str(":{");
        key.push(digit(bucket / 32));
        key.push(digit(bucket));
        key.push_str("}:");
        key.push_str(name);
        key
    }
}

/// The bucket of a subject's text. Part of the layout: it must never change.
pub(crate) fn bucket_of(text: &str) -> u16 {
    // FNV-1a, which spreads the last characters badly, and the finalizer of MurmurHash3.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    u16::try_from(hash >> 54).unwrap_or(0) % Keys::BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_prefix_bucket_and_subject_for_ever() {
        let keys = Keys::new("lockout".into());
        let (record, locked) = keys.of(&Subject::username("alice").unwrap());
        assert_eq!(record, "lockout:{vk}:u:alice");
        assert_eq!(locked, "lockout:{vk}:locked");
    }

    #[test]
    fn no_name_makes_the_key_of_anything_else() {
        let keys = Keys::new("lockout".into());
        for name in ["locked", "{00}:locked", "a}:{b", "*", "a\0b", "a\r\nb", "unlocked"] {
            let key = keys.record(&Subject::username(name).unwrap());
            assert!(key.ends_with(&format!("}}:u:{name}")), "{key:?}");
            // The first braces are the bucket's: they alone are the hash tag.
            assert_eq!(key.find('{'), Some(8));
            assert_eq!(key.find('}'), Some(11));
        }
    }

    #[test]
    fn a_text_is_of_one_subject() {
        for text in ["username:alice", "ip:2001:db8::/64", "username_ip:192.0.2.1|a:b#c", "ip#Ab-_"]
        {
            let subject: Subject = text.parse().unwrap();
            assert_eq!(subject_of(&text_of(&subject)), Some(subject), "{text}");
        }
        for text in ["", "alice", "x:alice", "u", "i:alice"] {
            assert_eq!(subject_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_prefix_is_plain() {
        for prefix in ["lockout", "shop/eu-1.lockout_2"] {
            assert!(Keys::is_prefix(prefix));
        }
        for prefix in ["", "a:b", "{a}", "a*", "a b", "ä", &"x".repeat(65)] {
            assert!(!Keys::is_prefix(prefix), "{prefix:?}");
        }
    }

    #[test]
    fn buckets_are_used_evenly() {
        let mut used = [0_u32; Keys::BUCKETS as usize];
        for number in 0..100_000 {
            used[usize::from(bucket_of(&format!("u:user-{number:06}")))] += 1;
        }
        assert!(used.iter().all(|names| (40..200).contains(names)), "{used:?}");
    }
}
