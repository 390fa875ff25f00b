//! What governor, a rate limiter, makes of a login: three quotas, asked before the password.
//!
//! It counts every attempt that it lets through, right or wrong, so a user who logs in four times
//! at once is refused the fifth. It never locks: after 75 seconds there is room for one more guess.
//! A refusal by the second or third quota has already used up a place in the ones before it. It
//! counts in this process alone, and keeps a key until somebody calls [`Governor::tidy`].

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ::governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// The time in which a quota that was used up is full again.
const WINDOW: Duration = Duration::from_secs(300);

/// Three tolerated attempts, and the one after them.
const USERNAME_ATTEMPTS: NonZeroU32 = NonZeroU32::new(4).expect("it is not zero");

/// Thirty tolerated attempts, and the one after them.
const ADDRESS_ATTEMPTS: NonZeroU32 = NonZeroU32::new(31).expect("it is not zero");

/// A quota for each username, each address, and each pair of them.
pub struct Governor {
    usernames: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    pairs: DefaultKeyedRateLimiter<(String, IpAddr)>,
}

impl Governor {
    /// Counts nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            usernames: RateLimiter::keyed(quota(USERNAME_ATTEMPTS)),
            addresses: RateLimiter::keyed(quota(ADDRESS_ATTEMPTS)),
            pairs: RateLimiter::keyed(quota(USERNAME_ATTEMPTS)),
        }
    }

    /// Counts an attempt; whether its password may be looked at.
    #[must_use]
    pub fn admit(&self, username: &str, ip: IpAddr) -> bool {
        let username = username.to_owned();
        self.usernames.check_key(&username).is_ok()
            && self.addresses.check_key(&ip).is_ok()
            && self.pairs.check_key(&(username, ip)).is_ok()
    }
}

impl Default for Governor {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Governor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Governor").field("usernames", &self.usernames.len()).finish_non_exhaustive()
    }
}

/// `attempts` at once, and as many in each [`WINDOW`].
fn quota(attempts: NonZeroU32) -> Quota {
    Quota::with_period(WINDOW / attempts.get())
        .expect("the period is not zero")
        .allow_burst(attempts)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::Governor;

    #[test]
    fn a_fifth_attempt_at_a_name_is_refused() {
        let governor = Governor::new();
        let mut admitted = 0;
        for host in 0..6 {
            let ip = Ipv4Addr::new(192, 0, 2, host).into();
            admitted += u32::from(governor.admit("user1", ip));
        }
        assert_eq!(admitted, 4);
    }

    #[test]
    fn a_thirty_second_attempt_from_an_address_is_refused() {
        let governor = Governor::new();
        let mut admitted = 0;
        for n in 0..40 {
            let ip = Ipv4Addr::LOCALHOST.into();
            admitted += u32::from(governor.admit(&format!("user{n}"), ip));
        }
        assert_eq!(admitted, 31);
    }
}
