//! Made-up names from as many made-up addresses: each leaves something to be remembered.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::guesser::{Guesser, ONE_ADDRESS};
use super::target::{Others, Target};
use super::users::{self, Users};
use super::{Attack, AttackFigure, Plan};
use crate::Result;
use crate::contender::{Contender, Hash};
use crate::driver::{Answer, Login, Protocol};
use crate::site::Programs;

/// How many requests are under way at a time.
const CONNECTIONS: u32 = 64;
/// After how many guesses an account is locked that has a limit at all.
const ENOUGH: u32 = 8;

/// An account is locked first; whether it still is afterwards is what matters.
pub(super) async fn flood(
    plan: &Plan,
    contender: Contender,
    programs: &Programs,
) -> Result<AttackFigure> {
    let mut target = Target::start(contender, Hash::Fast, programs).await?;
    let server = target.address();
    let locked = lock(server).await;
    target.attack_begins()?;
    let guesser = Guesser {
        connections: CONNECTIONS,
        guesses: plan.flood,
        every: Duration::ZERO,
        limit: plan.flood_limit,
    };
    let honest = Users::start(server, plan.honest_every, users::honest);
    let seen = guesser.run(server, made_up).await;
    let honest = honest.finish().await?;
    let others = Others { honest: Some(&honest), owner: None };
    let guesses = u32::try_from(seen.answers.all())?;
    let figure = target.figure(Attack::Flood, Protocol::Http1, guesses, seen, others)?;
    let lock_survived = if locked { Some(is_locked(server).await) } else { None };
    // Nobody is attacked: who is refused came when the store was full.
    Ok(AttackFigure { lock_survived, time_to_lock_ms: None, ..figure })
}

/// Guesses until the account is locked. False if it never is.
async fn lock(server: SocketAddr) -> bool {
    for _ in 0..ENOUGH {
        if is_locked(server).await {
            return true;
        }
    }
    false
}

/// Whether another guess is refused.
async fn is_locked(server: SocketAddr) -> bool {
    let login = Login { username: "user1".into(), password: "wrong", from: ONE_ADDRESS };
    users::log_in(server, login).await.answer == Answer::Refused
}

/// A name and an address that nobody else has.
fn made_up(number: u32) -> Login {
    let network = Ipv4Addr::new(100, 64, 0, 0).to_bits();
    Login {
        username: format!("ghost{number}").into(),
        password: "wrong",
        from: IpAddr::V4(Ipv4Addr::from_bits(network | (number & 0x3f_ffff))),
    }
}
