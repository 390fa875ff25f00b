//! Logins of every kind at one guard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lockout_core::{Decision, Guard};

use super::crowd;
use super::figures::Login;
use crate::Error;

/// How many names are locked.
const LOCKED: u64 = 1_000;

/// The attempt of [`Login::FailsHot`].
const HOT: u64 = 7;

impl Login {
    /// All of them, what forgets failures last.
    pub const ALL: [Self; 5] =
        [Self::Fails, Self::FailsHot, Self::IsRefused, Self::FailsFresh, Self::Succeeds];
}

/// Where logins are tried.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    guard: Guard,
    attempts: u64,
    fresh: Arc<AtomicU64>,
}

impl Desk {
    /// At a guard whose store knows so many attempts. Locks some names besides.
    pub(crate) async fn open(guard: Guard, attempts: u64) -> Result<Self, Error> {
        for number in crowd::LOCKED..crowd::LOCKED + LOCKED {
            let claims = guard.policy().claims(&crowd::attempt(number));
            let name = claims.first().ok_or("an attempt without a name")?.subject();
            guard.lock(name, None).await?;
        }
        Ok(Self { guard, attempts, fresh: Arc::new(AtomicU64::new(crowd::FRESH)) })
    }

    /// A login of that kind; who it is, `draw` says.
    pub(crate) async fn log_in(self, login: Login, draw: u64) -> Result<(), Error> {
        let number = match login {
            Login::Fails | Login::Succeeds => crowd::one_of(self.attempts, draw),
            Login::FailsFresh => self.fresh.fetch_add(1, Ordering::Relaxed),
            Login::FailsHot => HOT,
            Login::IsRefused => crowd::LOCKED + crowd::one_of(LOCKED, draw),
        };
        let attempt = crowd::attempt(number);
        match (login, self.guard.begin(&attempt).await?) {
            (Login::IsRefused, Decision::Refused(_)) => {}
            (Login::Succeeds, Decision::Admitted(permit)) => drop(permit.succeed().await?),
            (Login::Fails | Login::FailsFresh | Login::FailsHot, Decision::Admitted(permit)) => {
                permit.fail().await?;
            }
            (_, decision) => return Err(format!("{login:?}: {decision:?}").into()),
        }
        Ok(())
    }
}
