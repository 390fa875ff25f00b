//! Who tries to log in: attempts by their number, and what they cost.

use std::net::Ipv4Addr;
use std::time::Duration;

use lockout_core::{Attempt, Decision, Guard, Policy, PolicyError, Rule, Scope};

use crate::Error;

/// How many subjects an attempt has: a username, an address and their pair.
pub const SUBJECTS: u64 = 3;

/// Attempts from this number on have not come before.
pub const FRESH: u64 = 10_000_000;

/// Attempts from this number on are of names that somebody has locked.
pub const LOCKED: u64 = 9_000_000;

/// So long that nothing is forgotten while a store grows.
const COOLOFF: Duration = Duration::from_secs(86_400);

/// The scopes, in the order in which subjects are charged.
const SCOPES: [Scope; 3] = [Scope::Username, Scope::Ip, Scope::UsernameIp];

/// Counts a username, an address and their pair, and locks nobody.
///
/// # Errors
/// Never: it is a possible policy.
pub fn policy() -> Result<Policy, PolicyError> {
    let rule = |scope| Rule::builder(scope).failure_limit(u32::MAX).cooloff(COOLOFF);
    SCOPES.into_iter().fold(Policy::builder(), |policy, scope| policy.rule(rule(scope))).build()
}

/// The attempt of a number: a name of 14 bytes and an address that no other number has, up to 2^24
/// of them. Numbers one after the other have names and addresses that are far apart, so that a tree
/// of them grows everywhere.
#[must_use]
pub fn attempt(number: u64) -> Attempt {
    // Powers of three and two share nothing with a billion and with 2^24.
    let name = number.wrapping_mul(387_420_489) % 1_000_000_000;
    let host = number.wrapping_mul(7_368_787) & 0x00ff_ffff;
    let address = Ipv4Addr::from_bits(0x0a00_0000 | u32::try_from(host).unwrap_or(0));
    Attempt::new().username(&format!("user-{name:09}")).ip(address)
}

/// How many attempts have `subjects` subjects, or a few more.
#[must_use]
pub const fn attempts_of(subjects: u64) -> u64 {
    subjects.div_ceil(SUBJECTS)
}

/// One of the first `attempts` numbers (at least one), each with the same chance; the same for the
/// same `draw`.
#[must_use]
pub const fn one_of(attempts: u64, draw: u64) -> u64 {
    // The finalizer of SplitMix64.
    let mixed = draw.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % attempts
}

/// A failed login without a password: `begin`, then `fail`.
///
/// # Errors
/// If the store fails, or if the attempt is refused.
pub async fn fail(guard: &Guard, attempt: &Attempt) -> Result<(), Error> {
    match guard.begin(attempt).await? {
        Decision::Admitted(permit) => {
            permit.fail().await?;
            Ok(())
        }
        Decision::Refused(refusal) => Err(format!("{attempt:?} was refused: {refusal:?}").into()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_attempt_has_three_subjects_that_no_other_one_has() {
        let policy = policy().unwrap();
        let subjects: HashSet<_> = (0..10_000)
            .chain(LOCKED..LOCKED + 1_000)
            .chain(FRESH..FRESH + 10_000)
            .flat_map(|number| policy.claims(&attempt(number)))
            .map(|claim| claim.subject().clone())
            .collect();
        assert_eq!(subjects.len(), 3 * 21_000);
    }

    #[test]
    fn draws_reach_everybody_evenly() {
        let mut drawn = [0_u32; 100];
        for draw in 0..10_000 {
            drawn[usize::try_from(one_of(100, draw)).unwrap()] += 1;
        }
        assert!(drawn.iter().all(|times| (50..160).contains(times)), "{drawn:?}");
    }
}
