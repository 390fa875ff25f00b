//! The scripts: the engine where the records are.

use redis::Script;

macro_rules! source {
    ($($part:literal),+) => {
        concat!($(include_str!(concat!("scripts/", $part))),+)
    };
}

pub(crate) const RESERVE: &str = source!("words.lua", "plain.lua", "record.lua", "reserve.lua");
pub(crate) const SETTLE: &str = source!("words.lua", "record.lua", "settle.lua");
pub(crate) const LOCK: &str = source!("words.lua", "record.lua", "lock.lua");
pub(crate) const CLEAR: &str = source!("words.lua", "record.lua", "clear.lua");

/// What a store runs, with the hashes by which the server knows it.
pub(crate) struct Scripts {
    pub(crate) reserve: Script,
    pub(crate) settle: Script,
    pub(crate) lock: Script,
    pub(crate) clear: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            reserve: Script::new(RESERVE),
            settle: Script::new(SETTLE),
            lock: Script::new(LOCK),
            clear: Script::new(CLEAR),
        }
    }
}
