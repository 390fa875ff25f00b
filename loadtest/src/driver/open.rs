//! An open loop: logins come when they come.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::line::Line;
use super::pace::Pace;
use super::turn::Before;
use super::{Answer, Login, Logins, Tally, Turn};
use crate::Result;
use crate::site::Site;

/// Logins at a fixed rate, on a timetable that is made beforehand. Each one's time counts **from its
/// place in the timetable**, whether or not a connection was free then: a site that stops for a while
/// is charged with everybody who came meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// The rate.
    pub per_second: u32,
    /// How long they come. A turn lasts at most this and `patience`.
    pub duration: Duration,
    /// Connections are made as they are needed, up to so many. A login that finds none waits, and
    /// its wait counts.
    pub connections: usize,
    /// A login that is not answered for so long is broken.
    pub patience: Duration,
}

/// What the logins of a turn share.
#[derive(Debug)]
struct Pool {
    server: SocketAddr,
    places: Semaphore,
    idle: Mutex<Vec<Line>>,
    tally: Mutex<Tally>,
}

impl Open {
    /// One turn at this site.
    ///
    /// # Errors
    /// If the site does not say what it has used.
    pub async fn turn(self, site: &Site, logins: &Logins) -> Result<Turn> {
        let before = Before::of(site)?;
        let tally = self.drive(site.address(), logins).await?;
        before.turn(site, &tally, 1)
    }

    /// The same at any server.
    ///
    /// # Errors
    /// If the system has no timer.
    pub async fn drive(self, server: SocketAddr, logins: &Logins) -> Result<Tally> {
        let pool = Arc::new(Pool {
            server,
            places: Semaphore::new(self.connections),
            idle: Mutex::default(),
            tally: Mutex::new(Tally::new()?),
        });
        let mut pace = Pace::new(self.per_second)?;
        let mut tasks = JoinSet::new();
        for _ in 0..self.arrivals() {
            let scheduled = pace.tick().await?;
            let Some(login) = logins.take() else { break };
            tasks.spawn(Arc::clone(&pool).log_in(login, scheduled, scheduled + self.patience));
            while tasks.try_join_next().transpose()?.is_some() {}
        }
        while let Some(ended) = tasks.join_next().await {
            ended?;
        }
        let tally = lock(&pool.tally).clone();
        Ok(tally)
    }

    fn arrivals(self) -> u128 {
        u128::from(self.per_second) * self.duration.as_micros() / 1_000_000
    }
}

impl Pool {
    async fn log_in(self: Arc<Self>, login: Login, scheduled: Instant, deadline: Instant) {
        let answer = match tokio::time::timeout_at(deadline.into(), self.places.acquire()).await {
            Ok(Ok(_place)) => {
                let idle = lock(&self.idle).pop();
                let mut line = idle.unwrap_or_else(|| Line::new(self.server));
                let answer = line.log_in(&login, deadline).await;
                lock(&self.idle).push(line);
                answer
            }
            Ok(Err(_)) | Err(_) => Answer::Broken,
        };
        lock(&self.tally).record(answer, scheduled);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
