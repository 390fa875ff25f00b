//! One store grows, and another one beside it does not.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use lockout_core::Guard;

use super::crowd::{self, attempts_of};
use super::figures::{GrowthFigure, Latency};
use super::filling::fill;
use super::home::{Home, Kind};
use super::plan::Plan;
use crate::Error;
use crate::number::float;
use crate::number::median;
use crate::throughput::{Named, in_turn};

/// How many tasks call at once where there are many.
const TASKS: u32 = 32;

/// The figures of a store at each size of the plan, each given to `seen` as soon as it is there.
///
/// # Errors
/// If a server does not start, or a call fails.
pub async fn grow(
    kind: Kind,
    plan: Plan,
    mut seen: impl FnMut(&GrowthFigure),
) -> Result<Vec<GrowthFigure>, Error> {
    let floor = Home::start(kind, Plan::FEW).await?;
    fill(&floor, 0, attempts_of(Plan::FEW)).await?;
    let home = Home::start(kind, plan.largest).await?;
    // What is there once, such as connections, is no subject's.
    fill(&home, crowd::FRESH, crowd::FRESH + 1).await?;
    crowd::fail(&home.guard, &crowd::attempt(crowd::FRESH)).await?;
    let empty = home.bytes().await?;

    let (mut figures, mut attempts) = (Vec::new(), 0);
    for subjects in plan.sizes() {
        let (from, to) = (attempts, attempts_of(subjects));
        let took = fill(&home, from, to).await?;
        let bytes = float(home.bytes().await?.saturating_sub(empty)) / float(subjects);
        let tells = subjects >= kind.tells_from();
        attempts = to;
        let sides = [
            Side { guard: floor.guard.clone(), attempts: attempts_of(Plan::FEW) },
            Side { guard: home.guard.clone(), attempts },
        ];
        let seen_here = latencies(&sides, plan).await?;
        let calls = sides.map(Side::named);
        let rates = in_turn(&calls, TASKS, plan.turns, plan.turn).await?;
        let figure = GrowthFigure {
            store: kind.to_string(),
            subjects,
            latency: seen_here.ours,
            floor: seen_here.floor,
            ratio: seen_here.ratio,
            tasks: TASKS,
            per_second: rates[1].per_second,
            floor_per_second: rates[0].per_second,
            bytes_per_subject: tells.then_some(bytes),
            bytes_are: kind.bytes_are(),
            filled: (to - from) * crowd::SUBJECTS,
            fill_seconds: took.as_secs_f64(),
        };
        seen(&figure);
        figures.push(figure);
    }
    Ok(figures)
}

/// A guard, and how many attempts its store knows.
#[derive(Clone, Debug)]
struct Side {
    guard: Guard,
    attempts: u64,
}

impl Side {
    fn named(self) -> Named {
        Named::new("failed logins", move |number| {
            let guard = self.guard.clone();
            let number = crowd::one_of(self.attempts, number);
            async move { crowd::fail(&guard, &crowd::attempt(number)).await }
        })
    }
}

struct Latencies {
    floor: Latency,
    ours: Latency,
    ratio: f64,
}

/// What a login takes on both sides, one at a time.
async fn latencies(sides: &[Side; 2], plan: Plan) -> Result<Latencies, Error> {
    let mut turns = Vec::new();
    for turn in 0..=plan.turns {
        let sides = sides.clone();
        // As everybody's calls: on a thread of the runtime, not on the one that waits for it.
        let seen = tokio::spawn(alternating(sides, plan.turn, u64::from(turn) << 40)).await??;
        // The first turn finds nothing in any cache, on either side.
        if turn > 0 {
            turns.push(seen);
        }
    }
    let of = |side: usize, quantile| {
        let values = turns.iter().map(|turn| float(turn[side].value_at_quantile(quantile)));
        median(values)
    };
    let latency =
        |side| Latency { p50_ns: of(side, 0.5), p90_ns: of(side, 0.9), p99_ns: of(side, 0.99) };
    let ratios = turns.iter().map(|turn| {
        let [floor, ours] = [0, 1].map(|side: usize| float(turn[side].value_at_quantile(0.5)));
        ours / floor
    });
    let ratio = median(ratios);
    Ok(Latencies { floor: latency(0), ours: latency(1), ratio })
}

/// Logins on one side and the other, call by call: how fast threads are woken changes from turn to
/// turn, by more than what is compared.
async fn alternating(
    sides: [Side; 2],
    turn: Duration,
    mut draw: u64,
) -> Result<[Histogram<u64>; 2], Error> {
    let mut seen = [Histogram::new(3)?, Histogram::new(3)?];
    let end = Instant::now() + turn;
    while Instant::now() < end {
        for which in if draw.is_multiple_of(2) { [0, 1] } else { [1, 0] } {
            let Side { guard, attempts } = &sides[which];
            let attempt = crowd::attempt(crowd::one_of(*attempts, draw));
            let start = Instant::now();
            crowd::fail(guard, &attempt).await?;
            seen[which].record(u64::try_from(start.elapsed().as_nanos())?)?;
        }
        draw += 1;
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_grows_and_its_figures_are_told_on_the_way() {
        let plan = Plan { largest: 10_000, turns: 1, turn: Duration::from_millis(20) };
        for kind in [Kind::Moka, Kind::Sqlite] {
            let mut told = Vec::new();
            let figures = grow(kind, plan, |figure| told.push(figure.subjects)).await.unwrap();
            assert_eq!(told, [1_000, 10_000]);
            for figure in figures {
                assert!(figure.ratio > 0.0 && figure.per_second > 0.0, "{figure:?}");
                assert!(figure.filled <= figure.subjects + 2, "{figure:?}");
                let bytes = figure.bytes_per_subject;
                assert_eq!(bytes.is_some_and(|bytes| bytes > 30.0), kind == Kind::Sqlite);
            }
        }
    }
}
