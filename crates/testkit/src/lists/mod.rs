//! What a store of lists owes, one function for each behaviour.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use lockout_core::ListStore;

use crate::conformance::block_on;

mod changes;
mod ends;
mod entries;
mod pages;
mod texts;
mod versions;

/// A fresh store of lists of whatever kind is examined.
pub type ExaminedLists = Arc<dyn ListStore>;

type Verdict = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One behaviour: a function that panics if a store lacks it.
#[derive(Clone, Copy, Debug)]
pub struct ListCase {
    /// Its name, which says what is expected.
    pub name: &'static str,
    /// Examines a store, which must have no lists.
    pub examine: fn(ExaminedLists) -> Verdict,
}

/// Examines the store that `open` gives for the behaviour called `name`.
///
/// # Panics
/// If the store lacks it, or if there is no behaviour of that name.
pub fn run<L: ListStore>(name: &str, open: impl Future<Output = L>) {
    let case = LIST_CASES.iter().find(|case| case.name == name).expect("a behaviour of this name");
    block_on(async { (case.examine)(Arc::new(open.await)).await });
}

/// Hands the list of all cases, by module, to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __with_list_cases {
    ($then:ident $($arguments:tt)*) => {
        $crate::$then! {
            ($($arguments)*)
            changes:
                a_list_that_nobody_touched_is_empty,
                what_is_put_is_found_as_it_was,
                what_is_put_again_is_replaced,
                what_is_removed_is_gone_and_can_be_put_again,
                lists_do_not_mix,
                what_is_put_at_once_is_all_there,
                of_many_who_remove_an_entry_one_is_told,
                whoever_puts_and_removes_at_once_leaves_it_whole;
            ends:
                an_entry_is_over_at_its_very_instant,
                an_end_can_be_moved_and_taken_away,
                an_entry_that_is_over_can_be_put_again;
            texts:
                no_character_of_a_key_is_lost_or_means_anything,
                the_longest_entry_comes_back_as_it_was,
                what_no_entry_can_be_called_is_not_there;
            pages:
                pages_follow_one_another_in_the_order_of_keys,
                a_page_shows_what_is_over_to_nobody,
                others_who_change_a_list_hide_nothing_and_repeat_nothing,
                a_limit_of_zero_is_one_and_no_page_is_longer_than_the_most,
                a_cursor_of_somebody_else_is_an_error;
            versions:
                a_version_differs_after_each_change_and_not_without,
                a_version_is_of_its_own_list,
                a_version_is_never_that_of_another_time,
                changes_at_once_are_all_seen_in_the_version;
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __list_lists {
    (() $($module:ident: $($name:ident),+;)+) => {
        /// Every behaviour.
        pub const LIST_CASES: &[ListCase] = &[$($(
            ListCase { name: stringify!($name), examine: |lists| Box::pin($module::$name(lists)) },
        )+)+];
    };
}

__with_list_cases!(__list_lists);

/// Makes a module of tests, one for each behaviour that a store of lists owes.
///
/// `list_suite!(name, lists)`: the expression is evaluated for every test, in an async context, and
/// must give a store without lists.
#[macro_export]
macro_rules! list_suite {
    ($name:ident, $lists:expr) => {
        #[allow(unused_imports)]
        mod $name {
            use super::*;

            $crate::__with_list_cases!(__list_tests $lists);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __list_tests {
    (($lists:expr) $($module:ident: $($name:ident),+;)+) => {
        $($(
            #[test]
            fn $name() {
                $crate::lists::run(stringify!($name), async { $lists });
            }
        )+)+
    };
}
