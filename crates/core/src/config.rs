//! A policy as configuration: TOML, JSON, environment, whatever serde reads.
//!
//! Periods are whole or broken seconds, or texts such as `"5m"` and `"1h 30m"`. Every error names
//! the key's path.

mod period;

use std::collections::BTreeMap;
use std::fmt;
use std::mem::take;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use self::period::{Period, Periods};
use crate::cooloff::{Cooloff, CooloffList, EscalateBy};
use crate::device::LockedDevice;
use crate::names::Names;
use crate::policy::{Combine, Policy, Preset};
use crate::rule::{AfterLockout, OnSuccess, Rule, RuleBuilder};
use crate::scope::{CustomScope, Namespace, Scope};

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyForm {
    #[serde(default, skip_serializing)]
    preset: Preset,
    #[serde(default)]
    combine: Combine,
    #[serde(default)]
    lease: Option<Period>,
    #[serde(default)]
    names: Names,
    #[serde(default)]
    namespace: Option<Namespace>,
    #[serde(default)]
    locked_device: LockedDevice,
    #[serde(default)]
    trusted_meets_ip: bool,
    #[serde(default)]
    success_spans_devices: Option<bool>,
    #[serde(default)]
    device: Section,
    #[serde(default)]
    device_total: Section,
    #[serde(default)]
    username: Section,
    #[serde(default)]
    ip: Section,
    #[serde(default)]
    network: Section,
    #[serde(default)]
    username_ip: Section,
    #[serde(default)]
    custom: BTreeMap<CustomScope, Section>,
}

impl PolicyForm {
    fn policy(mut self) -> Result<Policy, crate::rule::PolicyError> {
        let mut builder = Policy::builder()
            .combine(self.combine)
            .names(take(&mut self.names))
            .locked_device(self.locked_device)
            .trusted_meets_ip(self.trusted_meets_ip);
        if let Some(namespace) = self.namespace {
            builder = builder.namespace(namespace);
        }
        if let Some(lease) = self.lease {
            builder = builder.lease(Duration::from_millis(lease.0));
        }
        let preset = self.preset.builder(self.combine).build()?;
        let spans = self.success_spans_devices.unwrap_or(preset.success_spans_devices());
        builder = builder.success_spans_devices(spans);
        for (scope, section) in self.sections().into_iter().chain(self.custom_sections()) {
            let base = preset.rule(scope).map(Rule::to_builder);
            builder = match section {
                Section::Absent => base.into_iter().fold(builder, |b, rule| b.rule(rule)),
                Section::Out => builder,
                Section::Rule(form) => {
                    builder.rule(form.over(base.unwrap_or_else(|| Rule::builder(scope))))
                }
            };
        }
        builder.build()
    }

    fn custom_sections(&mut self) -> impl Iterator<Item = (Scope, Section)> + use<> {
        take(&mut self.custom).into_iter().map(|(scope, section)| (Scope::Custom(scope), section))
    }

    fn sections(&mut self) -> [(Scope, Section); 6] {
        [
            (Scope::Device, take(&mut self.device)),
            (Scope::DeviceTotal, take(&mut self.device_total)),
            (Scope::Username, take(&mut self.username)),
            (Scope::Ip, take(&mut self.ip)),
            (Scope::Network, take(&mut self.network)),
            (Scope::UsernameIp, take(&mut self.username_ip)),
        ]
    }
}

impl From<&Policy> for PolicyForm {
    fn from(policy: &Policy) -> Self {
        let section = |scope| {
            policy.rule(scope).map_or(Section::Out, |rule| Section::Rule(Box::new(rule.into())))
        };
        let custom = policy.rules().iter().filter_map(|rule| match rule.scope {
            Scope::Custom(scope) => Some((scope, Section::Rule(Box::new(rule.into())))),
            _ => None,
        });
        Self {
            preset: Preset::Default,
            combine: policy.combine(),
            lease: Some(Period(policy.lease_cooloff().as_millis())),
            names: policy.names().clone(),
            namespace: policy.namespace(),
            locked_device: policy.locked_device(),
            trusted_meets_ip: policy.trusted_meets_ip(),
            success_spans_devices: Some(policy.success_spans_devices()),
            device: section(Scope::Device),
            device_total: section(Scope::DeviceTotal),
            username: section(Scope::Username),
            ip: section(Scope::Ip),
            network: section(Scope::Network),
            username_ip: section(Scope::UsernameIp),
            custom: custom.collect(),
        }
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form: PolicyForm = serde_path_to_error::deserialize(deserializer).map_err(|error| {
            let path = error.path().to_string();
            let message = error.into_inner();
            if path == "." { message } else { de::Error::custom(format_args!("{path}: {message}")) }
        })?;
        form.policy().map_err(de::Error::custom)
    }
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PolicyForm::from(self).serialize(serializer)
    }
}

/// A rule's table; `false` leaves the rule out.
#[derive(Default)]
enum Section {
    #[default]
    Absent,
    Out,
    Rule(Box<RuleForm>),
}

impl<'de> Deserialize<'de> for Section {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SectionVisitor;

        impl<'de> Visitor<'de> for SectionVisitor {
            type Value = Section;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of the rule's keys, or false to leave the rule out")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Section, E> {
                if value {
                    return Err(E::invalid_value(de::Unexpected::Bool(true), &self));
                }
                Ok(Section::Out)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Section, A::Error> {
                RuleForm::deserialize(MapAccessDeserializer::new(map))
                    .map(Box::new)
                    .map(Section::Rule)
            }
        }

        deserializer.deserialize_any(SectionVisitor)
    }
}

impl Serialize for Section {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent | Self::Out => serializer.serialize_bool(false),
            Self::Rule(form) => form.serialize(serializer),
        }
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleForm {
    #[serde(default)]
    failure_limit: Option<u32>,
    #[serde(default, skip_serializing)]
    cooloff: Option<Period>,
    #[serde(default)]
    attempt_cooloff: Option<Period>,
    #[serde(default)]
    lockout_cooloff: Option<Periods>,
    #[serde(default)]
    lockout_memory: Option<Period>,
    #[serde(default)]
    lockout_jitter: Option<Period>,
    #[serde(default)]
    escalate_by: Option<EscalateBy>,
    #[serde(default)]
    after_lockout: Option<AfterLockout>,
    #[serde(default)]
    on_success: Option<OnSuccess>,
    #[serde(default)]
    prefix_v4: Option<u8>,
    #[serde(default)]
    prefix_v6: Option<u8>,
}

impl RuleForm {
    fn over(self, base: RuleBuilder) -> RuleBuilder {
        let cooloff = |Period(millis)| Cooloff::from_millis(millis);
        let mut rule = base;
        if let Some(failures) = self.failure_limit {
            rule = rule.failure_limit(failures);
        }
        if let Some(period) = self.cooloff {
            rule = rule.cooloff(cooloff(period));
        }
        if let Some(period) = self.attempt_cooloff {
            rule = rule.attempt_cooloff(cooloff(period));
        }
        if let Some(Periods(list)) = self.lockout_cooloff {
            rule = rule.lockout_cooloff(CooloffList::new(list.into_iter().map(cooloff)));
        }
        if let Some(period) = self.lockout_memory {
            rule = rule.lockout_memory(cooloff(period));
        }
        if let Some(Period(millis)) = self.lockout_jitter {
            rule = rule.lockout_jitter(Duration::from_millis(millis));
        }
        if let Some(by) = self.escalate_by {
            rule = rule.escalate_by(by);
        }
        if let Some(after) = self.after_lockout {
            rule = rule.after_lockout(after);
        }
        if let Some(on_success) = self.on_success {
            rule = rule.on_success(on_success);
        }
        if let Some(bits) = self.prefix_v4 {
            rule = rule.prefix_v4(bits);
        }
        if let Some(bits) = self.prefix_v6 {
            rule = rule.prefix_v6(bits);
        }
        rule
    }
}

impl From<&Rule> for RuleForm {
    fn from(rule: &Rule) -> Self {
        let period = |cooloff: Cooloff| Period(cooloff.as_millis());
        Self {
            failure_limit: Some(rule.failure_limit),
            cooloff: None,
            attempt_cooloff: Some(period(rule.attempt_cooloff)),
            lockout_cooloff: Some(Periods(
                rule.lockout_cooloff.entries().iter().copied().map(period).collect(),
            )),
            lockout_memory: Some(period(rule.lockout_memory)),
            lockout_jitter: Some(Period(rule.lockout_jitter)),
            escalate_by: Some(rule.escalate_by),
            after_lockout: Some(rule.after_lockout),
            on_success: Some(rule.on_success),
            prefix_v4: Some(rule.prefix_v4),
            prefix_v6: Some(rule.prefix_v6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(toml: &str) -> Result<Policy, String> {
        toml::from_str(toml).map_err(|error: toml::de::Error| error.message().to_string())
    }

    #[test]
    fn nothing_said_is_the_default() {
        assert_eq!(policy(""), Ok(Policy::default()));
    }

    #[test]
    fn a_preset_is_overridden_key_by_key() {
        let text = r#"
            preset = "django_defender"
            ip = false
            [username]
            failure_limit = 5
            lockout_cooloff = ["1m", 300, 0]
            [username_ip]
            cooloff = "2m"
            lockout_cooloff = 0.5
        "#;
        let policy = policy(text).unwrap();
        assert_eq!(policy.rule(Scope::Ip), None);
        let username = policy.rule(Scope::Username).unwrap();
        assert_eq!(username.failure_limit(), 5);
        assert_eq!(username.escalate_by(), EscalateBy::Attempts);
        assert_eq!(*username.lockout_cooloff(), CooloffList::from_secs([60, 300, 0]));
        let pair = policy.rule(Scope::UsernameIp).unwrap();
        assert_eq!(pair.attempt_cooloff(), Cooloff::from_secs(120));
        assert_eq!(pair.lockout_cooloff().at(0), Cooloff::from_millis(500));
    }

    #[test]
    fn a_preset_says_whether_a_success_spans_devices_unless_the_key_does() {
        let spans = |text| policy(text).unwrap().success_spans_devices();
        assert!(!spans(""));
        assert!(spans("preset = 'drf_bf_protect'"));
        assert!(!spans("preset = 'drf_bf_protect'\nsuccess_spans_devices = false"));
    }

    #[test]
    fn under_all_a_success_at_defender_leaves_the_address() {
        let on_success = |text| policy(text).unwrap().rule(Scope::Ip).unwrap().on_success();
        assert_eq!(on_success("preset = 'django_defender'"), OnSuccess::Clear);
        assert_eq!(on_success("preset = 'django_defender'\ncombine = 'all'"), OnSuccess::Refund);
    }

    #[test]
    fn an_error_names_the_path_and_what_is_allowed() {
        for (text, parts) in [
            ("usernme = false", &["unknown field `usernme`", "`username`"][..]),
            ("[ip]\nfailure_limt = 3", &["ip", "unknown field `failure_limt`"]),
            ("[ip]\nfailure_limit = -3", &["ip.failure_limit: ", "-3"]),
            ("[ip]\nfailure_limit = 'many'", &["ip.failure_limit: ", "many"]),
            (
                "[username]\nlockout_cooloff = [60, 'soon']",
                &["username.lockout_cooloff[1]: ", "soon", "5m"],
            ),
            ("[username]\nlockout_cooloff = true", &["username.lockout_cooloff: ", "or a list"]),
            ("[username]\nattempt_cooloff = -1", &["username.attempt_cooloff: ", "seconds"]),
            ("[username]\nattempt_cooloff = nan", &["username.attempt_cooloff: ", "seconds"]),
            ("[username]\nattempt_cooloff = 9223372036854775807", &["username.attempt_cooloff: "]),
            ("[username]\non_success = 'forgive'", &["username.on_success: ", "`clear`"]),
            ("[ip]\nprefix_v6 = 0", &["ip.prefix_v6: 1 to 128 bits"]),
            ("ip = true", &["ip: ", "false to leave the rule out"]),
            ("username = false\nip = false", &["no rule"]),
            ("combine = 'some'", &["combine: ", "`any` or `all`"]),
            ("preset = 'axes'", &["preset: ", "`nist`"]),
            ("lease = '2d'", &["lease: 1 ms to 24 h"]),
        ] {
            let error = policy(text).unwrap_err();
            for part in parts {
                assert!(error.contains(part), "{text:?} gave {error:?}, which lacks {part:?}");
            }
        }
    }

    #[test]
    fn a_policy_survives_being_written_and_read() {
        for preset in [Preset::Default, Preset::DjangoDefender, Preset::DrfBfProtect, Preset::Nist]
        {
            for combine in [Combine::Any, Combine::All] {
                let mut builder = preset.builder(combine).lease(Duration::from_millis(1500));
                let pair = Rule::builder(Scope::UsernameIp)
                    .lockout_cooloff(CooloffList::from_secs([1, 60, 0]))
                    .lockout_jitter(Duration::from_millis(2500))
                    .prefix_v6(56);
                builder = builder.rule(pair);
                let policy = builder.build().unwrap();
                let text = serde_json::to_string(&policy).unwrap();
                assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy, "{text}");
            }
        }
    }
}
