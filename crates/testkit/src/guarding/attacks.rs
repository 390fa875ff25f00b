//! Attacks, each with the defence that stands against it. `docs/attacks.md` lists them.

use std::net::IpAddr;

use lockout_core::{
    Access, AccessLists, Attempt, Decision, Event, Network, Policy, PolicyBuilder, Refusal, Rule,
    RuleBuilder, Scope, TrustedProxies,
};

use super::site::{Answer, Browser, LIMIT, Site, names_and_devices};
use crate::conformance::Examined;

const IP_LIMIT: u32 = 5;

fn ip() -> RuleBuilder {
    Rule::builder(Scope::Ip).failure_limit(IP_LIMIT)
}

fn only(rule: RuleBuilder) -> PolicyBuilder {
    Policy::builder().rule(rule)
}

fn at(ip: IpAddr) -> Browser {
    Browser { ip, cookie: None }
}

fn v6(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// How many guesses are looked at, each at a name and from a browser of its own, until one is refused.
async fn guesses(site: &Site, mut next: impl FnMut(u32) -> (String, Browser)) -> u32 {
    for guess in 0..1_000 {
        let (name, browser) = next(guess);
        if site.fails(&browser, &name).await == Answer::Refused {
            return guess;
        }
    }
    panic!("1,000 guesses were not refused");
}

pub(super) async fn an_own_good_login_does_not_reset_the_address(store: Examined) {
    let site = Site::new(store, names_and_devices().rule(ip()));
    let mut attacker = Browser::new(1);
    let mut guesses = 0;
    for round in 0..100 {
        if site.fails(&attacker, &format!("victim{round}")).await == Answer::Refused {
            break;
        }
        guesses += 1;
        let own = site.succeeds(&mut attacker, "mallory").await;
        assert!(own == Answer::LetIn || guesses > IP_LIMIT, "{own:?} after {guesses}");
    }
    assert_eq!(guesses, IP_LIMIT + 1);
}

pub(super) async fn a_forged_header_in_each_request_is_one_address(store: Examined) {
    let site = Site::new(store, only(ip()));
    let proxies = TrustedProxies::networks(["10.0.0.0/8".parse().expect("a network")]);
    let behind_a_proxy = |guess: u32| {
        // What the client sends, and what the proxy appends to it.
        let header = format!("192.0.2.{guess}, 10.9.9.{guess}, 203.0.113.7");
        let headers = [("X-Forwarded-For", header.as_bytes())];
        proxies.client_ip(Some([10, 0, 0, 1].into()), headers).expect("an address")
    };
    let name = |guess| format!("victim{guess}");
    assert_eq!(
        guesses(&site, |guess| (name(guess), at(behind_a_proxy(guess)))).await,
        IP_LIMIT + 1
    );

    let past_the_proxy = |guess: u32| {
        let header = format!("192.0.2.{guess}");
        let headers = [("X-Forwarded-For", header.as_bytes())];
        proxies.client_ip(Some([198, 51, 100, 9].into()), headers).expect("an address")
    };
    assert_eq!(
        guesses(&site, |guess| (name(guess), at(past_the_proxy(guess)))).await,
        IP_LIMIT + 1
    );
}

pub(super) async fn a_port_in_each_request_is_one_address(store: Examined) {
    let site = Site::new(store, only(ip()));
    for spelled in [|port| format!("203.0.113.7:{port}"), |port| format!("[2001:db8::7]:{port}")] {
        let from = |guess: u32| at(Network::address_in(&spelled(4_000 + guess)).expect("one"));
        let verified = guesses(&site, |guess| (format!("victim{guess}"), from(guess))).await;
        assert_eq!(verified, IP_LIMIT + 1);
    }
}

pub(super) async fn addresses_of_one_64_are_one_address(store: Examined) {
    let site = Site::new(store, only(ip()));
    let from = |guess: u32| at(v6(&format!("2001:db8:0:1:{guess:x}::{guess:x}")));
    let verified = guesses(&site, |guess| (format!("victim{guess}"), from(guess))).await;
    assert_eq!(verified, IP_LIMIT + 1);
    // A client with IPv4 alone who comes through a gateway is that client.
    let from = |guess: u32| {
        let forms =
            ["203.0.113.7", "::ffff:203.0.113.7", "64:ff9b::203.0.113.7", "2002:cb00:7107::9"];
        at(v6(forms[usize::try_from(guess).expect("small") % forms.len()]))
    };
    let verified = guesses(&site, |guess| (format!("victim{guess}"), from(guess))).await;
    assert_eq!(verified, IP_LIMIT + 1);
}

pub(super) async fn addresses_of_one_48_meet_the_limit_of_their_network(store: Examined) {
    let limit = 4 * IP_LIMIT;
    let policy = only(ip()).rule(Rule::builder(Scope::Network).failure_limit(limit));
    let site = Site::new(store, policy);
    let from = |guess: u32| at(v6(&format!("2001:db8:7:{guess:x}::1")));
    let verified = guesses(&site, |guess| (format!("victim{guess}"), from(guess))).await;
    assert_eq!(verified, limit + 1);
    let neighbour = at(v6("2001:db8:8::1"));
    assert_eq!(site.fails(&neighbour, "victim").await, Answer::WrongPassword);
}

pub(super) async fn spellings_of_one_name_are_one_name(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let spellings = [
        "müller",
        "MÜLLER",
        " Müller\t",
        "mu\u{308}ller",
        "ｍüｌｌｅｒ",
        "mü\u{200b}ller",
        "\u{202e}müller\u{202c}",
        "mü\u{ad}ll\u{feff}er",
        "müller\u{3000}",
    ];
    let spelled = |guess: u32| {
        let spelling = spellings[usize::try_from(guess).expect("small") % spellings.len()];
        (spelling.to_owned(), Browser::new(1))
    };
    assert_eq!(guesses(&site, spelled).await, LIMIT + 1);
    let alike = "mu\u{301}ller";
    assert_eq!(site.fails(&Browser::new(1), alike).await, Answer::WrongPassword, "another name");
}

pub(super) async fn what_cannot_be_a_name_has_one_limit_together(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let spelled = |guess: u32| {
        let name = match guess % 5 {
            0 => format!("alice\0{guess}"),
            1 => format!("alice\r\n{guess}"),
            2 => format!("{guess}\u{2028}alice"),
            3 => "\u{200b}".repeat(usize::try_from(guess).expect("small")),
            _ => "x".repeat(5_000 + usize::try_from(guess).expect("small")),
        };
        (name, Browser::new(1))
    };
    assert_eq!(guesses(&site, spelled).await, LIMIT + 1);
    assert_eq!(site.succeeds(&mut Browser::new(1), "alice").await, Answer::LetIn);
}

pub(super) async fn a_pair_that_is_locked_locks_neither_its_name_nor_its_address_elsewhere(
    store: Examined,
) {
    let site = Site::new(store, only(Rule::builder(Scope::UsernameIp)));
    let (here, there) = (Browser::new(1), Browser::new(2));
    assert_eq!(site.guesses(&here, "alice").await, LIMIT + 1);
    assert_eq!(site.guesses(&there, "bob").await, LIMIT + 1);
    // Neither pair of these two names and two addresses has failed.
    assert_eq!(site.guesses(&there, "alice").await, LIMIT + 1);
    assert_eq!(site.guesses(&here, "bob").await, LIMIT + 1);
    // Names that look like a pair with another address are names.
    for name in ["198.51.100.3|alice", "alice|198.51.100.3", "|alice", "3|alice"] {
        assert_eq!(site.guesses(&Browser::new(3), name).await, LIMIT + 1, "{name}");
    }
    assert_eq!(site.guesses(&Browser::new(3), "alice").await, LIMIT + 1);
}

pub(super) async fn many_names_from_one_address_meet_the_limit_of_the_address(store: Examined) {
    let site = Site::new(store, names_and_devices().rule(ip()));
    let verified = guesses(&site, |guess| (format!("name{guess}"), Browser::new(1))).await;
    assert_eq!(verified, IP_LIMIT + 1);
}

pub(super) async fn many_addresses_on_one_name_meet_the_limit_of_the_name(store: Examined) {
    let site = Site::new(store, names_and_devices().rule(ip()));
    let from = |guess: u32| {
        let [.., high, low] = guess.to_be_bytes();
        at([203, 0, high, low].into())
    };
    assert_eq!(guesses(&site, |guess| ("alice".into(), from(guess))).await, LIMIT + 1);
}

pub(super) async fn a_victim_who_is_locked_out_by_name_gets_in_by_his_cookie_alone(
    store: Examined,
) {
    let site = Site::new(store, names_and_devices());
    let mut victim = site.known(1, "alice").await;
    let mut elsewhere = Browser::new(1);
    for _ in 0..20 {
        site.strangers_lock("alice").await;
        assert_eq!(site.succeeds(&mut victim, "alice").await, Answer::LetIn);
        assert_eq!(site.succeeds(&mut elsewhere, "alice").await, Answer::Refused);
        site.pass(300);
    }
}

pub(super) async fn a_forged_a_replayed_and_a_swapped_cookie_gain_nothing(store: Examined) {
    let site = Site::new(store, names_and_devices());
    let old = site.known(1, "alice").await;
    let mut new = old.clone();
    assert_eq!(site.succeeds(&mut new, "alice").await, Answer::LetIn);
    site.strangers_lock("alice").await;
    let cookie = new.cookie.clone().expect("a cookie");
    for position in 0..cookie.len() {
        let mut forged = cookie.clone().into_bytes();
        forged[position] = if forged[position] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).expect("text");
        let thief = Browser::with(2, Some(forged));
        assert_eq!(site.fails(&thief, "alice").await, Answer::Refused, "at {position}");
    }
    // A copy of an old cookie is good for its own limit, and takes nothing from the new one.
    assert_eq!(
        site.guesses(&Browser { ip: [192, 0, 2, 1].into(), ..old }, "alice").await,
        LIMIT + 1
    );
    assert_eq!(site.guesses(&new, "alice").await, LIMIT + 1);
    // Alice's cookie in the place of Bob's.
    site.strangers_lock("bob").await;
    assert_eq!(site.fails(&new, "bob").await, Answer::Refused);
}

pub(super) async fn a_cookie_of_the_attackers_own_account_gains_nothing(store: Examined) {
    let site = Site::new(store, names_and_devices().rule(ip()));
    let mut attacker = site.known(1, "mallory").await;
    assert_eq!(site.guesses(&attacker, "alice").await, LIMIT + 1);
    for round in 0..100 {
        assert_eq!(site.succeeds(&mut attacker, "mallory").await, Answer::LetIn);
        if site.fails(&attacker, &format!("victim{round}")).await == Answer::Refused {
            assert_eq!(round, IP_LIMIT - LIMIT, "what is left of the address");
            return;
        }
    }
    panic!("a hundred names were guessed at from one address");
}

pub(super) async fn names_with_separators_and_patterns_reach_nobody_else(store: Examined) {
    let site = Site::new(store, names_and_devices().rule(Rule::builder(Scope::UsernameIp)));
    let hostile = [
        "alice:",
        "username:alice",
        "alice|",
        "*",
        "?",
        "ali*",
        "[a-z]lice",
        "{alice}",
        "alice%",
        "al_ce",
        "alice'",
        "alice\"",
        "alice\\",
        "alice/",
        "otp/username:alice",
        "alice#x",
        "$1",
        "alice--",
        "%00",
        "\\0",
        "\\x00",
        "alice\\r\\n",
    ];
    for name in hostile {
        assert_eq!(site.guesses(&Browser::new(1), name).await, LIMIT + 1, "{name}");
        assert_eq!(site.fails(&Browser::new(2), name).await, Answer::Refused, "{name}");
    }
    for name in ["alice", "a", "username", "al%ce"] {
        assert_eq!(site.succeeds(&mut Browser::new(1), name).await, Answer::LetIn, "{name}");
    }
}

pub(super) async fn a_flood_of_resets_locks_no_login(store: Examined) {
    let resets = names_and_devices().namespace("reset".parse().expect("a namespace"));
    let resets = Site::new(store.clone(), resets);
    let logins = Site::new(store, names_and_devices());
    assert_eq!(resets.guesses(&Browser::new(1), "alice").await, LIMIT + 1);
    assert_eq!(logins.guesses(&Browser::new(1), "alice").await, LIMIT + 1);
    let locked = |site: &Site| {
        let guard = site.guard.clone();
        async move { guard.locked(&Default::default()).await.expect("the store works").items }
    };
    assert_eq!(locked(&resets).await.len(), 1, "its own namespace");
    assert_eq!(locked(&logins).await.len(), 2, "everything");
    let alice = resets.guard.policy().subject("username:Alice").expect("a subject");
    assert!(resets.guard.unlock(&alice).await.expect("the store works"));
    assert_eq!(logins.fails(&Browser::new(1), "alice").await, Answer::Refused);
}

pub(super) async fn a_denied_network_is_refused_though_its_cookie_is_good(store: Examined) {
    let denied = "network:198.51.100.64/26".parse().expect("a target");
    let lists = AccessLists::fixed([(denied, Access::Deny)]);
    let site = Site::with(store, names_and_devices(), |builder| builder.access(lists));
    let owner = site.known(1, "alice").await;
    let from_there = Browser { ip: [198, 51, 100, 65].into(), ..owner };
    let decision = site.guard.begin(&from_there.attempt("alice")).await.expect("the store works");
    assert!(matches!(decision, Decision::Refused(Refusal::Denied)), "{decision:?}");
    assert_eq!(site.guesses(&Browser::new(1), "alice").await, LIMIT + 1, "nothing was counted");
}

pub(super) async fn a_proxy_of_ones_own_is_never_locked(store: Examined) {
    let proxies = TrustedProxies::networks(["198.51.100.1".parse().expect("a network")]);
    let lists = AccessLists::default().proxies(&proxies);
    let policy = names_and_devices().rule(ip());
    let site = Site::with(store, policy, |builder| builder.access(lists));
    for guess in 0..3 * IP_LIMIT {
        let name = format!("name{guess}");
        assert_eq!(site.fails(&Browser::new(1), &name).await, Answer::WrongPassword);
    }
    assert_eq!(site.guesses(&Browser::new(1), "alice").await, LIMIT + 1, "names are counted");
    let verified = guesses(&site, |guess| (format!("victim{guess}"), Browser::new(2))).await;
    assert_eq!(verified, IP_LIMIT + 1, "and so is everybody else");
}

pub(super) async fn an_allowed_name_is_never_refused_and_by_setting_counted(store: Examined) {
    let monitor =
        || AccessLists::fixed([("username:monitor".parse().expect("one"), Access::Allow)]);
    let policy = || names_and_devices().rule(ip());
    let site = Site::with(store.clone(), policy(), |builder| builder.access(monitor()));
    for _ in 0..3 * IP_LIMIT {
        assert_eq!(site.fails(&Browser::new(1), "Monitor").await, Answer::WrongPassword);
    }
    let none = site.guard.lockouts(&Attempt::new().username("monitor")).await;
    assert_eq!(none.expect("the store works"), []);

    let counts =
        |builder: lockout_core::GuardBuilder| builder.access(monitor()).counts_allowed(true);
    let site = Site::with(store, policy(), counts);
    for _ in 0..3 * IP_LIMIT {
        assert_eq!(site.fails(&Browser::new(2), "monitor").await, Answer::WrongPassword);
    }
    let lockouts = site.guard.lockouts(&Attempt::new().username("monitor")).await;
    assert_eq!(lockouts.expect("the store works").len(), 1);
    let told = site.events();
    let allowed = told.iter().filter(|event| matches!(event, Event::Allowed { .. })).count();
    assert_eq!(u32::try_from(allowed), Ok(3 * IP_LIMIT - (LIMIT + 1)));
}
