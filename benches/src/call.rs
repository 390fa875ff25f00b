//! One call to a store, what is measured of it, and beside what.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;

use lockout_core::{Attempt, Decision, Guard, Permit};

/// Why a call panics.
pub const WORKS: &str = "the server works";

/// One operation; the argument says which of the [`SUBJECTS`](crate::scenario::SUBJECTS) it is for. It panics if it fails.
pub type Call = Arc<dyn Fn(u32) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What is measured of a [`Call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// The median time from call to answer, of one task.
    Latency,
    /// Calls in a second, of many tasks.
    Throughput,
    /// For how long the server works for each call, of many tasks.
    ServerCpu,
}

impl Figure {
    /// Its name in tables, where `tasks` are many.
    #[must_use]
    pub fn name(self, tasks: u32) -> String {
        match self {
            Self::Latency => "p50 latency, 1 task".to_owned(),
            Self::Throughput => format!("throughput, {tasks} tasks"),
            Self::ServerCpu => format!("server CPU, {tasks} tasks"),
        }
    }

    /// What it is counted in.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        if matches!(self, Self::Throughput) { "/s" } else { "ns" }
    }
}

/// What the ratio of ours to the floor is held against.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Less is better.
    AtMost(f64),
    /// More is better.
    AtLeast(f64),
    /// The figure is for information.
    Open,
}

/// Two calls, and what is measured of both.
pub struct Scenario {
    /// What ours does.
    pub what: &'static str,
    /// What the floor does.
    pub floor_name: &'static str,
    /// The floor.
    pub floor: Call,
    /// Ours.
    pub ours: Call,
    /// The figures.
    pub figures: Vec<(Figure, Target)>,
}

impl Scenario {
    /// `ours` beside `floor`, each with its name.
    #[must_use]
    pub fn new(
        (floor_name, floor): (&'static str, &Call),
        (what, ours): (&'static str, &Call),
        figures: &[(Figure, Target)],
    ) -> Self {
        let (floor, ours) = (Arc::clone(floor), Arc::clone(ours));
        Self { what, floor_name, floor, ours, figures: figures.to_vec() }
    }
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scenario").field("what", &self.what).finish_non_exhaustive()
    }
}

/// Calls for each of the first `count` subjects, `tasks` at a time.
///
/// # Errors
/// If a call fails.
pub async fn for_all(call: &Call, count: u32, tasks: u32) -> Result<(), Box<dyn Error>> {
    let share = |task| {
        let call = Arc::clone(call);
        tokio::spawn(async move {
            for number in (task..count).step_by(index(tasks)) {
                call(number).await;
            }
        })
    };
    for task in (0..tasks).map(share).collect::<Vec<_>>() {
        task.await?;
    }
    Ok(())
}

/// An operation of `guard` for one of the attempts.
pub fn guarded<F>(guard: &Guard, attempts: &[Attempt], operation: fn(Guard, Attempt) -> F) -> Call
where
    F: Future<Output = ()> + Send + 'static,
{
    let (guard, attempts) = (guard.clone(), Arc::<[Attempt]>::from(attempts));
    Arc::new(move |number| {
        let attempt = &attempts[index(number) % attempts.len()];
        Box::pin(operation(guard.clone(), attempt.clone()))
    })
}

/// The permit of an attempt that is admitted.
///
/// # Panics
/// If it is not.
pub async fn admitted(guard: &Guard, attempt: &Attempt) -> Permit {
    match guard.begin(attempt).await.expect(WORKS) {
        Decision::Admitted(permit) => permit,
        Decision::Refused(refusal) => panic!("{attempt:?} was refused: {refusal:?}"),
    }
}

/// Makes an attempt that is refused.
///
/// # Panics
/// If it is not.
pub async fn refuse(guard: Guard, attempt: Attempt) {
    let decision = guard.begin(&attempt).await.expect(WORKS);
    assert!(matches!(decision, Decision::Refused(_)), "{attempt:?} was admitted");
}

/// A number as an index.
#[must_use]
pub fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(0)
}
