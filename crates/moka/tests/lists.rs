//! The published suite over the store's lists.

use std::sync::Arc;

use lockout_core::ListStore;
use lockout_moka::MokaStore;
use lockout_testkit::list_suite;

list_suite!(moka, MokaStore::new());
list_suite!(shared, Arc::new(MokaStore::new()) as Arc<dyn ListStore>);
