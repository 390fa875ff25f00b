//! A flood of made-up subjects: nobody's lock or count is lost, and strangers are counted too much
//! rather than too little.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::Ipv4Addr;
use std::time::Duration;

use lockout_core::{
    Attempt, CooloffList, Decision, FakeClock, Guard, Permit, Policy, Rule, Scope, Subject,
    Timestamp,
};
use lockout_moka::MokaStore;

const CAPACITY: usize = 10_000;

struct Site {
    guard: Guard,
    store: &'static MokaStore,
    clock: FakeClock,
}

fn site(capacity: usize) -> Site {
    let policy = Policy::builder()
        .rule(Rule::builder(Scope::Username).lockout_cooloff(CooloffList::from_secs([600, 1200])))
        .rule(Rule::builder(Scope::Ip))
        .build()
        .unwrap();
    let clock = FakeClock::at(Timestamp::from_millis(1_000_000_000_000));
    let store = &*Box::leak(Box::new(MokaStore::builder().capacity(capacity).build().unwrap()));
    let guard = Guard::builder(store, policy).clock(clock.clone()).build();
    Site { guard, store, clock }
}

impl Site {
    async fn begin(&self, attempt: &Attempt) -> Decision {
        self.guard.begin(attempt).await.unwrap()
    }

    async fn admit(&self, attempt: &Attempt) -> Permit {
        self.begin(attempt).await.admitted().unwrap()
    }

    async fn fail(&self, name: &str, times: u32) {
        for _ in 0..times {
            self.admit(&Attempt::new().username(name)).await.fail().await.unwrap();
        }
    }

    /// One failure each of made-up names, from as many addresses as the policy takes.
    async fn flood(&self, names: u32) {
        for number in 0..names {
            let attempt = Attempt::new()
                .username(&format!("made-up-{number}"))
                .ip(Ipv4Addr::from_bits(0x0a00_0000 + number / 4));
            if let Decision::Admitted(permit) = self.begin(&attempt).await {
                permit.fail().await.unwrap();
            }
        }
    }

    /// One failure each of made-up names, as far as they are admitted.
    async fn fill(&self, names: u32) {
        for number in 0..names {
            let attempt = Attempt::new().username(&format!("made-up-{number}"));
            if let Decision::Admitted(permit) = self.begin(&attempt).await {
                permit.fail().await.unwrap();
            }
        }
    }

    async fn refused(&self, attempt: &Attempt) {
        let decision = self.begin(attempt).await;
        assert!(matches!(decision, Decision::Refused(_)), "{attempt:?} was admitted");
    }
}

#[tokio::test]
async fn a_history_survives_a_flood_so_that_nobody_flushes_his_escalation() {
    let site = site(CAPACITY);
    site.fail("mallory", 4).await;
    site.clock.advance(Duration::from_secs(600));
    site.flood(100_000).await;
    // Quiet by now: only the history is left of it.
    site.clock.advance(Duration::from_secs(3600));
    site.flood(100_000).await;
    let attempt = Attempt::new().username("mallory");
    let lockout = loop {
        let settlement = site.admit(&attempt).await.fail().await.unwrap();
        if let Some(lockout) = settlement.locked.into_iter().next() {
            break lockout;
        }
    };
    assert_eq!(lockout.remaining(site.guard.now()), Some(Duration::from_secs(1200)));
}

#[tokio::test]
async fn strangers_beyond_the_capacity_are_counted_exactly_while_moka_keeps_them() {
    let site = site(CAPACITY);
    site.flood(10_000).await;
    assert!(site.store.stats().records >= CAPACITY);
    for user in 0..500 {
        let stranger = Attempt::new().username(&format!("stranger-{user}"));
        site.admit(&stranger).await.succeed().await.unwrap();
        let permit = site.admit(&stranger).await;
        assert!(permit.failures_left() >= Some(1), "stranger-{user}: {:?}", permit.failures_left());
        permit.succeed().await.unwrap();
    }
}

#[tokio::test]
async fn a_newcomer_without_a_place_is_counted_exactly() {
    let site = site(64);
    site.fill(64).await;
    assert_eq!((site.store.stats().records, site.store.stats().overflow), (64, 0));

    let stranger = Attempt::new().username("stranger");
    for left in [Some(2), Some(1), Some(0), None] {
        let permit = site.admit(&stranger).await;
        assert_eq!(permit.failures_left(), left);
        let settlement = permit.fail().await.unwrap();
        assert_eq!(settlement.locked.len(), usize::from(left.is_none()));
    }
    site.refused(&stranger).await;
    let lockouts = site.guard.lockouts(&stranger).await.unwrap();
    assert_eq!(lockouts[0].remaining(site.guard.now()), Some(Duration::from_secs(600)));
    assert_eq!((site.store.stats().records, site.store.stats().overflow), (64, 1));

    let honest = Attempt::new().username("honest");
    site.fail("honest", 2).await;
    site.admit(&honest).await.succeed().await.unwrap();
    assert_eq!(site.admit(&honest).await.failures_left(), Some(2));
}

#[tokio::test]
async fn a_newcomer_takes_his_past_along_when_there_is_a_place_again() {
    let site = site(64);
    site.fill(64).await;
    site.fail("stranger", 4).await;
    assert_eq!(site.store.stats().overflow, 1);
    // The others' failures are forgotten, his first lockout is over.
    site.clock.advance(Duration::from_secs(600));
    let permit = site.admit(&Attempt::new().username("stranger")).await;
    assert_eq!(site.store.stats().overflow, 0);
    permit.fail().await.unwrap();
    site.fail("stranger", 3).await;
    let lockouts = site.guard.lockouts(&Attempt::new().username("stranger")).await.unwrap();
    assert_eq!(lockouts[0].remaining(site.guard.now()), Some(Duration::from_secs(1200)));
}

#[tokio::test]
async fn strangers_share_with_few_and_not_with_all() {
    let site = site(1024);
    // A thousand have a place, a thousand are kept by moka, and the last may have cost some of
    // those theirs: from here on strangers share.
    site.fill(2200).await;
    let mut admitted = 0;
    for number in 0..200 {
        let attempt = Attempt::new().username(&format!("stranger-{number}"));
        if let Decision::Admitted(permit) = site.begin(&attempt).await {
            admitted += 1;
            permit.fail().await.unwrap();
        }
    }
    assert!(admitted > 150, "only {admitted} of 200 strangers were admitted");
}

#[tokio::test]
async fn the_index_of_locks_holds_what_is_locked_and_no_more() {
    let site = site(64);
    for number in 0..10 {
        site.fail(&format!("locked-{number}"), 4).await;
    }
    assert_eq!(site.store.stats().locked, 10);
    for number in 0..5 {
        let name = Subject::username(&format!("locked-{number}")).unwrap();
        assert!(site.guard.unlock(&name).await.unwrap());
    }
    assert_eq!(site.store.stats().locked, 5);
    // When the records have expired, newcomers push them out, and out of the index.
    site.clock.advance(Duration::from_secs(2 * 86_400));
    site.fill(64).await;
    assert_eq!(site.store.stats().locked, 0);
}

#[tokio::test]
async fn no_stranger_gets_more_guesses_than_the_limit_however_the_store_overflows() {
    let site = site(64);
    site.flood(1_000).await;
    for name in 0..50 {
        let attempt = Attempt::new().username(&format!("target-{name}"));
        let mut guesses = 0;
        for round in 0..5 {
            while let Decision::Admitted(permit) = site.begin(&attempt).await {
                permit.fail().await.unwrap();
                guesses += 1;
            }
            // Pushed out of moka, and come back.
            site.flood(500).await;
            assert!(guesses <= 4, "target-{name} was guessed {guesses} times by round {round}");
        }
    }
}

#[tokio::test]
async fn a_store_that_overflowed_recovers_when_the_cooloff_is_over() {
    let site = site(64);
    site.flood(100_000).await;
    site.clock.advance(Duration::from_secs(86_400 + 1_200));
    for user in 0..32 {
        let permit = site.admit(&Attempt::new().username(&format!("user-{user}"))).await;
        assert_eq!(permit.failures_left(), Some(2), "user-{user}");
        permit.fail().await.unwrap();
    }
}

#[tokio::test]
async fn every_lock_stands_and_an_operator_always_finds_a_place() {
    let site = site(128);
    for number in 0..10_000 {
        let attempt = Attempt::new().username(&format!("locked-{number}"));
        while let Decision::Admitted(permit) = site.begin(&attempt).await {
            permit.fail().await.unwrap();
        }
        site.refused(&attempt).await;
    }
    for number in 0..10_000 {
        site.refused(&Attempt::new().username(&format!("locked-{number}"))).await;
    }
    let stats = site.store.stats();
    assert!(stats.records <= 128 && stats.locked <= 128, "{stats:?}");

    let name = "an-operators";
    let subject = Subject::username(name).unwrap();
    site.guard.lock(&subject, None).await.unwrap();
    site.refused(&Attempt::new().username(name)).await;
    assert!(site.guard.unlock(&subject).await.unwrap());
    site.admit(&Attempt::new().username(name)).await.succeed().await.unwrap();

    let locked_stranger = Subject::username("locked-9999").unwrap();
    assert!(site.guard.unlock(&locked_stranger).await.unwrap());
    let permit = site.admit(&Attempt::new().username("locked-9999")).await;
    assert_eq!(permit.failures_left(), Some(2));
}

#[tokio::test]
async fn an_attempt_under_way_keeps_its_place_whatever_the_cooloff() {
    let rule = Rule::builder(Scope::Username).cooloff(Duration::from_millis(1));
    let policy = Policy::builder().rule(rule).build().unwrap();
    let clock = FakeClock::at(Timestamp::from_millis(1_000_000_000_000));
    let store = MokaStore::builder().capacity(64).build().unwrap();
    let guard = Guard::builder(store, policy).clock(clock.clone()).build();
    let begin = async |name: String| guard.begin(&Attempt::new().username(&name)).await.unwrap();
    let mut permits = Vec::new();
    for number in 0..32 {
        permits.push(begin(format!("slow-{number}")).await.admitted().unwrap());
    }
    clock.advance(Duration::from_secs(29));
    for number in 0..1_000 {
        drop(begin(format!("made-up-{number}")).await);
    }
    for permit in permits {
        permit.succeed().await.unwrap();
    }
}
