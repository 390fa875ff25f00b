//! What a guard over a store has to stand: trusted devices, and every attack that is known.

use std::future::Future;
use std::sync::Arc;

use lockout_core::LockoutStore;

use crate::conformance::{Case, block_on};

mod attacks;
mod bounds;
mod devices;
mod site;

/// Examines a guard over the store that `open` gives for the case called `name`.
///
/// # Panics
/// If it does not stand it, or if there is no case of that name.
pub fn run<S: LockoutStore>(name: &str, open: impl Future<Output = S>) {
    let case = GUARD_CASES.iter().find(|case| case.name == name).expect("a case of this name");
    block_on(async { (case.examine)(Arc::new(open.await)).await });
}

/// Hands the list of all cases, by module, to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __with_guard_cases {
    ($then:ident $($arguments:tt)*) => {
        $crate::$then! {
            ($($arguments)*)
            devices:
                dc_1_every_success_issues_a_new_cookie,
                dc_6_what_is_no_cookie_of_this_user_is_as_good_as_none,
                dc_8_a_valid_cookie_is_let_in_though_the_name_and_the_address_are_locked,
                dc_8_by_setting_a_locked_address_refuses_a_valid_cookie_too,
                dc_9_a_device_over_its_limit_is_a_stranger,
                dc_9_by_setting_a_device_over_its_limit_is_refused,
                dc_10_without_a_cookie_a_locked_name_refuses,
                dc_11_without_a_cookie_a_free_name_admits,
                dc_12_a_trusted_failure_counts_on_the_device_alone,
                dc_13_an_untrusted_failure_counts_on_the_name_alone,
                dc_14_a_failure_with_a_foreign_cookie_counts_on_the_name_alone,
                dc_15_a_locked_device_locks_no_other_device_of_its_user,
                dc_16_a_locked_device_locks_no_stranger,
                dc_17_a_locked_device_locks_no_other_user_of_the_browser,
                dc_18_a_locked_name_locks_no_device,
                dc_22_a_cookie_can_be_issued_on_a_link_for_a_new_password,
                dc_23_several_users_of_one_browser_keep_their_cookies,
                dc_25_unknown_accounts_behave_the_same,
                all_is_no_bar_to_a_trusted_device_and_no_leave_for_a_stolen_one;
            bounds:
                dc_19_without_a_cookie_guesses_a_day_stay_within_the_bound,
                dc_20_with_a_stolen_cookie_guesses_a_day_stay_within_the_bound,
                dc_21_ten_times_the_limit_revokes_a_device_for_good,
                a_stolen_cookie_is_exact_under_500_guesses_at_once,
                a_name_is_exact_under_500_guesses_at_once_of_strangers_and_a_stolen_cookie,
                nothing_that_strangers_do_changes_the_outcome_for_the_owner_of_a_cookie;
            attacks:
                an_own_good_login_does_not_reset_the_address,
                a_forged_header_in_each_request_is_one_address,
                a_port_in_each_request_is_one_address,
                addresses_of_one_64_are_one_address,
                addresses_of_one_48_meet_the_limit_of_their_network,
                spellings_of_one_name_are_one_name,
                what_cannot_be_a_name_has_one_limit_together,
                a_pair_that_is_locked_locks_neither_its_name_nor_its_address_elsewhere,
                many_names_from_one_address_meet_the_limit_of_the_address,
                many_addresses_on_one_name_meet_the_limit_of_the_name,
                a_victim_who_is_locked_out_by_name_gets_in_by_his_cookie_alone,
                a_forged_a_replayed_and_a_swapped_cookie_gain_nothing,
                a_cookie_of_the_attackers_own_account_gains_nothing,
                names_with_separators_and_patterns_reach_nobody_else,
                a_flood_of_resets_locks_no_login,
                a_denied_network_is_refused_though_its_cookie_is_good,
                a_proxy_of_ones_own_is_never_locked,
                an_allowed_name_is_never_refused_and_by_setting_counted;
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __list_guard_cases {
    (() $($module:ident: $($name:ident),+;)+) => {
        /// Every case.
        pub const GUARD_CASES: &[Case] = &[$($(
            Case { name: stringify!($name), examine: |store| Box::pin($module::$name(store)) },
        )+)+];
    };
}

__with_guard_cases!(__list_guard_cases);

/// Makes a module of tests, one for each attack that a guard over a store has to stand.
///
/// `guard_suite!(name, store)`: the expression is evaluated for every test, in an async context, and
/// must give an empty store.
#[macro_export]
macro_rules! guard_suite {
    ($name:ident, $store:expr) => {
        #[allow(unused_imports)]
        mod $name {
            use super::*;

            $crate::__with_guard_cases!(__guard_tests $store);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __guard_tests {
    (($store:expr) $($module:ident: $($name:ident),+;)+) => {
        $($(
            #[test]
            fn $name() {
                $crate::guarding::run(stringify!($name), async { $store });
            }
        )+)+
    };
}
