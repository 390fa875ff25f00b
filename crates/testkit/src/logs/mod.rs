//! What a log of attempts owes, one function for each behaviour.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use lockout_core::AttemptLog;

use crate::conformance::block_on;

mod entries;
mod filters;
mod listing;
mod pages;
mod pruning;
mod texts;

/// A fresh log of whatever kind is examined.
pub type ExaminedLog = Arc<dyn AttemptLog>;

type Verdict = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One behaviour: a function that panics if a log lacks it.
#[derive(Clone, Copy, Debug)]
pub struct LogCase {
    /// Its name, which says what is expected.
    pub name: &'static str,
    /// Examines a log, which must be empty and hold at least 3,000 entries.
    pub examine: fn(ExaminedLog) -> Verdict,
}

/// Examines the log that `open` gives for the behaviour called `name`.
///
/// # Panics
/// If the log lacks it, or if there is no behaviour of that name.
pub fn run<L: AttemptLog>(name: &str, open: impl Future<Output = L>) {
    let case = LOG_CASES.iter().find(|case| case.name == name).expect("a behaviour of this name");
    block_on(async { (case.examine)(Arc::new(open.await)).await });
}

/// Hands the list of all cases, by module, to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __with_log_cases {
    ($then:ident $($arguments:tt)*) => {
        $crate::$then! {
            ($($arguments)*)
            listing:
                an_empty_log_is_one_empty_page,
                entries_come_back_as_they_were_and_newest_first,
                entries_of_a_batch_keep_their_order,
                appending_nothing_changes_nothing,
                an_entry_that_comes_late_is_found_by_its_time,
                what_is_appended_at_once_is_all_there;
            pages:
                pages_follow_one_another_without_gap_or_repeat,
                entries_of_one_time_keep_one_order_over_pages,
                others_who_append_hide_nothing_and_repeat_nothing,
                a_limit_of_zero_is_one_and_no_page_is_longer_than_the_most,
                a_cursor_of_somebody_else_is_an_error;
            filters:
                a_username_finds_its_own_and_nobody_elses,
                an_address_finds_its_own_and_mapped_ipv4_is_ipv4,
                an_outcome_finds_its_own,
                since_is_included_and_until_is_not,
                filters_hold_alone_and_together,
                a_needle_is_found_in_a_haystack;
            texts:
                no_character_of_a_name_is_lost_or_means_anything,
                odd_texts_come_back_as_they_were,
                the_longest_entry_comes_back_as_it_was;
            pruning:
                pruning_an_empty_log_deletes_nothing,
                pruning_deletes_exactly_what_is_older,
                pruning_is_bounded_and_takes_the_oldest_first,
                entries_of_one_time_are_pruned_within_the_bound,
                what_is_pruned_is_found_by_no_filter,
                pruning_all_goes_on_until_nothing_older_is_left,
                a_page_goes_on_after_its_end_was_pruned;
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __list_logs {
    (() $($module:ident: $($name:ident),+;)+) => {
        /// Every behaviour.
        pub const LOG_CASES: &[LogCase] = &[$($(
            LogCase { name: stringify!($name), examine: |log| Box::pin($module::$name(log)) },
        )+)+];
    };
}

__with_log_cases!(__list_logs);

/// Makes a module of tests, one for each behaviour that a log of attempts owes.
///
/// `log_suite!(name, log)`: the expression is evaluated for every test, in an async context, and
/// must give an empty log that keeps at least 3,000 entries. What is appended must be there for the
/// next call: put a log that writes later into one that waits for it.
#[macro_export]
macro_rules! log_suite {
    ($name:ident, $log:expr) => {
        #[allow(unused_imports)]
        mod $name {
            use super::*;

            $crate::__with_log_cases!(__log_tests $log);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_tests {
    (($log:expr) $($module:ident: $($name:ident),+;)+) => {
        $($(
            #[test]
            fn $name() {
                $crate::logs::run(stringify!($name), async { $log });
            }
        )+)+
    };
}
