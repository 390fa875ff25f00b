//! Who guesses one password after another.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::figure::Counts;
use crate::driver::{Answer, Client, Login, Protocol};

/// How long an answer is waited for when no more guesses are sent.
const PATIENCE: Duration = Duration::from_secs(3);

/// A number of guesses over a number of connections, each of which sends its next guess when it has
/// the answer to its last one.
#[derive(Clone, Debug)]
pub(super) struct Guesser {
    /// How many connections.
    pub(super) connections: u32,
    /// How many guesses.
    pub(super) guesses: u32,
    /// How soon a guess may follow the one before, whatever the connection.
    pub(super) every: Duration,
    /// When no more are sent.
    pub(super) limit: Duration,
}

/// What a guesser sees.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// What he was answered.
    pub(super) answers: Counts,
    /// When he was first refused, since his first guess.
    pub(super) first_refusal: Option<Duration>,
    /// How long it took.
    pub(super) took: Duration,
}

impl Seen {
    /// One answer, so long after the first guess was sent.
    pub(super) fn add(&mut self, answer: Answer, at: Duration) {
        self.answers.add(answer);
        self.took = self.took.max(at);
        if answer == Answer::Refused {
            self.first_refusal = Some(self.first_refusal.map_or(at, |first| first.min(at)));
        }
    }

    fn merge(mut self, other: &Self) -> Self {
        self.answers.merge(&other.answers);
        self.took = self.took.max(other.took);
        self.first_refusal = self.first_refusal.into_iter().chain(other.first_refusal).min();
        self
    }
}

impl Guesser {
    /// Sends the guesses that `guess` says for the numbers from 0.
    pub(super) async fn run(
        &self,
        server: SocketAddr,
        guess: impl Fn(u32) -> Login + Send + Sync + 'static,
    ) -> Seen {
        let guess: Arc<dyn Fn(u32) -> Login + Send + Sync> = Arc::new(guess);
        let next = Arc::new(AtomicU32::new(0));
        let began = Instant::now();
        let mut connections = JoinSet::new();
        for _ in 0..self.connections {
            let (plan, next, guess) = (self.clone(), Arc::clone(&next), Arc::clone(&guess));
            connections.spawn(async move { plan.connection(server, began, &next, &*guess).await });
        }
        let seen = connections.join_all().await;
        seen.iter().fold(Seen::default(), Seen::merge)
    }

    async fn connection(
        &self,
        server: SocketAddr,
        began: Instant,
        next: &AtomicU32,
        guess: &(dyn Fn(u32) -> Login + Send + Sync),
    ) -> Seen {
        let end = began + self.limit;
        let mut seen = Seen::default();
        let mut line = Line { server, client: None };
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            // Every connection's first guess is sent at once.
            let due = began + self.every * number.saturating_sub(self.connections);
            if number >= self.guesses || due >= end || Instant::now() >= end {
                return seen;
            }
            sleep_until(due).await;
            let answer = timeout_at(end + PATIENCE, line.log_in(&guess(number))).await;
            seen.add(answer.unwrap_or(Answer::Broken), began.elapsed());
        }
    }
}

/// A connection that is made again when it is closed.
struct Line {
    server: SocketAddr,
    client: Option<Client>,
}

impl Line {
    async fn log_in(&mut self, login: &Login) -> Answer {
        if let Some(client) = self.client.as_mut().filter(|client| client.is_open()) {
            let answer = client.log_in(login).await;
            // The server may have closed it after the last answer, and that is no answer to this.
            if answer != Answer::Broken {
                return answer;
            }
        }
        let Ok(client) = Client::connect(self.server, Protocol::Http1).await else {
            sleep(Duration::from_millis(10)).await;
            return Answer::Broken;
        };
        self.client.insert(client).log_in(login).await
    }
}

/// The address of a guesser who has one.
pub(super) const ONE_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

/// The address with this number of a guesser who has up to 131,072.
pub(super) const fn address(number: u32) -> IpAddr {
    let network = Ipv4Addr::new(198, 18, 0, 0).to_bits();
    IpAddr::V4(Ipv4Addr::from_bits(network | (number & 0x1_ffff)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_in_the_network_for_benchmarks() {
        assert_eq!(address(0).to_string(), "198.18.0.0");
        assert_eq!(address(131_071).to_string(), "198.19.255.255");
        assert_eq!(address(131_072), address(0));
    }

    #[test]
    fn the_first_refusal_is_the_first_of_all_connections() {
        let ms = Duration::from_millis;
        let mut seen = [Seen::default(), Seen::default()];
        seen[0].add(Answer::Wrong, ms(1));
        seen[0].add(Answer::Refused, ms(5));
        seen[1].add(Answer::Refused, ms(3));
        let all = seen.iter().fold(Seen::default(), Seen::merge);
        assert_eq!((all.first_refusal, all.took, all.answers.all()), (Some(ms(3)), ms(5), 3));
    }
}
