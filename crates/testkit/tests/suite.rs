//! The suite accepts what is right, over every shape of store that the core offers, and rejects
//! every store that is wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lockout_core::{Engined, LockoutStore, MapStore};
use lockout_testkit::conformance::{CASES, block_on};
use lockout_testkit::conformance_suite;
use lockout_testkit::wrong::Mistake;

conformance_suite!(map_store, MapStore::new());
conformance_suite!(engined, Engined(MapStore::new()));
conformance_suite!(shared_map_store, Arc::new(MapStore::new()) as Arc<dyn LockoutStore>);
conformance_suite!(shared_engined, Arc::new(Engined(MapStore::new())) as Arc<dyn LockoutStore>);
conformance_suite!(boxed, Box::new(MapStore::new()) as Box<dyn LockoutStore>);

/// The behaviours that a store with this mistake lacks.
fn lacking(mistake: Mistake) -> Vec<&'static str> {
    let passes = |case: &&lockout_testkit::conformance::Case| {
        catch_unwind(AssertUnwindSafe(|| block_on((case.examine)(mistake.store())))).is_ok()
    };
    CASES.iter().filter(|case| !passes(case)).map(|case| case.name).collect()
}

#[test]
fn every_wrong_store_is_rejected() {
    for mistake in Mistake::ALL {
        let lacking = lacking(mistake);
        assert!(!lacking.is_empty(), "the suite accepts a store that {mistake:?}");
        println!("{mistake:?} is rejected by {lacking:?}");
    }
}
