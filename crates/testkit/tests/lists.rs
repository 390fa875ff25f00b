//! The suite for lists accepts what is right, over every shape of store that the core offers, and
//! rejects every store that is wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lockout_core::{ListStore, MapStore, MemoryLists};
use lockout_testkit::conformance::block_on;
use lockout_testkit::list_suite;
use lockout_testkit::lists::{LIST_CASES, ListCase};
use lockout_testkit::wrong_lists::{ListMistake, lists_without_a_mistake};

list_suite!(memory_lists, MemoryLists::new());
list_suite!(map_store, MapStore::new());
list_suite!(shared, Arc::new(MemoryLists::new()) as Arc<dyn ListStore>);
list_suite!(boxed, Box::new(MemoryLists::new()) as Box<dyn ListStore>);
list_suite!(leaked, &*Box::leak(Box::new(MemoryLists::new())));
list_suite!(without_a_mistake, lists_without_a_mistake());

/// The behaviours that a store with this mistake lacks.
fn lacking(mistake: ListMistake) -> Vec<&'static str> {
    let passes = |case: &&ListCase| {
        catch_unwind(AssertUnwindSafe(|| block_on((case.examine)(mistake.lists())))).is_ok()
    };
    LIST_CASES.iter().filter(|case| !passes(case)).map(|case| case.name).collect()
}

#[test]
fn every_wrong_store_is_rejected() {
    for mistake in ListMistake::ALL {
        let lacking = lacking(mistake);
        assert!(!lacking.is_empty(), "the suite accepts a store that {mistake:?}");
        println!("{mistake:?} is rejected by {lacking:?}");
    }
}
