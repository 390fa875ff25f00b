//! One account guessed, one password after another.

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
/// How many addresses a guesser has who has many.
const ADDRESSES: u32 = 1_000;
/// How often the owner of the account tries.
const OWNER_EVERY: Duration = Duration::from_millis(250);

/// From one address.
pub(super) async fn from_one(
    plan: &Plan,
    contender: Contender,
    programs: &Programs,
) -> Result<AttackFigure> {
    let target = Target::start(contender, Hash::Fast, programs).await?;
    let server = target.address();
    let honest = Users::start(server, plan.honest_every, users::honest);
    let seen = guesser(plan).run(server, |_| guess(ONE_ADDRESS)).await;
    let honest = honest.finish().await?;
    let others = Others { honest: Some(&honest), owner: None };
    target.figure(Attack::OneAddress, Protocol::Http1, 1, seen, others)
}

/// From a thousand, while the owner tries too. He has no device cookie: that he is refused is the
/// price of a limit for his name.
pub(super) async fn from_many(
    plan: &Plan,
    contender: Contender,
    programs: &Programs,
) -> Result<AttackFigure> {
    let target = Target::start(contender, Hash::Fast, programs).await?;
    let server = target.address();
    let honest = Users::start(server, plan.honest_every, users::honest);
    let owner = Users::start(server, OWNER_EVERY, users::owner);
    let from = |number: u32| guesser::address(number % ADDRESSES);
    let seen = guesser(plan).run(server, move |number| guess(from(number))).await;
    let (honest, owner) = (honest.finish().await?, owner.finish().await?);
    let others = Others { honest: Some(&honest), owner: Some(&owner) };
    target.figure(Attack::ManyAddresses, Protocol::Http1, ADDRESSES, seen, others)
}

const fn guesser(plan: &Plan) -> Guesser {
    Guesser {
        connections: CONNECTIONS,
        guesses: plan.guesses,
        every: plan.guess_every,
        limit: plan.limit,
    }
}

fn guess(from: IpAddr) -> Login {
    Login { username: "user0".into(), password: "wrong", from }
}
