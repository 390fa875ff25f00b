//! The rules, and how they combine.

use std::net::IpAddr;
use std::time::Duration;

use crate::attempt::Attempt;
use crate::clock::millis;
use crate::cooloff::{Cooloff, EscalateBy};
use crate::device::{DeviceId, LockedDevice};
use crate::names::{Names, Username};
use crate::network::Network;
use crate::rule::{AfterLockout, OnSuccess, PolicyError, Rule, RuleBuilder};
use crate::scope::{Namespace, Scope};
use crate::store::Claim;
use crate::subject::{Subject, SubjectError};

/// When a locked subject refuses an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Combine {
    /// When any of its subjects is locked.
    #[default]
    Any,
    /// Only when the subject of every rule is: one user cannot lock out everybody behind his
    /// address. An attempt that lacks one of the subjects is never refused.
    All,
}

/// An attempt, and what of it is counted.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) attempt: &'a Attempt,
    /// The address, unless it is that of a proxy.
    pub(crate) ip: Option<IpAddr>,
    /// The device, if it is trusted.
    pub(crate) device: Option<DeviceId>,
}

/// The rules, one for each scope, and how they combine.
///
/// ```
/// use lockout_core::{Policy, Rule, Scope};
///
/// let policy = Policy::builder()
///     .rule(Rule::builder(Scope::Username).failure_limit(5))
///     .rule(Rule::builder(Scope::Ip).failure_limit(50))
///     .build()?;
/// assert_eq!(policy.rules().len(), 2);
/// # Ok::<_, lockout_core::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Those of devices first.
    rules: Vec<Rule>,
    device_rules: usize,
    combine: Combine,
    lease: u64,
    names: Names,
    namespace: Option<Namespace>,
    locked_device: LockedDevice,
    trusted_meets_ip: bool,
    success_spans_devices: bool,
}

impl Default for Policy {
    /// The safe defaults: [`Preset::Default`].
    fn default() -> Self {
        Self::preset(Preset::Default)
    }
}

impl Policy {
    /// How long an unsettled attempt on the last place counts as under way.
    pub const DEFAULT_LEASE: Duration = Duration::from_secs(30);

    /// A builder without rules.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder {
            rules: Vec::new(),
            combine: Combine::Any,
            lease: Self::DEFAULT_LEASE,
            names: Names::default(),
            namespace: None,
            locked_device: LockedDevice::default(),
            trusted_meets_ip: false,
            success_spans_devices: false,
        }
    }

    /// What django-defender 0.9.8 decides, its weaknesses included: [`Preset::DjangoDefender`].
    #[must_use]
    pub fn django_defender() -> Self {
        Self::preset(Preset::DjangoDefender)
    }

    /// What drf_bf_protect 0.0.2 decides for a username: [`Preset::DrfBfProtect`].
    #[must_use]
    pub fn drf_bf_protect() -> Self {
        Self::preset(Preset::DrfBfProtect)
    }

    /// What NIST SP 800-63B demands: [`Preset::Nist`].
    #[must_use]
    pub fn nist() -> Self {
        Self::preset(Preset::Nist)
    }

    /// The policy of this name.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "a test builds every preset")]
    pub fn preset(preset: Preset) -> Self {
        preset.builder(Combine::Any).build().expect("a preset is a possible policy")
    }

    /// The rules, in the order in which an attempt's subjects are charged.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule for `scope`, if there is one.
    #[must_use]
    pub fn rule(&self, scope: Scope) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.scope == scope)
    }

    /// When a locked subject refuses an attempt.
    #[must_use]
    pub const fn combine(&self) -> Combine {
        self.combine
    }

    /// How long an unsettled attempt on the last place counts as under way. After that it counts
    /// as failed, and its lockout as confirmed.
    #[must_use]
    pub const fn lease(&self) -> Duration {
        Duration::from_millis(self.lease)
    }

    pub(crate) const fn lease_cooloff(&self) -> Cooloff {
        Cooloff::from_millis(self.lease)
    }

    pub(crate) fn draws_jitter(&self) -> bool {
        self.rules.iter().any(|rule| rule.lockout_jitter > 0)
    }

    /// How typed names become the names that are counted.
    #[must_use]
    pub const fn names(&self) -> &Names {
        &self.names
    }

    /// The namespace in which everything is counted, if there is one.
    #[must_use]
    pub const fn namespace(&self) -> Option<Namespace> {
        self.namespace
    }

    /// What becomes of an attempt whose trusted device is over its own limit.
    #[must_use]
    pub const fn locked_device(&self) -> LockedDevice {
        self.locked_device
    }

    /// Whether an attempt of a trusted device counts for its address too, and is refused where that is
    /// locked.
    #[must_use]
    pub const fn trusted_meets_ip(&self) -> bool {
        self.trusted_meets_ip
    }

    /// Whether a success forgets the failures of its name and of all of that name's devices.
    #[must_use]
    pub const fn success_spans_devices(&self) -> bool {
        self.success_spans_devices
    }

    /// How many rules count an attempt that comes from no trusted device.
    pub(crate) const fn rules_of_strangers(&self) -> usize {
        self.rules.len() - self.device_rules
    }

    /// The subject that a person means by `text`, such as `username: Alice`: its names are what they
    /// would be in an attempt, in the policy's namespace unless the text has another one, and an
    /// address means what is counted for it.
    ///
    /// # Errors
    /// If the text is no subject, or if its scope is neither built in nor one that a rule counts.
    pub fn subject(&self, text: &str) -> Result<Subject, SubjectError> {
        let subject = Subject::read(text.trim(), |name| self.names.username(name))?;
        let namespace = subject.namespace().or(self.namespace);
        let subject = match (self.rule(subject.scope()), subject.scope()) {
            (Some(rule), _) => subject.widened(rule),
            (None, scope @ Scope::Custom(_)) => return Err(SubjectError::NoRule(scope)),
            (None, _) => subject,
        };
        Ok(subject.within(namespace))
    }

    /// The username of `attempt` as it is counted.
    pub(crate) fn username_of(&self, attempt: &Attempt) -> Option<Username> {
        self.names.name_of(attempt.typed_username()?)
    }

    /// The subjects of `attempt` that a rule counts, each with its rule: of one that comes from a
    /// trusted device that device, of any other one its name, its address and so on.
    #[must_use]
    pub fn claims(&self, attempt: &Attempt) -> Vec<Claim> {
        let username = self.username_of(attempt);
        let asking = Asking { ip: attempt.counted_ip(), device: attempt.device(), attempt };
        self.claims_of_asking(&asking, username.as_ref())
    }

    /// The claims of an attempt of which it is known what is counted.
    pub(crate) fn claims_of_asking(
        &self,
        asking: &Asking<'_>,
        username: Option<&Username>,
    ) -> Vec<Claim> {
        let is_trusted = asking.device.is_some() && self.device_rules > 0;
        let mut claims = Vec::with_capacity(self.rules.len());
        for (index, rule) in self.rules.iter().enumerate() {
            let counts = match (is_trusted, rule.scope.is_device()) {
                (true, is_device) => is_device || (self.trusted_meets_ip && rule.scope.is_shared()),
                (false, is_device) => !is_device,
            };
            if counts && let Some(subject) = self.subject_of(rule, asking, username) {
                let subject = match self.namespace {
                    None => subject,
                    namespace => subject.within(namespace),
                };
                claims.push(Claim::new(subject, index));
            }
        }
        claims
    }

    /// What `rule` counts of an attempt; `None` if the attempt lacks it.
    fn subject_of(
        &self,
        rule: &Rule,
        asking: &Asking<'_>,
        username: Option<&Username>,
    ) -> Option<Subject> {
        let network = |ip| Network::within(ip, rule.prefix_v4, rule.prefix_v6);
        Some(match rule.scope {
            Scope::Username => username?.clone().into(),
            Scope::Ip => network(asking.ip?).into(),
            Scope::Network => Subject::network(network(asking.ip?)),
            // A pair with a proxy's address is still one name's.
            Scope::UsernameIp => {
                Subject::username_ip(username?.clone(), network(asking.attempt.counted_ip()?))
            }
            Scope::Device => Subject::device(asking.device?, false),
            Scope::DeviceTotal => Subject::device(asking.device?, true),
            Scope::Custom(scope) => {
                let typed = asking.attempt.typed_custom(scope)?;
                Subject::custom(scope, self.names.name_of(typed)?)
            }
        })
    }

    /// The claims of subjects that another policy made, in their order, each under this policy's
    /// rule for its scope; those of a scope without a rule are left out. No subject may come twice.
    #[must_use]
    pub fn claims_of<'a>(&self, subjects: impl IntoIterator<Item = &'a Subject>) -> Vec<Claim> {
        let claim = |subject: &Subject| {
            let index = self.rules.iter().position(|rule| rule.scope == subject.scope())?;
            Some(Claim::new(subject.clone(), index))
        };
        subjects.into_iter().filter_map(claim).collect()
    }
}

/// A policy with a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Preset {
    /// Safe defaults.
    ///
    /// - username: 3 failures are tolerated, a success clears them (OWASP Authentication Cheat
    ///   Sheet: count for the account, not for the address);
    /// - address: 30 failures, since many people share one; a success gives back its own charge
    ///   only, so that an attacker's own account does not reset his address;
    /// - failures are forgotten after 300 s without another, a lockout lasts 300 s;
    /// - lockouts are remembered for 24 h;
    /// - a trusted device: 3 failures as well, and 30 over its whole life revoke it.
    #[default]
    Default,
    /// django-defender 0.9.8 with its own defaults.
    ///
    /// - username and address: 3 failures each, 300 s, 300 s, 24 h. Weak: three typing errors
    ///   behind one address lock out everybody there;
    /// - IPv6 addresses count one by one. Weak: a customer usually has 2^64 of them;
    /// - a success clears both. Weak: an attacker with an account of his own clears his address at
    ///   will (under [`Combine::All`] it clears the username alone);
    /// - failures outlive the lockout: one more locks again;
    /// - a list escalates by *attempts*, successes too, as 0.9.8 does, not by failures as its
    ///   documentation says. Weak: an active user's first lockout is already a long one.
    ///
    /// Its guesses above the limit under parallel requests are not imitated.
    DjangoDefender,
    /// drf_bf_protect 0.0.2 with its own defaults; its devices are `StoredDevices`.
    ///
    /// - username: 5 failures, each within 300 s of the one before;
    /// - a lockout lasts 600 s, and failures are forgotten when it falls;
    /// - a trusted device: 5 failures, each within 300 s of the one before, and it is one no more. The
    ///   original locks the name for everybody then, as [`LockedDevice::LocksName`] does;
    /// - a success, from a trusted device or not, forgets all failures of its name. Weak: each login of
    ///   the user grants whoever guesses his name another five;
    /// - a success clears. Weak: addresses are not counted, so spraying many names is free.
    DrfBfProtect,
    /// NIST SP 800-63B, section 5.2.2 (rate limiting): no more than 100 consecutive failures on
    /// one account.
    ///
    /// - username: 99 failures are tolerated, the hundredth locks until an operator unlocks;
    /// - failures are never forgotten but by a success: "consecutive" has no time limit;
    /// - address and trusted device as in [`Preset::Default`]: 30 failures, 300 s, so that one client cannot use up
    ///   an account's hundred alone and at once. Weak: a hundred addresses can.
    Nist,
}

impl Preset {
    /// A builder with this preset's rules, as they are under `combine`.
    pub fn builder(self, combine: Combine) -> PolicyBuilder {
        let username = Rule::builder(Scope::Username);
        let ip = Rule::builder(Scope::Ip);
        let builder = Policy::builder().combine(combine);
        let device = Rule::builder(Scope::Device);
        let (builder, rules) = match self {
            Self::Default => (builder.devices(device), vec![username, ip]),
            Self::DjangoDefender => {
                let ip_on_success = match combine {
                    Combine::Any => OnSuccess::Clear,
                    Combine::All => OnSuccess::Refund,
                };
                let rules = vec![
                    username.escalate_by(EscalateBy::Attempts),
                    ip.failure_limit(3)
                        .prefix_v6(128)
                        .escalate_by(EscalateBy::Attempts)
                        .on_success(ip_on_success),
                ];
                (builder, rules)
            }
            Self::DrfBfProtect => {
                let username = username
                    .failure_limit(5)
                    .lockout_cooloff(Cooloff::from_secs(600))
                    .after_lockout(AfterLockout::Forget);
                let device = device.failure_limit(5).lockout_cooloff(Cooloff::from_secs(600));
                (builder.success_spans_devices(true), vec![device, username])
            }
            Self::Nist => {
                let username = username.failure_limit(99).cooloff(Cooloff::NEVER);
                (builder.devices(device), vec![username, ip])
            }
        };
        rules.into_iter().fold(builder, PolicyBuilder::rule)
    }
}

/// Makes a [`Policy`].
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing until it is built"]
pub struct PolicyBuilder {
    rules: Vec<RuleBuilder>,
    combine: Combine,
    lease: Duration,
    names: Names,
    namespace: Option<Namespace>,
    locked_device: LockedDevice,
    trusted_meets_ip: bool,
    success_spans_devices: bool,
}

impl PolicyBuilder {
    /// Adds a rule. Its subject is charged after those of the rules before it, but those of devices
    /// come first.
    pub fn rule(mut self, rule: RuleBuilder) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds the rule for trusted devices, and the one that revokes a device for good at ten times as
    /// many failures over its cookie's whole life, however slowly they come: 28 days, so for cookies
    /// that live longer give that rule their lifetime as its attempt cooloff.
    ///
    /// `rule` is one for [`Scope::Device`]. To revoke at another number, or never, add its rules by
    /// [`rule`](Self::rule) instead.
    pub fn devices(self, rule: RuleBuilder) -> Self {
        let limit = rule.limit().saturating_mul(Self::REVOKED_AT).saturating_sub(1);
        self.rule(rule).rule(Rule::builder(Scope::DeviceTotal).failure_limit(limit))
    }

    /// At how many times its failure limit a device is revoked.
    const REVOKED_AT: u32 = 10;

    /// Sets how typed names become the names that are counted. Every guard that shares a store must
    /// have the same. Default: [`Names::Precis`].
    pub fn names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// Counts everything apart from what is counted without this namespace, or in another one, in the
    /// same store: a guard for each action, such as the login, one-time codes and resets of passwords.
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// Sets what becomes of an attempt whose trusted device is over its own limit.
    pub fn locked_device(mut self, locked_device: LockedDevice) -> Self {
        self.locked_device = locked_device;
        self
    }

    /// Whether an attempt of a trusted device counts for its address too, and is refused where that is
    /// locked. Default: no, so that nobody behind an address can lock a user out who has logged in
    /// before.
    pub fn trusted_meets_ip(mut self, meets: bool) -> Self {
        self.trusted_meets_ip = meets;
        self
    }

    /// Whether a success, from a trusted device or not, forgets the failures of its name and of every
    /// device of that name that is kept somewhere, locks excepted, as drf_bf_protect does. Weak: each
    /// login of the user grants whoever guesses his name another `failure_limit`. Default: no.
    pub fn success_spans_devices(mut self, spans: bool) -> Self {
        self.success_spans_devices = spans;
        self
    }

    /// Sets when a locked subject refuses an attempt that comes from no trusted device.
    pub fn combine(mut self, combine: Combine) -> Self {
        self.combine = combine;
        self
    }

    /// Sets how long an unsettled attempt on the last place counts as under way: longer than the
    /// slowest password check. Default 30 s, at least 1 ms, at most a day.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// The policy.
    ///
    /// # Errors
    /// If there is no rule, two for one scope, or an impossible value; the error names it.
    pub fn build(self) -> Result<Policy, PolicyError> {
        let lease = millis(self.lease);
        if !(1..=24 * 3600 * 1000).contains(&lease) {
            return Err(PolicyError::Impossible {
                key: "lease".into(),
                allowed: "1 ms to 24 h are allowed".into(),
            });
        }
        let rules =
            self.rules.into_iter().map(RuleBuilder::build).collect::<Result<Vec<_>, _>>()?;
        if rules.iter().all(|rule| rule.scope.is_device()) {
            return Err(PolicyError::NoRules);
        }
        for (index, rule) in rules.iter().enumerate() {
            if rules[..index].iter().any(|earlier| earlier.scope == rule.scope) {
                return Err(PolicyError::TwoRules(rule.scope));
            }
        }
        let (mut of_devices, others): (Vec<_>, Vec<_>) =
            rules.into_iter().partition(|rule| rule.scope.is_device());
        let device_rules = of_devices.len();
        of_devices.extend(others);
        Ok(Policy {
            rules: of_devices,
            device_rules,
            combine: self.combine,
            lease,
            names: self.names,
            namespace: self.namespace,
            locked_device: self.locked_device,
            trusted_meets_ip: self.trusted_meets_ip,
            success_spans_devices: self.success_spans_devices,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_possible() {
        for preset in [Preset::Default, Preset::DjangoDefender, Preset::DrfBfProtect, Preset::Nist]
        {
            for combine in [Combine::Any, Combine::All] {
                preset.builder(combine).build().unwrap();
            }
        }
    }

    #[test]
    fn the_presets_are_what_their_documentation_says() {
        let seconds = |rule: &Rule| {
            let lockout = rule.lockout_cooloff().at(0).as_millis() / 1000;
            (rule.failure_limit(), rule.attempt_cooloff().as_millis() / 1000, lockout)
        };
        let rule = |policy: &Policy, scope| policy.rule(scope).cloned().unwrap();

        let policy = Policy::default();
        let (username, ip) = (rule(&policy, Scope::Username), rule(&policy, Scope::Ip));
        assert_eq!(seconds(&username), (3, 300, 300));
        assert_eq!(seconds(&ip), (30, 300, 300));
        assert_eq!(username.on_success(), OnSuccess::Clear);
        assert_eq!((ip.on_success(), ip.prefix_v6()), (OnSuccess::Refund, 64));
        assert_eq!(username.lockout_memory(), Cooloff::from_secs(24 * 3600));
        assert_eq!(username.escalate_by(), EscalateBy::Lockouts);
        assert_eq!((username.lockout_jitter(), username.marks_kept()), (Duration::ZERO, 0));
        assert_eq!((policy.combine(), policy.lease()), (Combine::Any, Duration::from_secs(30)));

        let policy = Policy::django_defender();
        for scope in [Scope::Username, Scope::Ip] {
            let rule = rule(&policy, scope);
            assert_eq!(seconds(&rule), (3, 300, 300));
            assert_eq!(rule.on_success(), OnSuccess::Clear);
            assert_eq!(rule.escalate_by(), EscalateBy::Attempts);
            assert_eq!(rule.after_lockout(), AfterLockout::Count);
        }
        assert_eq!(rule(&policy, Scope::Ip).prefix_v6(), 128);

        let policy = Policy::drf_bf_protect();
        assert_eq!(seconds(&rule(&policy, Scope::Device)), (5, 300, 600));
        assert!(policy.rule(Scope::Ip).is_none() && policy.rule(Scope::DeviceTotal).is_none());
        assert_eq!(seconds(&rule(&policy, Scope::Username)), (5, 300, 600));
        assert_eq!(rule(&policy, Scope::Username).after_lockout(), AfterLockout::Forget);

        let policy = Policy::nist();
        assert_eq!(seconds(&rule(&policy, Scope::Username)), (99, 0, 0));
        assert_eq!(seconds(&rule(&policy, Scope::Ip)), (30, 300, 300));
    }

    #[test]
    fn a_policy_needs_one_rule_a_scope() {
        assert_eq!(Policy::builder().build(), Err(PolicyError::NoRules));
        let twice = Policy::builder()
            .rule(Rule::builder(Scope::Ip))
            .rule(Rule::builder(Scope::Ip).failure_limit(9));
        assert_eq!(twice.build(), Err(PolicyError::TwoRules(Scope::Ip)));
        let endless = Preset::Default.builder(Combine::Any).lease(Duration::MAX);
        assert_eq!(endless.build().unwrap_err().to_string(), "lease: 1 ms to 24 h are allowed");
    }

    #[test]
    fn an_attempt_has_the_subjects_that_it_names() {
        let policy = Policy::builder()
            .rule(Rule::builder(Scope::Username))
            .rule(Rule::builder(Scope::Ip))
            .rule(Rule::builder(Scope::UsernameIp))
            .build()
            .unwrap();
        let subjects = |attempt| {
            let claims = policy.claims(&attempt);
            claims.iter().map(|claim| claim.subject().to_string()).collect::<Vec<_>>()
        };
        let ip = Attempt::new().ip([192, 0, 2, 1]);
        assert_eq!(subjects(ip.clone()), ["ip:192.0.2.1"]);
        assert_eq!(subjects(ip.clone().username(" ")), ["ip:192.0.2.1"]);
        assert_eq!(subjects(Attempt::new().username("Bob")), ["username:bob"]);
        let both = subjects(ip.username("Bob"));
        assert_eq!(both, ["username:bob", "ip:192.0.2.1", "username_ip:192.0.2.1|bob"]);
    }

    #[test]
    fn subjects_of_another_policy_are_claimed_by_the_rules_for_their_scopes() {
        let policy = Policy::builder().rule(Rule::builder(Scope::Ip)).build().unwrap();
        let attempt = Attempt::new().username("bob").ip([192, 0, 2, 1]);
        let others = Policy::default().claims(&attempt);
        let claims = policy.claims_of(others.iter().map(Claim::subject));
        assert_eq!(claims, policy.claims(&attempt));
        assert_eq!(Policy::default().claims_of(others.iter().map(Claim::subject)), others);
    }
}
