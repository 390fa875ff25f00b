//! A closed loop: a connection sends its next login when the last one is answered.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::line::Line;
use super::turn::Before;
use super::{Answer, Logins, Tally, Turn};
use crate::Result;
use crate::site::Site;

/// How long a connection waits after a login that broke, so that a site that is down is not asked
/// as fast as the machine can.
const AFTER_BROKEN: Duration = Duration::from_millis(10);

/// So many connections that are never idle. It shows how much a site can take; not how long people
/// wait, since a site that stops stops those who would have come meanwhile too: for that there is
/// [`Open`](super::Open).
#[derive(Clone, Copy, Debug)]
pub struct Closed {
    /// How many.
    pub connections: usize,
    /// For how long they send; what is then under way is waited for.
    pub duration: Duration,
    /// How long an answer is waited for.
    pub patience: Duration,
}

impl Closed {
    /// One turn at this site.
    ///
    /// # Errors
    /// If the site cannot be reached at first, or does not say what it has used.
    pub async fn turn(self, site: &Site, logins: &Logins) -> Result<Turn> {
        let before = Before::of(site)?;
        let tally = self.drive(site.address(), logins).await?;
        before.turn(site, &tally, 1)
    }

    /// The same at any server.
    ///
    /// # Errors
    /// If it cannot be reached at first.
    pub async fn drive(self, server: SocketAddr, logins: &Logins) -> Result<Tally> {
        let mut lines = Vec::new();
        for _ in 0..self.connections {
            lines.push(Line::connected(server).await?);
        }
        let tally = Arc::new(Mutex::new(Tally::new()?));
        let until = Instant::now() + self.duration;
        let mut tasks = JoinSet::new();
        for line in lines {
            tasks.spawn(self.keep_busy(line, logins.clone(), Arc::clone(&tally), until));
        }
        while let Some(ended) = tasks.join_next().await {
            ended?;
        }
        let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tally.clone())
    }

    async fn keep_busy(
        self,
        mut line: Line,
        logins: Logins,
        tally: Arc<Mutex<Tally>>,
        until: Instant,
    ) {
        loop {
            let start = Instant::now();
            if start >= until {
                break;
            }
            let Some(login) = logins.take() else { break };
            let answer = line.log_in(&login, start + self.patience).await;
            tally.lock().unwrap_or_else(PoisonError::into_inner).record(answer, start);
            if answer == Answer::Broken {
                tokio::time::sleep(AFTER_BROKEN).await;
            }
        }
    }
}
