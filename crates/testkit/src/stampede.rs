//! Many guesses at once: how many passwords are really looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use lockout_core::{
    Attempt, Combine, Decision, FakeClock, Guard, LockoutStore, Preset, Scope, Timestamp,
};
use tokio::sync::Barrier;

/// In each of `rounds`, lets `guesses` wrong passwords loose on one account from as many
/// addresses, all released together, and asserts that exactly `failure_limit + 1` of them were
/// verified.
///
/// Each round has an account and a clock of its own, so the store need not be emptied in between.
///
/// # Panics
/// If more or fewer passwords were verified, or if the store fails.
pub async fn run(store: Arc<dyn LockoutStore>, guesses: u16, rounds: u32) {
    for round in 0..rounds {
        let (verified, limit) = one_round(Arc::clone(&store), guesses, round).await;
        assert_eq!(
            verified,
            limit + 1,
            "round {round}: {verified} of {guesses} passwords were verified at limit {limit}"
        );
    }
}

async fn one_round(store: Arc<dyn LockoutStore>, guesses: u16, round: u32) -> (u32, u32) {
    let policy = Preset::Default.builder(Combine::Any).build().expect("a possible policy");
    let limit = policy.rule(Scope::Username).expect("a rule for usernames").failure_limit();
    let clock = FakeClock::at(Timestamp::from_millis(1_000_000_000_000));
    let guard = Guard::builder(store, policy).clock(clock).build();
    let verified = Arc::new(AtomicU32::new(0));
    let released = Arc::new(Barrier::new(usize::from(guesses)));
    let guessers: Vec<_> = (0..guesses)
        .map(|guess| {
            let (guard, verified, released) = (guard.clone(), verified.clone(), released.clone());
            let [high, low] = guess.to_be_bytes();
            let attempt =
                Attempt::new().username(&format!("stampede{round}")).ip([10, 9, high, low]);
            tokio::spawn(async move {
                released.wait().await;
                let decision = guard.begin(&attempt).await.expect("the store works");
                if let Decision::Admitted(permit) = decision {
                    verified.fetch_add(1, Ordering::Relaxed);
                    // Looking at a password takes a while, in which the others come.
                    tokio::task::yield_now().await;
                    permit.fail().await.expect("the store works");
                }
            })
        })
        .collect();
    for guesser in guessers {
        guesser.await.expect("a guesser ends");
    }
    (verified.load(Ordering::Relaxed), limit)
}
