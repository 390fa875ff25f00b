//! How often in a second many tasks can call something, of several things in turn.

mod peers;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lockout_core::Guard;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::growth::crowd;
use crate::number::median;

pub use self::peers::beside_peers;

/// What a call becomes.
pub type Answer = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A call that is measured beside others.
#[derive(Clone)]
pub struct Named {
    name: String,
    call: Arc<dyn Fn(u64) -> Answer + Send + Sync>,
}

impl Named {
    /// `call` under a name. Its argument is another one for each call of a turn, from zero on, and
    /// the same ones again in the next turn.
    pub fn new<F>(name: impl Into<String>, call: impl Fn(u64) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        Self { name: name.into(), call: Arc::new(move |number| Box::pin(call(number))) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How often a [`Named`] call was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rate {
    /// Its name.
    pub name: String,
    /// How many tasks called at once.
    pub tasks: u32,
    /// Calls in a second: the median of the turns.
    pub per_second: f64,
    /// The same in each turn.
    pub turns: Vec<f64>,
}

/// Which names the failed logins have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Each login has a name and an address that never came before.
    Fresh,
    /// Names and addresses of so many attempts come again and again.
    Known(u64),
}

/// Failed logins at a guard of [`crowd::policy`], without a password: `begin` over a username, an
/// address and their pair, then `fail`.
pub fn failed_logins(name: impl Into<String>, guard: Guard, names: Names) -> Named {
    let next = AtomicU64::new(0);
    Named::new(name, move |number| {
        let number = match names {
            Names::Fresh => crowd::FRESH + next.fetch_add(1, Ordering::Relaxed),
            Names::Known(attempts) => crowd::one_of(attempts, number),
        };
        let guard = guard.clone();
        async move { crowd::fail(&guard, &crowd::attempt(number)).await }
    })
}

/// Calls that were done, and in which time.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// How many.
    pub calls: f64,
    /// In how many seconds.
    pub seconds: f64,
}

/// Lets `tasks` tasks, each waiting for its last answer before it calls again, do `call` until
/// `duration` is over.
///
/// # Errors
/// If a call fails.
pub async fn run<F>(
    tasks: u32,
    duration: Duration,
    call: impl Fn(u64) -> F + Send + Sync + 'static,
) -> Result<Done, Error>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let call = Arc::new(call);
    let start = Instant::now();
    let share = |task: u32| {
        let call = Arc::clone(&call);
        tokio::spawn(async move {
            let mut calls = 0_u32;
            let numbers = (u64::from(task)..).step_by(usize::try_from(tasks.max(1))?);
            for number in numbers.take_while(|_| start.elapsed() < duration) {
                call(number).await?;
                calls += 1;
            }
            Ok::<_, Error>(calls)
        })
    };
    let mut calls = 0.0;
    for task in (0..tasks).map(share).collect::<Vec<_>>() {
        calls += f64::from(task.await??);
    }
    Ok(Done { calls, seconds: start.elapsed().as_secs_f64() })
}

/// How often in a second `tasks` tasks do `call`: see [`run`].
///
/// # Errors
/// If a call fails.
pub async fn per_second<F>(
    tasks: u32,
    duration: Duration,
    call: impl Fn(u64) -> F + Send + Sync + 'static,
) -> Result<f64, Error>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let done = run(tasks, duration, call).await?;
    Ok(done.calls / done.seconds)
}

/// The rates of calls that take turns, after one that is not counted: what slows the machine for a
/// while slows all of them.
///
/// # Errors
/// If a call fails.
pub async fn in_turn(
    calls: &[Named],
    tasks: u32,
    turns: u32,
    turn: Duration,
) -> Result<Vec<Rate>, Error> {
    let mut rates = vec![Vec::new(); calls.len()];
    for round in 0..=turns {
        for index in order_of(calls.len(), round) {
            let call = Arc::clone(&calls[index].call);
            let rate = per_second(tasks, turn, move |number| call(number)).await?;
            if round > 0 {
                rates[index].push(rate);
            }
        }
    }
    let rate = |(call, turns): (&Named, Vec<f64>)| Rate {
        name: call.name.clone(),
        tasks,
        per_second: median(turns.iter().copied()),
        turns,
    };
    Ok(calls.iter().zip(rates).map(rate).collect())
}

/// Who goes when: there and back, so that nobody is always first.
fn order_of(calls: usize, round: u32) -> impl Iterator<Item = usize> {
    (0..calls).map(move |at| if round.is_multiple_of(2) { at } else { calls - 1 - at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn calls_take_turns_and_each_is_counted() {
        let nap = |millis| {
            move |_| async move {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Ok(())
            }
        };
        let calls = [Named::new("two", nap(2)), Named::new("twenty", nap(20))];
        let rates = in_turn(&calls, 4, 3, Duration::from_millis(100)).await.unwrap();
        assert_eq!((rates[0].name.as_str(), rates[0].turns.len()), ("two", 3));
        assert!(rates[0].per_second > 2.0 * rates[1].per_second, "{rates:?}");
        assert!((20.0..=250.0).contains(&rates[1].per_second), "{rates:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_call_that_fails_ends_it() {
        let call = |number| async move {
            if number < 10 { Ok(()) } else { Err(format!("not {number}").into()) }
        };
        let error = per_second(2, Duration::from_secs(60), call).await.unwrap_err();
        assert!(error.to_string().starts_with("not 1"), "{error}");
    }

    #[test]
    fn nobody_is_always_first() {
        let orders = [0, 1].map(|round| order_of(3, round).collect::<Vec<_>>());
        assert_eq!(orders, [[0, 1, 2], [2, 1, 0]]);
    }
}
