//! One million made-up names against ten thousand places. Alone in its process, which counts its
//! heap.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::Ipv4Addr;

use lockout_core::{
    Attempt, CooloffList, Decision, FakeClock, Guard, Policy, Refusal, Rule, Scope, Timestamp,
};
use lockout_moka::MokaStore;
use peak_alloc::PeakAlloc;
use tokio::sync::Mutex;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Held while a test counts the heap.
static ALONE: Mutex<()> = Mutex::const_new(());

const CAPACITY: usize = 10_000;
const FLOOD: u32 = 1_000_000;

#[tokio::test]
async fn a_flood_leaves_every_lock_and_every_count_and_stays_within_its_memory() {
    let escalating = CooloffList::from_secs([60, 120, 300, 600, 900, 1200, 3600, 0]);
    let policy = Policy::builder()
        .rule(Rule::builder(Scope::Username).lockout_cooloff(escalating))
        .rule(Rule::builder(Scope::Ip))
        .build()
        .unwrap();
    let _alone = ALONE.lock().await;
    HEAP.reset_peak_usage();
    let heap_before = HEAP.current_usage();
    let store = &*Box::leak(Box::new(MokaStore::builder().capacity(CAPACITY).build().unwrap()));
    let clock = FakeClock::at(Timestamp::from_millis(1_000_000_000_000));
    let guard = Guard::builder(store, policy).clock(clock).build();
    let begin = async |attempt: &Attempt| guard.begin(attempt).await.unwrap();
    let named = |name: &str| Attempt::new().username(name);

    for user in 0..1_000 {
        for (name, failures) in [("locked", 4), ("victim", 3)] {
            for _ in 0..failures {
                let permit = begin(&named(&format!("{name}-{user}"))).await.admitted().unwrap();
                permit.fail().await.unwrap();
            }
        }
    }
    let under_way = begin(&named("under-way")).await.admitted().unwrap();

    for number in 0..FLOOD {
        let address = Ipv4Addr::from_bits(0x0a00_0000 + number / 4);
        let attempt = named(&format!("made-up-{number}")).ip(address);
        if let Decision::Admitted(permit) = begin(&attempt).await {
            permit.fail().await.unwrap();
        }
    }

    let stats = store.stats();
    assert!(stats.records <= CAPACITY + 64, "{stats:?}");
    let heap = HEAP.peak_usage() - heap_before;
    println!("{} bytes for each record of the capacity, at the most; {stats:?}", heap / CAPACITY);
    assert!(heap < CAPACITY * 1024, "{heap} bytes, {stats:?}");

    for user in 0..1_000 {
        let decision = begin(&named(&format!("locked-{user}"))).await;
        assert!(matches!(decision, Decision::Refused(Refusal::Locked { .. })), "locked-{user}");
        let permit = begin(&named(&format!("victim-{user}"))).await.admitted().unwrap();
        assert_eq!(permit.failures_left(), None, "victim-{user} has failures again");
        permit.cancel().await.unwrap();
    }
    under_way.succeed().await.unwrap();
    let permit = begin(&named("under-way")).await.admitted().unwrap();
    assert_eq!(permit.failures_left(), Some(2));
}

#[tokio::test]
async fn the_longest_names_add_their_own_bytes_and_no_more() {
    let _alone = ALONE.lock().await;
    HEAP.reset_peak_usage();
    let heap_before = HEAP.current_usage();
    let store = MokaStore::builder().capacity(CAPACITY).build().unwrap();
    let guard = Guard::new(store, Policy::default());
    let tail = "🦀".repeat(300);
    for number in 0..50_000 {
        let attempt = Attempt::new().username(&format!("{number}{tail}"));
        if let Decision::Admitted(permit) = guard.begin(&attempt).await.unwrap() {
            permit.fail().await.unwrap();
        }
    }
    let heap = HEAP.peak_usage() - heap_before;
    println!("{} bytes for each record of the capacity, at the most", heap / CAPACITY);
    assert!(heap > CAPACITY * 1024, "these names are not long");
    assert!(heap < CAPACITY * 4 * 1024, "{heap} bytes");
}
