//! The statements of lists.

use sqlx::SqlStr;

use crate::builder::Durability;
use crate::dialect::Texts;
use crate::statements::Names;

/// The statements of a database, one file each.
#[derive(Debug)]
pub(crate) struct ListTexts {
    pub(crate) put: &'static str,
    pub(crate) touch: &'static str,
    pub(crate) remove: &'static str,
    pub(crate) get: &'static str,
    pub(crate) page: &'static str,
    pub(crate) sweep: &'static str,
}

/// Those of the database whose folder this is.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
macro_rules! list_texts {
    ($folder:literal) => {
        $crate::lists::ListTexts {
            put: include_str!(concat!("../sql/", $folder, "/list_put.sql")),
            touch: include_str!(concat!("../sql/", $folder, "/list_touch.sql")),
            remove: include_str!(concat!("../sql/", $folder, "/list_remove.sql")),
            get: include_str!(concat!("../sql/", $folder, "/list_get.sql")),
            page: include_str!(concat!("../sql/", $folder, "/list_page.sql")),
            sweep: include_str!(concat!("../sql/", $folder, "/list_sweep.sql")),
        }
    };
}
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use list_texts;

/// The same with the store's names in them.
#[derive(Debug)]
pub(crate) struct ListStatements {
    /// An entry over the one with its key, and the next version.
    pub(crate) put: SqlStr,
    /// The next version, if the list has one.
    pub(crate) touch: SqlStr,
    /// Deletes an entry.
    pub(crate) remove: SqlStr,
    /// The row of a key; that of the empty key has the version.
    pub(crate) get: SqlStr,
    /// The rows behind a key.
    pub(crate) page: SqlStr,
    /// Deletes some of what is over.
    pub(crate) sweep: SqlStr,
}

impl ListStatements {
    /// What somebody was told is on a list is lost no more easily than a lock.
    pub(crate) fn new(texts: &Texts, names: &Names, durability: Durability) -> Self {
        let settings = match durability {
            Durability::Full | Durability::Locks => texts.settled,
            Durability::Relaxed => texts.relaxed,
        };
        let texts = &texts.lists;
        Self {
            put: names.put_into(&texts.put.replace("{settings}", settings)),
            touch: names.put_into(&texts.touch.replace("{settings}", settings)),
            remove: names.put_into(texts.remove),
            get: names.put_into(texts.get),
            page: names.put_into(texts.page),
            sweep: names.put_into(texts.sweep),
        }
    }
}
