//! Every interleaving of up to five attempts with every outcome: the bound holds, honest logins
//! find the places that are left, and no success wipes a newer lock.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use lockout_core::engine::{self, Settled, Standing};
use lockout_core::{
    Attempt, Charge, Claim, Cooloff, OnSuccess, Outcome, Place, Policy, Record, Reservation, Rule,
    Scope, Spread, Timestamp,
};

const ATTEMPTS: usize = 5;
const NOW: Timestamp = Timestamp::from_millis(1_000_000_000_000);

struct Check {
    policy: Policy,
    claims: Vec<Claim>,
    leaves: u64,
}

/// What has happened so far on one path.
#[derive(Clone, Default)]
struct Path {
    record: Record,
    /// The charges of the attempts that were admitted.
    charges: Vec<Charge>,
    /// What became of each: `None` while it is under way, or for ever if nobody settles it.
    outcomes: Vec<Option<Outcome>>,
    tried: usize,
    /// The number of the charge whose failure locked.
    locked_at: Option<u64>,
}

impl Path {
    /// Attempts of which a guesser may learn something: neither right nor cancelled, and not
    /// forgiven by a success that began after them.
    fn guesses(&self, on_success: OnSuccess) -> u32 {
        let succeeded = |index: usize| self.outcomes[index] == Some(Outcome::Success);
        let forgiven = match on_success {
            OnSuccess::Clear => (0..self.charges.len()).rfind(|index| succeeded(*index)),
            _ => None,
        };
        let first = forgiven.map_or(0, |index| index + 1);
        let counts = |outcome: &&Option<Outcome>| match outcome {
            None | Some(Outcome::Failure) => true,
            Some(Outcome::Success) => on_success == OnSuccess::Keep,
            Some(Outcome::Cancelled) => false,
        };
        u32::try_from(self.outcomes[first..].iter().filter(counts).count()).unwrap()
    }
}

impl Check {
    fn rule(&self) -> &Rule {
        &self.policy.rules()[0]
    }

    fn reservation(&self) -> Reservation<'_> {
        Reservation::new(&self.policy, &self.claims, Spread::default())
    }

    fn explore(&mut self, path: &Path) {
        self.assert_holds(path);
        if path.tried == ATTEMPTS {
            self.leaves += 1;
        } else {
            self.try_to_log_in(path);
        }
        for index in 0..path.charges.len() {
            if path.outcomes[index].is_none() {
                for outcome in [Outcome::Failure, Outcome::Success, Outcome::Cancelled] {
                    self.settle(path, index, outcome);
                }
            }
        }
    }

    fn try_to_log_in(&mut self, path: &Path) {
        let mut path = path.clone();
        path.tried += 1;
        let guesses = path.guesses(self.rule().on_success());
        let free = engine::standing(&path.record, NOW) == Standing::Free;
        // Cancelling after a success began later is the one case that may count too much.
        let cancelled = path.outcomes.contains(&Some(Outcome::Cancelled))
            && self.rule().on_success() == OnSuccess::Clear;
        if path.locked_at.is_none() && !cancelled {
            assert_eq!(
                free,
                guesses <= self.rule().failure_limit(),
                "places left: {guesses} guesses"
            );
        }
        if free {
            let reservation = self.reservation();
            let charge = engine::charge(&reservation, self.rule(), &mut path.record, NOW);
            path.charges.push(charge);
            path.outcomes.push(None);
        }
        self.explore(&path);
    }

    fn settle(&mut self, path: &Path, index: usize, outcome: Outcome) {
        let mut path = path.clone();
        let charge = path.charges[index];
        let settled = engine::settle(
            &self.reservation(),
            self.rule(),
            &mut path.record,
            &charge,
            outcome,
            NOW,
        );
        path.outcomes[index] = Some(outcome);
        match settled {
            Settled::Quiet => {}
            Settled::Locked(_) => {
                assert_eq!(path.locked_at, None, "two lockouts at once");
                assert!(matches!(charge.place, Place::Last { .. }), "locked from an earlier place");
                path.locked_at = Some(charge.number);
            }
            Settled::Unlocked => {
                let at = path.locked_at.take().expect("what is lifted was locked");
                assert_eq!(outcome, Outcome::Success);
                assert!(at <= charge.number, "an older success wiped a newer lock");
            }
        }
        self.explore(&path);
    }

    fn assert_holds(&self, path: &Path) {
        let rule = self.rule();
        let guesses = path.guesses(rule.on_success());
        assert!(guesses <= rule.failure_limit() + 1, "{guesses} guesses: {:?}", path.outcomes);
        let locked = path.record.lock_at(NOW).is_some();
        assert_eq!(locked, path.locked_at.is_some(), "locked without being told, or the reverse");
        assert!(path.record.failures >= guesses.min(1), "guesses that nobody counts");
    }
}

fn check(limit: u32, on_success: OnSuccess) -> u64 {
    let rule = Rule::builder(Scope::Username)
        .failure_limit(limit)
        .lockout_cooloff(Cooloff::NEVER)
        .on_success(on_success);
    let policy = Policy::builder().rule(rule).build().unwrap();
    let claims = policy.claims(&Attempt::new().username("alice"));
    let mut check = Check { policy, claims, leaves: 0 };
    check.explore(&Path::default());
    check.leaves
}

#[test]
fn every_interleaving_of_five_attempts_holds() {
    for on_success in [OnSuccess::Clear, OnSuccess::Refund, OnSuccess::Keep] {
        for limit in 0..=4 {
            let leaves = check(limit, on_success);
            assert!(leaves > 50, "only {leaves} ends were reached");
            println!("limit {limit}, {on_success:?}: {leaves} ends");
        }
    }
}
