//! The scripts: the engine where the records are.

use std::sync::LazyLock;

use redis::Script;

macro_rules! script {
    ($name:ident, $($part:literal),+) => {
        pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!($(include_str!(concat!("scripts/", $part))),+)));
    };
}

script!(RESERVE, "words.lua", "plain.lua", "record.lua", "reserve.lua");
script!(SETTLE, "words.lua", "record.lua", "settle.lua");
script!(LOCK, "words.lua", "record.lua", "lock.lua");
script!(CLEAR, "words.lua", "record.lua", "clear.lua");
