//! The statements of the record of attempts.

use sqlx::SqlStr;

use crate::builder::Durability;
use crate::dialect::Texts;
use crate::statements::Names;

/// The statements of a database, one file each.
#[derive(Debug)]
pub(crate) struct LogTexts {
    pub(crate) append: &'static str,
    pub(crate) recent: &'static str,
    pub(crate) recent_username: &'static str,
    pub(crate) recent_ip: &'static str,
    pub(crate) recent_outcome: &'static str,
    pub(crate) prune: &'static str,
}

/// Those of the database whose folder this is.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
macro_rules! log_texts {
    ($folder:literal) => {
        $crate::log::LogTexts {
            append: include_str!(concat!("../sql/", $folder, "/append.sql")),
            recent: include_str!(concat!("../sql/", $folder, "/recent.sql")),
            recent_username: include_str!(concat!("../sql/", $folder, "/recent_username.sql")),
            recent_ip: include_str!(concat!("../sql/", $folder, "/recent_ip.sql")),
            recent_outcome: include_str!(concat!("../sql/", $folder, "/recent_outcome.sql")),
            prune: include_str!(concat!("../sql/", $folder, "/prune.sql")),
        }
    };
}
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use log_texts;

/// The same with the store's names in them.
#[derive(Debug)]
pub(crate) struct LogStatements {
    /// Entries to rows, all or none.
    pub(crate) append: SqlStr,
    /// The rows before a place, newest first.
    pub(crate) recent: SqlStr,
    /// The same, of a username only.
    pub(crate) recent_username: SqlStr,
    /// Of an address only.
    pub(crate) recent_ip: SqlStr,
    /// Of an outcome only.
    pub(crate) recent_outcome: SqlStr,
    /// Deletes the oldest.
    pub(crate) prune: SqlStr,
}

impl LogStatements {
    /// An attempt is not a lock: only if nothing may be lost does it wait for the disk.
    pub(crate) fn new(texts: &Texts, names: &Names, durability: Durability) -> Self {
        let settings = match durability {
            Durability::Full => texts.settled,
            Durability::Locks | Durability::Relaxed => texts.relaxed,
        };
        let texts = &texts.log;
        Self {
            append: names.put_into(&texts.append.replace("{settings}", settings)),
            recent: names.put_into(texts.recent),
            recent_username: names.put_into(texts.recent_username),
            recent_ip: names.put_into(texts.recent_ip),
            recent_outcome: names.put_into(texts.recent_outcome),
            prune: names.put_into(texts.prune),
        }
    }
}
