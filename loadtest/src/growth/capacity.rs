//! How much of everything a number of logins in a second needs, on paper: `docs/capacity.md`.

use serde::{Deserialize, Serialize};

/// What was measured of one kind of login.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Cost {
    /// Microseconds of a core that all servers together take for a login.
    pub server_us: f64,
    /// Microseconds of a core that the application takes for a login, without the password.
    pub client_us: f64,
    /// Bytes between application and servers, both ways.
    pub network_bytes: f64,
    /// How many passwords are looked at: one, or none where a login is refused.
    pub passwords: f64,
}

/// What is assumed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Assumed {
    /// Logins in a second.
    pub logins: f64,
    /// To what part cores are used, 0 to 1.
    pub used: f64,
    /// How many subjects nobody has counted lately a login brings.
    pub new_subjects: f64,
    /// For how many seconds a subject's record is kept after its last failure.
    pub kept: f64,
    /// Bytes of memory or disk for each of them.
    pub bytes_per_subject: f64,
    /// Milliseconds of a core for a password.
    pub password_ms: f64,
}

/// What is needed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Needed {
    /// Cores of servers; of Redis each is a master.
    pub server_cores: f64,
    /// Subjects that there are at once.
    pub subjects: f64,
    /// Gigabytes (10^9) for them.
    pub gigabytes: f64,
    /// Gigabits in a second between applications and servers, without the headers of packets.
    pub gigabits: f64,
    /// Cores of applications for the lockout.
    pub client_cores: f64,
    /// Cores of applications for passwords.
    pub password_cores: f64,
}

/// What `assumed.logins` logins of that cost need in each second.
#[must_use]
pub fn needed(cost: Cost, assumed: Assumed) -> Needed {
    let cores = |us: f64| assumed.logins * us / 1e6 / assumed.used;
    let subjects = assumed.logins * assumed.new_subjects * assumed.kept;
    Needed {
        server_cores: cores(cost.server_us),
        subjects,
        gigabytes: subjects * assumed.bytes_per_subject / 1e9,
        gigabits: assumed.logins * cost.network_bytes * 8.0 / 1e9,
        client_cores: cores(cost.client_us),
        password_cores: cores(cost.passwords * assumed.password_ms * 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_logins_are_counted() {
        let cost = Cost { server_us: 25.0, client_us: 10.0, network_bytes: 500.0, passwords: 1.0 };
        let assumed = Assumed {
            logins: 1e6,
            used: 0.5,
            new_subjects: 2.0,
            kept: 400.0,
            bytes_per_subject: 170.0,
            password_ms: 27.0,
        };
        let needed = needed(cost, assumed);
        let are = |figure: f64, expected: f64| (figure / expected - 1.0).abs() < 1e-9;
        assert!(are(needed.server_cores, 50.0) && are(needed.client_cores, 20.0), "{needed:?}");
        assert!(are(needed.subjects, 8e8) && are(needed.gigabytes, 136.0), "{needed:?}");
        assert!(are(needed.gigabits, 4.0) && are(needed.password_cores, 54_000.0), "{needed:?}");
    }
}
