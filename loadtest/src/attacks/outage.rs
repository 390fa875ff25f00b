//! The store's server is killed and comes back, while honest users log in.

use std::time::Duration;

use tokio::task::block_in_place;
use tokio::time::{Instant, sleep_until};

use super::figure::{Counts, Outage, millis};
use super::guesser::Seen;
use super::target::{Others, Target};
use super::users::{self, Told, Users};
use super::{Attack, AttackFigure, Plan};
use crate::Result;
use crate::contender::{Contender, Hash};
use crate::driver::{Answer, Protocol};
use crate::site::Programs;

/// When the store's server was killed, when it was told to start, and when it had.
#[derive(Clone, Copy, Debug)]
struct Times {
    killed: Instant,
    restarting: Instant,
    restarted: Instant,
}

/// A third of the time each with the store, without it, and with it again. SQL servers keep what they
/// had; Redis as it is here keeps nothing.
pub(super) async fn outage(
    plan: &Plan,
    contender: Contender,
    programs: &Programs,
) -> Result<AttackFigure> {
    let mut target = Target::start(contender, Hash::Fast, programs).await?;
    let honest = Users::start(target.address(), plan.honest_every_around_outage, users::mixed);
    let times = interrupt(&mut target, plan.outage / 3).await?;
    let honest = honest.finish().await?;
    let others = Others { honest: Some(&honest), owner: None };
    let seen = Seen { took: plan.outage, ..Seen::default() };
    let figure = target.figure(Attack::Outage, Protocol::Http1, 0, seen, others)?;
    Ok(AttackFigure { outage: Some(times.outage(&honest)), ..figure })
}

async fn interrupt(target: &mut Target, third: Duration) -> Result<Times> {
    let store = target.site.store_mut();
    sleep_until(Instant::now() + third).await;
    let killed = Instant::now();
    block_in_place(|| store.kill());
    sleep_until(killed + third).await;
    let restarting = Instant::now();
    block_in_place(|| store.restart())?;
    let restarted = Instant::now();
    sleep_until(restarted + third).await;
    Ok(Times { killed, restarting, restarted })
}

impl Times {
    fn outage(&self, told: &[Told]) -> Outage {
        let counts = |sent: &dyn Fn(&Told) -> bool| -> Counts {
            told.iter().filter(|login| sent(login)).map(|login| login.answer).collect()
        };
        let welcomes = told.iter().filter(|login| login.answer == Answer::Welcome);
        let answered = welcomes.map(|login| login.answered);
        let first = answered.filter(|answered| *answered >= self.restarting).min();
        Outage {
            before: counts(&|login| login.sent < self.killed),
            during: counts(&|login| login.sent >= self.killed && login.sent < self.restarting),
            after: counts(&|login| login.sent >= self.restarting),
            restart_ms: millis(self.restarted - self.restarting),
            let_in_after_ms: first
                .map(|first| millis(first.saturating_duration_since(self.restarted))),
        }
    }
}
