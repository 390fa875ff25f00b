//! Any text as a policy: what is read can be written, and read again as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lockout_core::{Policy, TrustedProxies};

fuzz_target!(|text: &str| {
    let toml = toml::from_str::<Policy>(text).ok();
    for policy in toml.into_iter().chain(serde_json::from_str(text)) {
        let json = serde_json::to_string(&policy).expect("a policy can be written");
        assert_eq!(serde_json::from_str::<Policy>(&json).expect(&json), policy);
        let toml = toml::to_string(&policy).expect("a policy can be written");
        assert_eq!(toml::from_str::<Policy>(&toml).expect(&toml), policy);
    }
    let toml = toml::from_str::<TrustedProxies>(text).ok();
    for proxies in toml.into_iter().chain(serde_json::from_str(text)) {
        let json = serde_json::to_string(&proxies).expect("trusted proxies can be written");
        assert_eq!(serde_json::from_str::<TrustedProxies>(&json).expect(&json), proxies);
    }
});
