//! What a store owes, one function for each behaviour.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use lockout_core::LockoutStore;

mod concurrency;
mod counting;
mod desk;
mod locking;
mod operating;
mod settling;

/// A fresh store of whatever kind is examined.
pub type Examined = Arc<dyn LockoutStore>;

type Verdict = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One behaviour: a function that panics if a store lacks it.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name, which says what is expected.
    pub name: &'static str,
    /// Examines a store, which must be empty.
    pub examine: fn(Examined) -> Verdict,
}

/// Runs a future on a multi-threaded runtime.
///
/// # Panics
/// If the runtime cannot start.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a tokio runtime starts")
        .block_on(future)
}

/// Examines the store that `open` gives for the behaviour called `name`.
///
/// # Panics
/// If the store lacks it, or if there is no behaviour of that name.
pub fn run<S: LockoutStore>(name: &str, open: impl Future<Output = S>) {
    let case = CASES.iter().find(|case| case.name == name).expect("a behaviour of this name");
    block_on(async { (case.examine)(Arc::new(open.await)).await });
}

/// Hands the list of all cases, by module, to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __with_cases {
    ($then:ident $($arguments:tt)*) => {
        $crate::$then! {
            ($($arguments)*)
            counting:
                failures_up_to_the_limit_are_tolerated_and_the_next_one_locks,
                a_limit_of_zero_locks_at_the_first_failure,
                each_scope_has_its_own_limit,
                failures_are_forgotten_after_a_quiet_time_that_each_failure_renews,
                an_attempt_cooloff_of_zero_never_forgets,
                failures_outlive_a_lockout_so_that_one_more_locks_again,
                after_a_lockout_failures_are_forgotten_if_the_rule_says_so,
                a_success_clears,
                a_success_refunds_its_own_charge_only,
                a_refund_does_not_renew_older_failures,
                a_success_that_keeps_counts_like_a_failure,
                a_cancelled_attempt_counts_nothing,
                a_refused_attempt_changes_nothing,
                an_attempt_without_a_username_counts_for_its_address;
            locking:
                a_lockout_ends_on_time_and_says_when,
                a_cooloff_of_zero_locks_until_somebody_unlocks,
                lockouts_get_longer_and_the_last_entry_repeats,
                the_history_is_a_window_that_slides,
                a_success_does_not_shorten_the_history,
                lockouts_can_escalate_by_failures,
                lockouts_can_escalate_by_attempts,
                jitter_lengthens_a_lockout_within_its_bound,
                any_locked_subject_refuses,
                under_all_only_every_locked_subject_together_refuses,
                under_all_a_further_failure_renews_the_lock,
                under_all_a_lock_and_a_place_under_way_are_busy,
                under_all_counting_attempts_a_further_failure_sets_the_end_anew,
                under_all_a_success_lifts_what_it_clears,
                time_is_the_argument_and_nothing_else,
                a_clock_that_steps_back_neither_unlocks_nor_forgets;
            settling:
                while_the_last_place_is_under_way_others_are_busy_not_locked,
                a_failure_on_the_last_place_locks_from_then_on,
                a_dropped_permit_stays_charged,
                an_outcome_later_than_the_lease_still_counts,
                a_success_forgives_what_began_before_it_and_not_what_began_after,
                an_older_success_does_not_lift_a_newer_lock,
                an_older_success_frees_a_place_that_is_only_under_way,
                a_lock_that_was_lifted_leaves_no_history,
                a_permit_of_a_forgotten_count_settles_nothing_of_the_next,
                a_refund_from_before_an_unlock_is_not_paid_from_a_later_charge,
                a_refund_frees_the_last_place_though_failures_outlived_a_lockout,
                a_late_failure_confirms_no_lock_but_its_own,
                a_failure_after_its_lock_is_over_locks_no_more,
                a_busy_client_waits_no_longer_than_the_lock_could_last,
                a_permit_from_before_an_unlock_settles_nothing_after_it,
                an_attempt_is_charged_to_all_its_subjects_or_to_none,
                exactly_one_event_for_each_lockout_and_each_unlock;
            operating:
                an_operator_locks_for_a_time_or_for_good,
                a_lock_that_ends_later_stays,
                a_success_does_not_lift_an_operators_lock,
                an_operators_lock_replaces_one_that_is_under_way,
                failures_are_forgotten_with_their_lockout_though_an_operator_locked_too,
                an_operators_lock_alone_forgets_no_failures,
                an_unlock_forgets_failures_but_not_the_history,
                an_unlock_says_whether_there_was_a_lock,
                checking_charges_nothing_and_recording_counts,
                status_answers_for_each_subject_in_order,
                every_locked_subject_is_listed_once,
                a_foreign_cursor_is_an_error,
                no_name_reaches_another_subject,
                ipv6_is_counted_by_network;
            concurrency:
                it_equals_the_engine_on_random_histories,
                a_stampede_of_64_is_verified_exactly_limit_plus_one_times,
                a_stampede_of_500_is_verified_exactly_limit_plus_one_times,
                honest_parallel_logins_all_pass,
                no_charge_is_lost,
                no_refund_is_given_twice_under_contention,
                a_begin_that_nobody_finishes_grants_no_more_than_the_limit,
                a_settle_that_nobody_finishes_leaves_the_charge_or_settles;
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __list {
    (() $($module:ident: $($name:ident),+;)+) => {
        /// Every behaviour.
        pub const CASES: &[Case] = &[$($(
            Case { name: stringify!($name), examine: |store| Box::pin($module::$name(store)) },
        )+)+];
    };
}

__with_cases!(__list);

/// Makes a module of tests, one for each behaviour that a store owes.
///
/// `conformance_suite!(name, store)`: the expression is evaluated for every test, in an async
/// context, and must give an empty store.
#[macro_export]
macro_rules! conformance_suite {
    ($name:ident, $store:expr) => {
        #[allow(unused_imports)]
        mod $name {
            use super::*;

            $crate::__with_cases!(__tests $store);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    (($store:expr) $($module:ident: $($name:ident),+;)+) => {
        $($(
            #[test]
            fn $name() {
                $crate::conformance::run(stringify!($name), async { $store });
            }
        )+)+
    };
}
