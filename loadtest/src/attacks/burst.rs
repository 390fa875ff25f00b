//! Hundreds of guesses at one account, released in the same moment.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::guesser::{ONE_ADDRESS, Seen};
use super::held::{Gate, Held};
use super::target::{Others, Target};
use super::users::{self, Told};
use super::{Attack, AttackFigure, Plan};
use crate::Result;
use crate::contender::{Contender, Hash};
use crate::driver::{Answer, Protocol};
use crate::site::Programs;

/// How many connections the requests of a burst share where they can.
const CONNECTIONS: u32 = 4;
/// How long the requests may take to get as far as their forms.
const APPROACH: Duration = Duration::from_secs(5);
/// What the last of them gets to arrive.
const BREATH: Duration = Duration::from_millis(100);

/// With both hashes, over HTTP/2 where it is spoken, and over HTTP/1.1 everywhere: guesses overlap
/// longer when each takes time.
pub(super) async fn all(
    plan: &Plan,
    contender: Contender,
    programs: &Programs,
) -> Result<Vec<AttackFigure>> {
    let mut figures = Vec::new();
    for (hash, guesses) in [(Hash::Fast, plan.burst), (Hash::Argon2, plan.argon2_burst)] {
        for protocol in [Protocol::Http2, Protocol::Http1] {
            if protocol == Protocol::Http1 || contender.speaks_http2() {
                let target = Target::start(contender, hash, programs).await?;
                figures.push(burst(plan, target, guesses, protocol).await?);
            }
        }
    }
    Ok(figures)
}

async fn burst(
    plan: &Plan,
    target: Target,
    guesses: u32,
    protocol: Protocol,
) -> Result<AttackFigure> {
    let server = target.address();
    let senders = senders(server, guesses, protocol).await?;
    let seen = release(server, senders, plan.limit).await?;
    let owner: [Told; 1] = [users::log_in(server, users::owner(0)).await];
    let others = Others { honest: None, owner: Some(&owner) };
    target.figure(Attack::Burst, protocol, 1, seen, others)
}

/// One sender for each guess.
async fn senders(server: SocketAddr, guesses: u32, protocol: Protocol) -> Result<Vec<Held>> {
    let connections = if protocol == Protocol::Http2 { CONNECTIONS } else { guesses };
    let mut senders = Vec::new();
    for number in 0..connections {
        let first = Held::connect(server, protocol).await?;
        // Those that are left are shared by the connections that are left.
        let left = guesses - u32::try_from(senders.len())?;
        let share = left.div_ceil(connections - number);
        senders.extend((1..share).filter_map(|_| first.another()));
        senders.push(first);
    }
    Ok(senders)
}

/// Sends all requests up to their forms, and then the forms.
async fn release(server: SocketAddr, senders: Vec<Held>, limit: Duration) -> Result<Seen> {
    let (gate, wanted) = (Gate::new(), u32::try_from(senders.len())?);
    let mut guesses = JoinSet::new();
    for mut sender in senders {
        let gate = gate.clone();
        guesses.spawn(async move {
            let answer = sender.guess(server, ONE_ADDRESS, &gate).await;
            (answer, Instant::now())
        });
    }
    let approach = async {
        while gate.waiting() < wanted {
            sleep(Duration::from_millis(5)).await;
        }
    };
    // A server that takes no more connections gets those that it took; the others are broken then.
    let _ = timeout(APPROACH, approach).await;
    sleep(BREATH).await;
    let began = Instant::now();
    gate.open();
    let mut seen = Seen::default();
    let mut unanswered = wanted;
    while let Ok(Some(guess)) = timeout_at(began + limit, guesses.join_next()).await {
        let (answer, at) = guess?;
        seen.add(answer, at.saturating_duration_since(began));
        unanswered -= 1;
    }
    (0..unanswered).for_each(|_| seen.add(Answer::Broken, limit));
    Ok(seen)
}
