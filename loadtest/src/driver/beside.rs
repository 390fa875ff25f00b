//! Several sites, one login at a time.

use std::time::{Duration, Instant};

use super::line::Line;
use super::processor::OneProcessor;
use super::turn::Before;
use super::{Logins, Tally, Turn};
use crate::Result;
use crate::site::Site;

/// After so many rounds all connect anew: which of its threads serves a connection makes a difference
/// that stays, and evens out over many connections.
const ROUNDS: usize = 50;

/// One turn in which each site has one connection and gets a login when the site before it has
/// answered; who begins a round changes with every round. The driver, the apps and the servers of
/// their stores keep to one processor meanwhile: to wake another that is idle takes longer than most
/// of them work, in a virtual machine above all, and not the same every time. So the medians are of
/// work, and those that differ by microseconds can be told apart. The same site may be there more
/// than once: what differs then is the noise.
///
/// # Errors
/// If a site cannot be reached at first, or does not say what it has used.
pub async fn beside(
    sites: &[(&Site, &Logins)],
    duration: Duration,
    patience: Duration,
) -> Result<Vec<Turn>> {
    let befores = sites.iter().map(|(site, _)| Before::of(site)).collect::<Result<Vec<_>>>()?;
    let mut lanes = Vec::new();
    for (site, logins) in sites {
        lanes.push((Line::connected(site.address()).await?, *logins, Tally::new()?));
    }
    let pids: Vec<_> = sites.iter().flat_map(|(site, _)| site.pids()).collect();
    let one = OneProcessor::keep_to(&pids)?;
    let until = Instant::now() + duration;
    let mut round = 0;
    while Instant::now() < until {
        if round % ROUNDS == ROUNDS - 1 {
            for (line, ..) in &mut lanes {
                line.reconnect().await?;
            }
        }
        for turn in 0..lanes.len() {
            let which = (round + turn) % lanes.len();
            let (line, logins, tally) = &mut lanes[which];
            let Some(login) = logins.take() else { continue };
            let start = Instant::now();
            let answer = line.log_in(&login, start + patience).await;
            tally.record(answer, start);
        }
        round += 1;
    }
    drop(one);
    let lines = |site: &Site| sites.iter().filter(|(other, _)| std::ptr::eq(*other, site)).count();
    let figures = befores.iter().zip(sites).zip(lanes);
    figures
        .map(|((before, (site, _)), (_, _, tally))| {
            before.turn(site, &tally, u64::try_from(lines(site))?)
        })
        .collect()
}
