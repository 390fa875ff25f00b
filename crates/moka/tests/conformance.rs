//! The published suite over the store, alone and behind every pointer.

use std::sync::Arc;

use lockout_core::LockoutStore;
use lockout_moka::MokaStore;
use lockout_testkit::{conformance_suite, guard_suite};

conformance_suite!(moka, MokaStore::new());
conformance_suite!(shared, Arc::new(MokaStore::new()) as Arc<dyn LockoutStore>);

guard_suite!(guarding, MokaStore::new());
