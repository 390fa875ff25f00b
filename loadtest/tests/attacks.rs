//! What an attack comes to is what the policy says, over real sites and real stores.

use std::time::Duration;

use lockout_loadtest::attacks::figure::Counts;
use lockout_loadtest::attacks::{self, Attack, AttackFigure, Plan};
use lockout_loadtest::contender::{Contender, Hash};
use lockout_loadtest::driver::{Answer, Protocol};
use lockout_loadtest::peers::Tools;
use lockout_loadtest::site::Programs;
use tokio::sync::Mutex;

/// A store gives up after a second, which a site shall not lose to the sites of other tests.
static MACHINE: Mutex<()> = Mutex::const_new(());

/// The figures of one attack on one contender.
async fn figures(contender: Contender, attack: Attack) -> Vec<AttackFigure> {
    let _alone = MACHINE.lock().await;
    // Nothing here is about time, so that slow machines get all they need.
    let plan = Plan {
        attacks: vec![attack],
        argon2_burst: 20,
        limit: Duration::from_secs(60),
        outage: Duration::from_secs(3),
        ..Plan::quick()
    };
    let programs =
        Programs { own: env!("CARGO_BIN_EXE_lockout-loadtest").into(), tools: Tools::default() };
    let run = attacks::run(&plan, &[contender], &programs, &|_| {}).await;
    assert_eq!(run.not_run, [], "{contender}");
    run.figures
}

/// 500 guesses over HTTP/2 and over HTTP/1.1, and 20 that take time.
async fn a_burst_is_verified_four_times(contender: Contender) {
    for figure in figures(contender, Attack::Burst).await {
        let AttackFigure { hash, protocol, guesses, .. } = figure;
        let what = format!("{contender} {hash:?} {protocol:?}");
        assert_eq!(guesses, if hash == Hash::Fast { 500 } else { 20 }, "{what}");
        assert_eq!(figure.verified, 4, "{what}");
        assert_eq!(figure.answers.of(Answer::Wrong), 4, "{what}");
        assert_eq!(figure.answers.of(Answer::Refused), guesses - 4, "{what}");
        assert_eq!(figure.owner.map(|owner| owner.refused), Some(1), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_verified_four_times_with_moka() {
    a_burst_is_verified_four_times(Contender::Moka).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_verified_four_times_with_redis() {
    a_burst_is_verified_four_times(Contender::Redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_verified_four_times_with_redis_and_a_lock_cache() {
    a_burst_is_verified_four_times(Contender::RedisCached).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_verified_four_times_with_postgres() {
    a_burst_is_verified_four_times(Contender::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_verified_four_times_with_mariadb() {
    a_burst_is_verified_four_times(Contender::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_verified_four_times_with_sqlite() {
    a_burst_is_verified_four_times(Contender::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_verified_whole_without_a_lockout() {
    let figures = figures(Contender::Plain, Attack::Burst).await;
    let protocols: Vec<_> = figures.iter().map(|figure| figure.protocol).collect();
    let [one, two] = [Protocol::Http1, Protocol::Http2];
    assert_eq!(protocols, [two, one, two, one]);
    let verified: Vec<_> = figures.iter().map(|figure| figure.verified).collect();
    assert_eq!(verified, [500, 500, 20, 20]);
    assert!(figures.iter().all(|figure| figure.owner.unwrap().let_in == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn spraying_is_stopped_by_the_limit_of_an_address_and_by_nothing_else() {
    let figures = figures(Contender::Moka, Attack::Spraying).await;
    let verified: Vec<_> = figures.iter().map(|figure| figure.verified).collect();
    assert_eq!(verified, [31, 10_000]);
    for figure in figures {
        let honest = figure.honest.unwrap();
        assert_eq!(honest.let_in, honest.sent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_answered_with_503_and_ends_with_it() {
    let figures = figures(Contender::Redis, Attack::Outage).await;
    let outage = figures[0].outage.as_ref().unwrap();
    let counts = |counts: &Counts| {
        let let_through = counts.of(Answer::Welcome) + counts.of(Answer::Wrong);
        (let_through, counts.of(Answer::Unavailable), counts.all())
    };
    let (through, _, all) = counts(&outage.before);
    // What was under way when the store was killed may have failed.
    assert!(all > 0 && through * 2 > all, "{outage:?}");
    let (_, unavailable, all) = counts(&outage.during);
    // Who came just before the store was back may have waited for it.
    assert!(unavailable * 2 > all, "{outage:?}");
    let (through, unavailable, all) = counts(&outage.after);
    assert!(through > unavailable && through + unavailable == all, "{outage:?}");
    assert!(outage.let_in_after_ms.is_some(), "{outage:?}");
}
