//! What limitador, a rate limiter, makes of a login: three limits over a fixed window of five
//! minutes, counted in this process.
//!
//! [`Limitador::admit`] is its usual way: check and count in one call, before the password, so a
//! success is counted as well. [`Limitador::reserve`] holds a place until [`Limitador::settle`]
//! counts a failure, or nothing for a success. Neither forgets the failures before a success, locks
//! for longer than the window's rest, or lets somebody unlock one name: a limit's counters can only
//! be deleted all together. The cache that holds the counters drops some when it is full.
//!
//! Its Redis storage would be the better match. Up to 0.14 it compiles only together with the
//! storage on disk, which builds all of RocksDB; that is too much for a comparison.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use limitador::errors::LimitadorError;
use limitador::limit::{Context, Expression, Limit, Namespace, ParseError, Predicate};
use limitador::{RateLimiter, reservation::ReservationId};
use thiserror::Error;

/// The window of every limit, in seconds.
const WINDOW: u64 = 300;

/// Three tolerated failures, and the one after them.
const USERNAME_ATTEMPTS: u64 = 4;

/// Thirty tolerated failures, and the one after them.
const ADDRESS_ATTEMPTS: u64 = 31;

/// How many counters are kept: a million logins' worth.
const COUNTERS: u64 = 3_000_000;

/// Why limitador could not say.
#[derive(Debug, Error)]
pub enum Error {
    /// A limit's variable is not an expression.
    #[error("a limit cannot be read")]
    Limit(#[source] ParseError),
    /// The counters could not be read or updated.
    #[error("limitador could not count")]
    Count(#[source] LimitadorError),
}

/// A place that is held for one attempt.
#[derive(Debug)]
#[must_use = "it is held for a minute at most, unless it is settled"]
pub struct Place(ReservationId);

/// A limit for each username, each address, and each pair of them.
pub struct Limitador {
    limiter: RateLimiter,
    namespace: Namespace,
}

impl Limitador {
    /// Counts nothing yet.
    ///
    /// # Errors
    ///
    /// When limitador does not take the limits.
    pub fn new() -> Result<Self, Error> {
        let limiter = RateLimiter::new(COUNTERS);
        for (attempts, variables) in [
            (USERNAME_ATTEMPTS, &["username"][..]),
            (ADDRESS_ATTEMPTS, &["address"]),
            (USERNAME_ATTEMPTS, &["username", "address"]),
        ] {
            limiter.add_limit(limit(attempts, variables)?);
        }
        Ok(Self { limiter, namespace: NAMESPACE.into() })
    }

    /// Counts an attempt; whether its password may be looked at.
    ///
    /// # Errors
    ///
    /// When limitador cannot count.
    pub async fn admit(&self, username: &str, ip: IpAddr) -> Result<bool, Error> {
        let context = context(username, ip);
        self.limiter
            .check_rate_limited_and_update(&self.namespace, &context, 1)
            .map(|checked| !checked.limited)
            .map_err(Error::Count)
    }

    /// Holds a place for an attempt whose password may be looked at; none when it may not.
    ///
    /// # Errors
    ///
    /// When limitador cannot count.
    pub async fn reserve(&self, username: &str, ip: IpAddr) -> Result<Option<Place>, Error> {
        let context = context(username, ip);
        let reserved =
            self.limiter.reserve(&self.namespace, &context, 1, None).map_err(Error::Count)?;
        Ok(reserved.reservation_id.map(Place))
    }

    /// Gives the place back, and counts the attempt if it `failed`.
    ///
    /// # Errors
    ///
    /// When limitador cannot count.
    pub async fn settle(
        &self,
        place: Place,
        username: &str,
        ip: IpAddr,
        failed: bool,
    ) -> Result<(), Error> {
        let context = context(username, ip);
        self.limiter
            .commit_reservation(&self.namespace, &context, Some(&place.0), u64::from(failed))
            .map(drop)
            .map_err(Error::Count)
    }
}

impl fmt::Debug for Limitador {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limitador").finish_non_exhaustive()
    }
}

const NAMESPACE: &str = "login";

fn limit(attempts: u64, variables: &[&str]) -> Result<Limit, Error> {
    let variables: Vec<Expression> = variables
        .iter()
        .map(|&variable| Expression::try_from(variable))
        .collect::<Result<_, _>>()
        .map_err(Error::Limit)?;
    let unconditional: [Predicate; 0] = [];
    Ok(Limit::new(NAMESPACE, attempts, WINDOW, unconditional, variables))
}

fn context(username: &str, ip: IpAddr) -> Context<'static> {
    HashMap::from([
        ("username".to_owned(), username.to_owned()),
        ("address".to_owned(), ip.to_string()),
    ])
    .into()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::Limitador;

    fn host(n: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, n).into()
    }

    #[tokio::test]
    async fn a_fifth_attempt_at_a_name_is_refused() {
        let limitador = Limitador::new().unwrap();
        let mut admitted = 0;
        for n in 0..6 {
            admitted += u32::from(limitador.admit("user1", host(n)).await.unwrap());
        }
        assert_eq!(admitted, 4);
    }

    #[tokio::test]
    async fn a_thirty_second_attempt_from_an_address_is_refused() {
        let limitador = Limitador::new().unwrap();
        let mut admitted = 0;
        for n in 0..40 {
            admitted += u32::from(limitador.admit(&format!("user{n}"), host(1)).await.unwrap());
        }
        assert_eq!(admitted, 31);
    }

    #[tokio::test]
    async fn a_place_is_counted_by_a_failure_alone() {
        let limitador = Limitador::new().unwrap();
        for _ in 0..10 {
            let place = limitador.reserve("user1", host(1)).await.unwrap().unwrap();
            limitador.settle(place, "user1", host(1), false).await.unwrap();
        }
        for _ in 0..4 {
            let place = limitador.reserve("user1", host(1)).await.unwrap().unwrap();
            limitador.settle(place, "user1", host(1), true).await.unwrap();
        }
        assert!(limitador.reserve("user1", host(1)).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn places_that_are_held_count() {
        let limitador = Limitador::new().unwrap();
        let mut held = Vec::new();
        for n in 0..6 {
            held.extend(limitador.reserve("user1", host(n)).await.unwrap());
        }
        assert_eq!(held.len(), 4);
    }
}
