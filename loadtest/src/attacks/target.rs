//! What is attacked.

use std::net::SocketAddr;

use tokio::task::{block_in_place, spawn_blocking};

use super::Attack;
use super::figure::{AttackFigure, Honest, millis};
use super::guesser::Seen;
use super::users::Told;
use crate::Result;
use crate::contender::{Contender, Hash};
use crate::driver::Protocol;
use crate::site::{Programs, Site};
use crate::usage::Usage;

/// A site that cannot be attacked, because it cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unstartable(String);

/// A site, and what it had used before the attack.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) site: Site,
    hash: Hash,
    before: Usages,
}

#[derive(Clone, Copy, Debug)]
struct Usages {
    app: Usage,
    store: Usage,
    verified: u64,
}

impl Usages {
    fn of(site: &Site) -> Result<Self> {
        block_in_place(|| {
            Ok(Self {
                app: site.usage()?,
                store: site.store().usage()?,
                verified: site.verified()?,
            })
        })
    }
}

impl Target {
    /// Starts a site with an empty store.
    pub(super) async fn start(
        contender: Contender,
        hash: Hash,
        programs: &Programs,
    ) -> Result<Self> {
        let programs = programs.clone();
        let site = spawn_blocking(move || Site::start(contender, hash, &programs)).await?;
        let site = site.map_err(|error| Unstartable(error.to_string()))?;
        let before = Usages::of(&site)?;
        Ok(Self { site, hash, before })
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.site.address()
    }

    /// From now on is the attack: what has been used so far is not part of it.
    pub(super) fn attack_begins(&mut self) -> Result<()> {
        self.before = Usages::of(&self.site)?;
        Ok(())
    }

    /// What the attack came to, now that it is over. `Wrong` of honest users is theirs, and so is
    /// whatever the owner was let in for.
    pub(super) fn figure(
        &self,
        attack: Attack,
        protocol: Protocol,
        addresses: u32,
        seen: Seen,
        others: Others<'_>,
    ) -> Result<AttackFigure> {
        let after = Usages::of(&self.site)?;
        let [honest, owner] = [others.honest, others.owner].map(|told| told.map(Honest::of));
        let theirs = [honest, owner].iter().flatten().map(Honest::verified).sum();
        let verified = after.verified.saturating_sub(self.before.verified);
        Ok(AttackFigure {
            contender: self.site.contender(),
            attack,
            hash: self.hash,
            protocol,
            addresses,
            guesses: seen.answers.all(),
            verified: verified.saturating_sub(theirs),
            honest,
            owner,
            time_to_lock_ms: seen.first_refusal.map(millis),
            seconds: seen.took.as_secs_f64(),
            answers: seen.answers,
            app_cpu_us: after.app.cpu_us.saturating_sub(self.before.app.cpu_us),
            store_cpu_us: after.store.cpu_us.saturating_sub(self.before.store.cpu_us),
            app_memory_before: self.before.app.memory,
            app_memory_after: after.app.memory,
            store_memory_before: self.before.store.memory,
            store_memory_after: after.store.memory,
            lock_survived: None,
            outage: None,
        })
    }
}

/// Who else logged in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Others<'a> {
    /// Owners of other accounts.
    pub(super) honest: Option<&'a [Told]>,
    /// The owner of the attacked one.
    pub(super) owner: Option<&'a [Told]>,
}
