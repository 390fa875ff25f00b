//! Under which keys records are kept.

use std::fmt::{self, Write};
use std::net::IpAddr;

use lockout_core::{ListName, Scope, Subject};
use redis::Cmd;

/// What the list of a bucket's locked subjects is called.
const LOCKED: &str = "locked";

/// The scopes that a letter stands for in keys: each character is kept once for each subject, and
/// with these a name of 14 bytes fits into 32.
const LETTERS: [(Scope, &str); 3] =
    [(Scope::Username, "u"), (Scope::Ip, "i"), (Scope::UsernameIp, "p")];

/// The text of a subject in keys, lists and notices: its own, with a letter for the scope.
pub(crate) fn text_of(subject: &Subject) -> String {
    let mut text = String::new();
    push_text(&mut text, subject);
    text
}

fn push_text(text: &mut String, subject: &Subject) {
    // A namespace stands before the scope.
    let letter = LETTERS
        .iter()
        .find(|(scope, _)| *scope == subject.scope() && subject.namespace().is_none());
    let skipped = match letter {
        Some((scope, letter)) => {
            text.push_str(letter);
            scope.name().len()
        }
        None => 0,
    };
    // A String takes everything.
    let _ = write!(Tail { text, skipped }, "{subject}");
}

/// Writes all but the first bytes.
struct Tail<'a> {
    text: &'a mut String,
    skipped: usize,
}

impl Write for Tail<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        match part.get(self.skipped..) {
            Some(rest) => {
                self.text.push_str(rest);
                self.skipped = 0;
            }
            None => self.skipped -= part.len(),
        }
        Ok(())
    }
}

/// The subject of a text that [`text_of`] made; `None` if it made no such text.
pub(crate) fn subject_of(text: &str) -> Option<Subject> {
    let (end, _) = text.char_indices().find(|(_, c)| matches!(c, ':' | '#' | '/'))?;
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

    /// How many buckets share a stream of the log.
    pub(crate) const SHARED: u16 = 8;

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

    /// The record's key.
    pub(crate) fn record(&self, subject: &Subject) -> String {
        // As long as most keys are.
        let mut key = String::with_capacity(self.prefix.len() + 64);
        key.push_str(&self.prefix);
        key.push_str(":{00}:");
        let start = key.len();
        push_text(&mut key, subject);
        let [high, low] = digits(bucket_of(&key[start..]));
        let mut digits = [0; 4];
        key.replace_range(start - 4..start - 3, high.encode_utf8(&mut digits));
        key.replace_range(start - 3..start - 2, low.encode_utf8(&mut digits));
        key
    }

    /// Adds these records' keys to a command, then for each the key of its bucket's list of locked
    /// subjects.
    pub(crate) fn add(&self, records: &[String], command: &mut Cmd) {
        command.arg(records);
        let mut list = String::with_capacity(self.prefix.len() + 12);
        for record in records {
            list.clear();
            list.push_str(&record[..self.prefix.len() + 6]);
            list.push_str(LOCKED);
            command.arg(&list);
        }
    }

    /// The list of the locked subjects of a bucket. No subject's text is without a `:` or `#`.
    pub(crate) fn locked(&self, bucket: u16) -> String {
        self.in_bucket(bucket, LOCKED)
    }

    /// A key in the subject's bucket for one settling.
    pub(crate) fn settling(&self, subject: &Subject, nonce: u64) -> String {
        self.in_bucket(bucket_of(&text_of(subject)), &format!("settled.{nonce:016x}"))
    }

    /// A stream of the log, in the first bucket of the eight that `text` shares it with. No subject's
    /// text is called like one.
    pub(crate) fn stream(&self, text: &str, name: &str) -> String {
        self.in_bucket(bucket_of(text) / Self::SHARED * Self::SHARED, name)
    }

    /// A part of a list, all of whose parts are on one node. No bucket has a name as long.
    pub(crate) fn list(&self, list: &ListName, part: &str) -> String {
        format!("{}:{{list.{list}}}:{part}", self.prefix)
    }

    /// The channel on which unlocks are told.
    pub(crate) fn unlocks(&self) -> String {
        format!("{}:unlocked", self.prefix)
    }

    fn in_bucket(&self, bucket: u16, name: &str) -> String {
        let [high, low] = digits(bucket);
        let mut key = String::with_capacity(self.prefix.len() + 6 + name.len());
        key.push_str(&self.prefix);
        key.push_str(":{");
        key.push(high);
        key.push(low);
        key.push_str("}:");
        key.push_str(name);
        key
    }
}

/// The two characters that name a bucket.
fn digits(bucket: u16) -> [char; 2] {
    [bucket / 32, bucket].map(|number| char::from(Keys::ALPHABET[usize::from(number % 32)]))
}

/// The text of a username, as of its subject.
pub(crate) fn text_of_name(name: &str) -> String {
    format!("u:{name}")
}

/// The text of an address. An IPv6 address is not its network.
pub(crate) fn text_of_address(address: IpAddr) -> String {
    format!("i:{address}")
}

/// The bucket of a subject's text. Part of the layout: it must never change.
pub(crate) fn bucket_of(text: &str) -> u16 {
    u16::try_from(hash_of(text) >> 54).unwrap_or(0) % Keys::BUCKETS
}

/// A number for a text, the same for ever.
pub(crate) fn hash_of(text: &str) -> u64 {
    // FNV-1a, which spreads the last characters badly, and the finalizer of MurmurHash3.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_prefix_bucket_and_subject_for_ever() {
        let keys = Keys::new("lockout".into());
        let record = keys.record(&Subject::username("alice").unwrap());
        assert_eq!(record, "lockout:{vk}:u:alice");
        let mut command = Cmd::new();
        keys.add(&[record], &mut command);
        let packed = command.get_packed_command();
        assert!(packed.ends_with(b"\r\nlockout:{vk}:u:alice\r\n$19\r\nlockout:{vk}:locked\r\n"));
        assert_eq!(keys.stream("u:alice", "log.u"), "lockout:{vg}:log.u");
        let bucket = bucket_of("u:alice");
        assert_eq!(keys.locked(bucket), "lockout:{vk}:locked");
    }

    #[test]
    fn no_name_makes_the_key_of_anything_else() {
        let keys = Keys::new("lockout".into());
        for name in
            ["locked", "{00}:locked", "a}:{b", "*", "a\0b", "a\r\nb", "unlocked", "log", "log.u"]
        {
            let key = keys.record(&format!("username:{name}").parse().unwrap());
            assert!(key.ends_with(&format!("}}:u:{name}")), "{key:?}");
            // The first braces are the bucket's: they alone are the hash tag.
            assert_eq!(key.find('{'), Some(8));
            assert_eq!(key.find('}'), Some(11));
        }
    }

    #[test]
    fn a_list_has_keys_that_nothing_else_has() {
        let keys = Keys::new("lockout".into());
        let key = |list: &str| keys.list(&list.parse().unwrap(), "entries");
        assert_eq!(key("devices/eu-1"), "lockout:{list.devices/eu-1}:entries");
        for list in ["00", "vk", "a"] {
            assert_eq!(key(list), format!("lockout:{{list.{list}}}:entries"));
            assert!(key(list).find('}').is_some_and(|end| end > "lockout:{vk".len()));
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
