//! One password tried at every account.

use std::net::IpAddr;
use std::time::Duration;

use super::guesser::{self, Guesser, ONE_ADDRESS};
use super::target::{Others, Target};
use super::users::{self, Users};
use super::{Attack, AttackFigure, Plan};
use crate::Result;
use crate::contender::{Contender, Hash};
use crate::driver::{Login, Protocol};
use crate::site::Programs;

/// How many guesses are under way at a time.
const CONNECTIONS: u32 = 16;

/// From one address, whose limit ends it; and from a thousand, which no limit ends: no name and no
/// address has more failures than anybody who mistypes.
pub(super) async fn all(
    plan: &Plan,
    contender: Contender,
    programs: &Programs,
) -> Result<Vec<AttackFigure>> {
    let mut figures = Vec::new();
    for addresses in [1, 1_000] {
        let target = Target::start(contender, Hash::Fast, programs).await?;
        figures.push(spray(plan, target, addresses).await?);
    }
    Ok(figures)
}

async fn spray(plan: &Plan, target: Target, addresses: u32) -> Result<AttackFigure> {
    let server = target.address();
    let guesser = Guesser {
        connections: CONNECTIONS,
        guesses: plan.sprayed,
        every: Duration::ZERO,
        limit: plan.limit,
    };
    let from = move |number: u32| -> IpAddr {
        if addresses == 1 { ONE_ADDRESS } else { guesser::address(number % addresses) }
    };
    let guess = move |number: u32| Login {
        username: format!("user{number}").into(),
        password: "Winter2026",
        from: from(number),
    };
    let honest = Users::start(server, plan.honest_every, users::honest);
    let seen = guesser.run(server, guess).await;
    let honest = honest.finish().await?;
    let others = Others { honest: Some(&honest), owner: None };
    target.figure(Attack::Spraying, Protocol::Http1, addresses, seen, others)
}
