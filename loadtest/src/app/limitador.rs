//! What limitador, a rate limiter, makes of a login: three limits over a fixed window of five
//! minutes, counted in this process.
//!
//! [`Limitador::reserve`] holds a place until [`Limitador::settle`] counts a failure, or nothing for a
//! success. It does not forget the failures before a success, lock for longer than the window's rest,
//! or let somebody unlock one name: a limit's counters can only be deleted all together. The cache
//! that holds the counters drops some when it is full.
//!
//! Its Redis storage is measured without the app, in `peers/limitador`.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use ::limitador::limit::{Context, Expression, Limit, Namespace, Predicate};
use ::limitador::{RateLimiter, reservation::ReservationId};
use thiserror::Error;

/// The window of every limit, in seconds.
const WINDOW: u64 = 300;

/// Three tolerated failures, and the one after them.
const USERNAME_ATTEMPTS: u64 = 4;

/// Thirty tolerated failures, and the one after them.
const ADDRESS_ATTEMPTS: u64 = 31;

/// How many counters are kept: a million logins' worth.
const COUNTERS: u64 = 3_000_000;

/// Why limitador could not say: its own errors cannot go from one thread to another, so this is
/// their text.
#[derive(Debug, Error)]
pub enum LimitadorError {
    /// A limit's variable is not an expression.
    #[error("a limit cannot be read: {0}")]
    Limit(String),
    /// The counters could not be read or updated.
    #[error("limitador could not count: {0}")]
    Count(String),
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
    pub fn new() -> Result<Self, LimitadorError> {
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

    /// Holds a place for an attempt whose password may be looked at; none when it may not.
    ///
    /// # Errors
    ///
    /// When limitador cannot count.
    pub fn reserve(&self, username: &str, ip: IpAddr) -> Result<Option<Place>, LimitadorError> {
        let context = context(username, ip);
        let reserved = self
            .limiter
            .reserve(&self.namespace, &context, 1, None)
            .map_err(|error| LimitadorError::Count(error.to_string()))?;
        Ok(reserved.reservation_id.map(Place))
    }

    /// Gives the place back, and counts the attempt if it `failed`.
    ///
    /// # Errors
    ///
    /// When limitador cannot count.
    pub fn settle(
        &self,
        place: Place,
        username: &str,
        ip: IpAddr,
        failed: bool,
    ) -> Result<(), LimitadorError> {
        let context = context(username, ip);
        self.limiter
            .commit_reservation(&self.namespace, &context, Some(&place.0), u64::from(failed))
            .map(drop)
            .map_err(|error| LimitadorError::Count(error.to_string()))
    }
}

impl fmt::Debug for Limitador {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limitador").finish_non_exhaustive()
    }
}

const NAMESPACE: &str = "login";

fn limit(attempts: u64, variables: &[&str]) -> Result<Limit, LimitadorError> {
    let variables: Vec<Expression> = variables
        .iter()
        .map(|&variable| Expression::try_from(variable))
        .collect::<Result<_, _>>()
        .map_err(|error| LimitadorError::Limit(error.to_string()))?;
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

    #[test]
    fn a_place_is_counted_by_a_failure_alone() {
        let limitador = Limitador::new().unwrap();
        for _ in 0..10 {
            let place = limitador.reserve("user1", host(1)).unwrap().unwrap();
            limitador.settle(place, "user1", host(1), false).unwrap();
        }
        for _ in 0..4 {
            let place = limitador.reserve("user1", host(1)).unwrap().unwrap();
            limitador.settle(place, "user1", host(1), true).unwrap();
        }
        assert!(limitador.reserve("user1", host(1)).unwrap().is_none());
    }

    #[test]
    fn places_that_are_held_count() {
        let limitador = Limitador::new().unwrap();
        let mut held = Vec::new();
        for n in 0..6 {
            held.extend(limitador.reserve("user1", host(n)).unwrap());
        }
        assert_eq!(held.len(), 4);
    }
}
