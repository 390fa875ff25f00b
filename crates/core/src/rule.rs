//! What one scope tolerates, and what happens when it is too much.

use std::time::Duration;

use thiserror::Error;

use crate::clock::millis;
use crate::cooloff::{Cooloff, CooloffList, EscalateBy};
use crate::scope::Scope;

/// What a success does to the failures of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum OnSuccess {
    /// Earlier failures are forgotten: right for what belongs to one person.
    Clear,
    /// Only this attempt's own charge comes back: right for what strangers share, such as an
    /// address. With `Clear` an attacker who owns an account resets his address at will.
    Refund,
    /// Nothing comes back: every attempt counts, right or wrong.
    Keep,
}

/// Whether failures outlive the lockout that they led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum AfterLockout {
    /// They still count until their cooloff: one more failure locks again.
    #[default]
    Count,
    /// Counting starts from zero.
    Forget,
}

/// One scope's limit and cooloffs. Made by a [`RuleBuilder`], so that it is always possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(crate) scope: Scope,
    pub(crate) failure_limit: u32,
    pub(crate) attempt_cooloff: Cooloff,
    pub(crate) lockout_cooloff: CooloffList,
    pub(crate) lockout_memory: Cooloff,
    pub(crate) escalate_by: EscalateBy,
    pub(crate) after_lockout: AfterLockout,
    pub(crate) on_success: OnSuccess,
    pub(crate) lockout_jitter: u64,
    pub(crate) prefix_v4: u8,
    pub(crate) prefix_v6: u8,
    pub(crate) marks_kept: usize,
}

impl Rule {
    /// The most entries of a lockout cooloff list.
    pub const MAX_COOLOFFS: usize = 64;
    /// The most marks that a subject's history may need under one rule.
    pub const MAX_MARKS: usize = 10_000;

    /// A builder with the defaults of `scope`:
    ///
    /// - limit 3; for an address 30, for a wider network 300, for all failures of a device 29;
    /// - cooloffs of 300 s, a memory of 24 h. Failures of a device's total are kept for 28 days, the
    ///   life of its cookie, and its lockout has no end: the cookie is revoked;
    /// - a success clears; for addresses, networks and a device's total it gives back its own charge;
    /// - addresses count by all bits of IPv4 and /64 of IPv6, wider networks by /24 and /48.
    pub fn builder(scope: Scope) -> RuleBuilder {
        let five_minutes = Cooloff::from_secs(300);
        let own = OnSuccess::Clear;
        let shared = OnSuccess::Refund;
        let (failure_limit, attempt_cooloff, lockout_cooloff, on_success) = match scope {
            Scope::Ip => (30, five_minutes, five_minutes, shared),
            Scope::Network => (300, five_minutes, five_minutes, shared),
            Scope::DeviceTotal => (29, Cooloff::from_secs(28 * 24 * 3600), Cooloff::NEVER, shared),
            _ => (3, five_minutes, five_minutes, own),
        };
        let (prefix_v4, prefix_v6) = if scope == Scope::Network { (24, 48) } else { (32, 64) };
        RuleBuilder(Self {
            scope,
            failure_limit,
            attempt_cooloff,
            lockout_cooloff: lockout_cooloff.into(),
            lockout_memory: Cooloff::from_secs(24 * 3600),
            escalate_by: EscalateBy::Lockouts,
            after_lockout: AfterLockout::Count,
            on_success,
            lockout_jitter: 0,
            prefix_v4,
            prefix_v6,
            marks_kept: 0,
        })
    }

    /// What this rule counts for.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// How many failures are tolerated; the next one locks.
    #[must_use]
    pub const fn failure_limit(&self) -> u32 {
        self.failure_limit
    }

    /// After how long without a further failure failures are forgotten.
    #[must_use]
    pub const fn attempt_cooloff(&self) -> Cooloff {
        self.attempt_cooloff
    }

    /// How long lockouts last.
    #[must_use]
    pub const fn lockout_cooloff(&self) -> &CooloffList {
        &self.lockout_cooloff
    }

    /// How long the history is remembered that makes lockouts longer.
    #[must_use]
    pub const fn lockout_memory(&self) -> Cooloff {
        self.lockout_memory
    }

    /// What the history counts.
    #[must_use]
    pub const fn escalate_by(&self) -> EscalateBy {
        self.escalate_by
    }

    /// Whether failures outlive a lockout.
    #[must_use]
    pub const fn after_lockout(&self) -> AfterLockout {
        self.after_lockout
    }

    /// What a success does to earlier failures.
    #[must_use]
    pub const fn on_success(&self) -> OnSuccess {
        self.on_success
    }

    /// The most that chance adds to a lockout, so that locked clients do not return all at once.
    #[must_use]
    pub const fn lockout_jitter(&self) -> Duration {
        Duration::from_millis(self.lockout_jitter)
    }

    /// How many bits of an IPv4 address are counted as one client.
    #[must_use]
    pub const fn prefix_v4(&self) -> u8 {
        self.prefix_v4
    }

    /// How many bits of an IPv6 address are counted as one client.
    #[must_use]
    pub const fn prefix_v6(&self) -> u8 {
        self.prefix_v6
    }

    /// How many marks of the past a record keeps under this rule.
    #[must_use]
    pub const fn marks_kept(&self) -> usize {
        self.marks_kept
    }

    /// A builder that starts from this rule.
    pub fn to_builder(&self) -> RuleBuilder {
        RuleBuilder(self.clone())
    }
}

/// Makes a [`Rule`].
///
/// ```
/// use std::time::Duration;
/// use lockout_core::{CooloffList, Rule, Scope};
///
/// let rule = Rule::builder(Scope::Username)
///     .failure_limit(5)
///     .attempt_cooloff(Duration::from_secs(600))
///     .lockout_cooloff(CooloffList::from_secs([60, 300, 0]))
///     .build()?;
/// assert_eq!(rule.failure_limit(), 5);
/// # Ok::<_, lockout_core::PolicyError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing until it is built"]
pub struct RuleBuilder(Rule);

impl RuleBuilder {
    /// Tolerates `failures`; the next one locks. Zero locks at the first failure.
    pub fn failure_limit(mut self, failures: u32) -> Self {
        self.0.failure_limit = failures;
        self
    }

    /// Sets both cooloffs: of attempts and of lockouts.
    pub fn cooloff(self, cooloff: impl Into<Cooloff>) -> Self {
        let cooloff = cooloff.into();
        self.attempt_cooloff(cooloff).lockout_cooloff(cooloff)
    }

    /// Forgets failures after this long without a further one; zero: never.
    pub fn attempt_cooloff(mut self, cooloff: impl Into<Cooloff>) -> Self {
        self.0.attempt_cooloff = cooloff.into();
        self
    }

    /// Sets how long lockouts last: one cooloff for all, or a list, first lockout first.
    pub fn lockout_cooloff(mut self, list: impl Into<CooloffList>) -> Self {
        self.0.lockout_cooloff = list.into();
        self
    }

    /// Remembers for this long what makes lockouts longer; zero: for ever.
    pub fn lockout_memory(mut self, memory: impl Into<Cooloff>) -> Self {
        self.0.lockout_memory = memory.into();
        self
    }

    /// Sets what makes lockouts longer.
    pub fn escalate_by(mut self, by: EscalateBy) -> Self {
        self.0.escalate_by = by;
        self
    }

    /// Sets whether failures outlive a lockout.
    pub fn after_lockout(mut self, after: AfterLockout) -> Self {
        self.0.after_lockout = after;
        self
    }

    /// Sets what a success does to earlier failures.
    pub fn on_success(mut self, on_success: OnSuccess) -> Self {
        self.0.on_success = on_success;
        self
    }

    /// Adds up to this much, by chance, to each lockout's end. A lockout without end stays so.
    pub fn lockout_jitter(mut self, at_most: Duration) -> Self {
        self.0.lockout_jitter = millis(at_most);
        self
    }

    /// Counts IPv4 addresses by networks of this many bits.
    pub fn prefix_v4(mut self, bits: u8) -> Self {
        self.0.prefix_v4 = bits;
        self
    }

    /// Counts IPv6 addresses by networks of this many bits.
    pub fn prefix_v6(mut self, bits: u8) -> Self {
        self.0.prefix_v6 = bits;
        self
    }

    /// How many failures are tolerated as it is set now.
    pub(crate) const fn limit(&self) -> u32 {
        self.0.failure_limit
    }

    /// The rule.
    ///
    /// # Errors
    /// If a value is impossible; the error names it and what is allowed.
    pub fn build(self) -> Result<Rule, PolicyError> {
        let mut rule = self.0;
        let impossible = |key: &str, allowed: String| PolicyError::Impossible {
            key: format!("{}.{key}", rule.scope),
            allowed,
        };
        if !(1..=32).contains(&rule.prefix_v4) {
            return Err(impossible("prefix_v4", "1 to 32 bits are allowed".into()));
        }
        if !(1..=128).contains(&rule.prefix_v6) {
            return Err(impossible("prefix_v6", "1 to 128 bits are allowed".into()));
        }
        let entries = rule.lockout_cooloff.entries();
        if entries.len() > Rule::MAX_COOLOFFS {
            let allowed = format!("at most {} entries are allowed", Rule::MAX_COOLOFFS);
            return Err(impossible("lockout_cooloff", allowed));
        }
        let marks = rule.escalate_by.marks_needed(entries.len(), rule.failure_limit);
        if marks > Rule::MAX_MARKS {
            return Err(impossible(
                "failure_limit",
                format!(
                    "escalating by failures or attempts keeps {marks} marks a subject, at most {} \
                     are allowed: lower the limit, shorten lockout_cooloff or escalate by lockouts",
                    Rule::MAX_MARKS
                ),
            ));
        }
        rule.marks_kept = marks;
        Ok(rule)
    }
}

/// What makes a policy impossible.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A value is out of its bounds.
    #[error("{key}: {allowed}")]
    Impossible {
        /// The key's path, as in a configuration file.
        key: String,
        /// What is allowed.
        allowed: String,
    },
    /// Two rules count for one scope.
    #[error("{0}: there are two rules for this scope, one is allowed")]
    TwoRules(Scope),
    /// No rule is left but those of trusted devices.
    #[error(
        "the policy has no rule and would never refuse a stranger: leave at least one scope in"
    )]
    NoRules,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_value_names_its_key_and_what_is_allowed() {
        let rule = Rule::builder(Scope::Ip);
        for (builder, message) in [
            (rule.clone().prefix_v4(0), "ip.prefix_v4: 1 to 32 bits are allowed"),
            (rule.clone().prefix_v4(33), "ip.prefix_v4: 1 to 32 bits are allowed"),
            (rule.clone().prefix_v6(0), "ip.prefix_v6: 1 to 128 bits are allowed"),
            (rule.clone().prefix_v6(129), "ip.prefix_v6: 1 to 128 bits are allowed"),
            (
                rule.clone().lockout_cooloff(CooloffList::from_secs(0..65)),
                "ip.lockout_cooloff: at most 64 entries are allowed",
            ),
        ] {
            assert_eq!(builder.build().unwrap_err().to_string(), message);
        }
        let marks = rule
            .failure_limit(u32::MAX)
            .escalate_by(EscalateBy::Failures)
            .lockout_cooloff(CooloffList::from_secs([1, 2]));
        assert!(marks.build().unwrap_err().to_string().starts_with("ip.failure_limit: "));
    }

    #[test]
    fn one_cooloff_sets_both_and_each_can_be_overridden() {
        let rule = Rule::builder(Scope::Username)
            .cooloff(Duration::from_secs(60))
            .lockout_cooloff(Duration::from_secs(90))
            .build()
            .unwrap();
        assert_eq!(rule.attempt_cooloff(), Cooloff::from_secs(60));
        assert_eq!(rule.lockout_cooloff().entries(), [Cooloff::from_secs(90)]);
    }
}
