//! Who logs in beside the guesser.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use crate::Result;
use crate::app::accounts::{ACCOUNTS, PASSWORD};
use crate::driver::{Answer, Client, Login, Protocol};

/// How long a user waits for his answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// The first account of an honest user. Those before it are attacked.
const FIRST: u32 = 1_000;

/// Users who log in one after the other at a steady pace, whether or not those before them have been
/// answered.
#[derive(Debug)]
pub(super) struct Users {
    stop: oneshot::Sender<()>,
    logins: JoinHandle<Vec<Told>>,
}

/// What a user was told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// When he sent his password.
    pub(super) sent: Instant,
    /// When he was answered.
    pub(super) answered: Instant,
    /// What.
    pub(super) answer: Answer,
}

impl Told {
    /// How long he waited.
    pub(super) fn took(&self) -> Duration {
        self.answered - self.sent
    }
}

impl Users {
    /// They begin after the first period: `login` says who the one with this number is.
    pub(super) fn start(
        server: SocketAddr,
        every: Duration,
        login: impl Fn(u32) -> Login + Send + 'static,
    ) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let logins = tokio::spawn(async move {
            let mut logins = JoinSet::new();
            let mut ticks = interval_at(Instant::now() + every, every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            for number in 0.. {
                tokio::select! {
                    _ = ticks.tick() => {}
                    _ = &mut stopped => break,
                }
                logins.spawn(log_in(server, login(number)));
            }
            logins.join_all().await
        });
        Self { stop, logins }
    }

    /// Nobody else comes. What those who came were told, once all were.
    ///
    /// # Errors
    /// If this program failed.
    pub(super) async fn finish(self) -> Result<Vec<Told>> {
        // If they have ended by themselves, that shows below.
        let _ = self.stop.send(());
        Ok(self.logins.await?)
    }
}

/// Logs in from a new browser.
pub(super) async fn log_in(server: SocketAddr, login: Login) -> Told {
    let mut sent = Instant::now();
    let answer = match timeout(PATIENCE, Client::connect(server, Protocol::Http1)).await {
        Ok(Ok(mut client)) => {
            sent = Instant::now();
            timeout(PATIENCE, client.log_in(&login)).await.unwrap_or(Answer::Broken)
        }
        _ => Answer::Broken,
    };
    Told { sent, answered: Instant::now(), answer }
}

/// The honest user with this number: his account, his address, his password.
pub(super) fn honest(number: u32) -> Login {
    let account = FIRST + number % (ACCOUNTS - FIRST);
    Login { username: format!("user{account}").into(), password: PASSWORD, from: home(account) }
}

/// The same, but every fifth mistypes.
pub(super) fn mixed(number: u32) -> Login {
    let login = honest(number);
    if number % 5 == 4 { Login { password: "correct hose", ..login } } else { login }
}

/// The owner of the account that is attacked.
pub(super) fn owner(_: u32) -> Login {
    Login { username: "user0".into(), password: PASSWORD, from: home(0) }
}

/// An address for each account.
const fn home(account: u32) -> IpAddr {
    let network = Ipv4Addr::new(10, 0, 0, 0).to_bits();
    IpAddr::V4(Ipv4Addr::from_bits(network | (account << 8) | 1))
}
