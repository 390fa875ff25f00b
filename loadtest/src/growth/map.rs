//! A bare map in the memory of the process, of as many subjects: what caches that are too small cost
//! everybody.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use lockout_core::{Policy, Subject};

use super::crowd::{self, attempts_of};
use super::figures::MapFigure;
use super::plan::Plan;
use crate::Error;
use crate::number::float;
use crate::number::median;

/// As much as a record.
type Value = [u64; 12];

type Map = HashMap<Subject, Value>;

/// What three visits to a map take, at each size of the plan: it is beside what
/// [`grow`](super::grow) tells of the store in process.
///
/// # Errors
/// If it cannot be counted.
pub fn maps(plan: Plan) -> Result<Vec<MapFigure>, Error> {
    let policy = crowd::policy()?;
    let (mut few, mut many, mut attempts) = (Map::new(), Map::new(), 0);
    fill(&mut few, &policy, 0..attempts_of(Plan::FEW));
    let mut figures = Vec::new();
    for subjects in plan.sizes() {
        fill(&mut many, &policy, attempts..attempts_of(subjects));
        attempts = attempts_of(subjects);
        let mut turns = Vec::new();
        for turn in 0..=plan.turns {
            let draw = u64::from(turn) << 40;
            let seen = visits([&mut few, &mut many], &policy, attempts, plan.turn, draw)?;
            // The first turn finds nothing in any cache.
            if turn > 0 {
                turns.push(seen);
            }
        }
        let of = |which: usize| median(turns.iter().map(|seen| seen[which]));
        let ratios: Vec<_> = turns.iter().map(|[few, many]| many / few).collect();
        let (floor_p50_ns, p50_ns, ratio) = (of(0), of(1), median(ratios));
        figures.push(MapFigure { subjects, p50_ns, floor_p50_ns, ratio });
    }
    Ok(figures)
}

fn fill(map: &mut Map, policy: &Policy, numbers: std::ops::Range<u64>) {
    let claims = numbers.flat_map(|number| policy.claims(&crowd::attempt(number)));
    map.extend(claims.map(|claim| (claim.subject().clone(), [0; 12])));
}

/// The median of both in turn.
fn visits(
    maps: [&mut Map; 2],
    policy: &Policy,
    attempts: u64,
    turn: Duration,
    mut draw: u64,
) -> Result<[f64; 2], Error> {
    let mut seen = [Histogram::<u64>::new(3)?, Histogram::new(3)?];
    let end = Instant::now() + turn;
    let attempts = [attempts_of(Plan::FEW), attempts];
    while Instant::now() < end {
        for which in if draw.is_multiple_of(2) { [0, 1] } else { [1, 0] } {
            let claims = policy.claims(&crowd::attempt(crowd::one_of(attempts[which], draw)));
            let start = Instant::now();
            for claim in &claims {
                if let Some(value) = maps[which].get_mut(black_box(claim.subject())) {
                    value[3] += 1;
                }
            }
            seen[which].record(u64::try_from(start.elapsed().as_nanos())?)?;
        }
        draw += 1;
    }
    Ok(seen.map(|seen| float(seen.value_at_quantile(0.5))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_has_a_figure() {
        let plan = Plan { largest: 10_000, turns: 1, turn: Duration::from_millis(5) };
        let figures = maps(plan).unwrap();
        assert_eq!(figures.iter().map(|map| map.subjects).collect::<Vec<_>>(), [1_000, 10_000]);
        assert!(figures.iter().all(|map| map.p50_ns > 0.0 && map.ratio > 0.0), "{figures:?}");
    }
}
