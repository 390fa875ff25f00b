//! The scripts: the engine where the records are.

/// A script, and the hash by which a server knows it once it is loaded.
pub(crate) struct Script {
    text: String,
    hash: String,
}

impl Script {
    pub(crate) fn new(text: &str) -> Self {
        let hash = redis::Script::new(text).get_hash().to_owned();
        Self { text: text.to_owned(), hash }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }
}

macro_rules! source {
    ($($part:literal),+) => {
        concat!($(include_str!(concat!("scripts/", $part))),+)
    };
}

pub(crate) const RESERVE: &str =
    source!("words.lua", "reserve_plain.lua", "record.lua", "reserve.lua");
pub(crate) const SETTLE: &str =
    source!("words.lua", "settle_plain.lua", "record.lua", "settle.lua");
pub(crate) const SETTLE_ONCE: &str =
    source!("words.lua", "once.lua", "settle_plain.lua", "record.lua", "settle.lua");
pub(crate) const UNDO: &str =
    source!("words.lua", "record.lua", "once.lua", "undo.lua", "settle_plain.lua", "settle.lua");
pub(crate) const LOCK: &str = source!("words.lua", "record.lua", "lock.lua");
pub(crate) const LOG_APPEND: &str = source!("log_append.lua");
pub(crate) const LOG_PRUNE: &str = source!("log_prune.lua");
pub(crate) const LIST_PUT: &str = source!("list_put.lua");
pub(crate) const LIST_REMOVE: &str = source!("list_remove.lua");
pub(crate) const CLEAR: &str = source!("words.lua", "record.lua", "clear.lua");

/// What a store runs.
pub(crate) struct Scripts {
    pub(crate) reserve: Script,
    pub(crate) settle: Script,
    /// For a Cluster, whose client may send a command again.
    pub(crate) settle_once: Script,
    /// For a Cluster, where one node may refuse what another has charged.
    pub(crate) undo: Script,
    pub(crate) lock: Script,
    pub(crate) clear: Script,
    pub(crate) list_put: Script,
    pub(crate) list_remove: Script,
}

impl Scripts {
    /// These scripts, each changed by `change`.
    pub(crate) fn new(change: impl Fn(&'static str) -> String) -> Self {
        let script = |text| Script::new(&change(text));
        Self {
            reserve: script(RESERVE),
            settle: script(SETTLE),
            settle_once: script(SETTLE_ONCE),
            undo: script(UNDO),
            lock: script(LOCK),
            clear: script(CLEAR),
            list_put: script(LIST_PUT),
            list_remove: script(LIST_REMOVE),
        }
    }
}
