//! The loops give what happened, at a real site and at a server that stops for a while.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use lockout_loadtest::Result;
use lockout_loadtest::contender::{Contender, Hash};
use lockout_loadtest::driver::{Answer, Closed, Logins, Open, Tally, Turn, beside, runtime};
use lockout_loadtest::logins::{Cell, Load, Plan, Scenario, bar, measure};
use lockout_loadtest::peers::Tools;
use lockout_loadtest::site::{Programs, Site};
use tokio::net::TcpListener;
use tokio::sync::RwLock;

const SHORT: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the server below stops.
const STALL: Duration = Duration::from_millis(200);
/// Which login stops it.
const STALLS: u32 = 20;

fn programs() -> Programs {
    Programs { own: env!("CARGO_BIN_EXE_lockout-loadtest").into(), tools: Tools::default() }
}

fn successes() -> Logins {
    Scenario::AllSuccess.logins()
}

/// Lets everybody in, but stops once, for all connections at once.
async fn stalling() -> Result<SocketAddr> {
    let (count, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(RwLock::new(())));
    let login = move || {
        let (count, gate) = (Arc::clone(&count), Arc::clone(&gate));
        async move {
            if count.fetch_add(1, Ordering::Relaxed) == STALLS {
                // Goes on when who asked has hung up.
                let closed = Arc::clone(&gate).write_owned().await;
                tokio::spawn(async move {
                    tokio::time::sleep(STALL).await;
                    drop(closed);
                });
            }
            let _open = gate.read().await;
            StatusCode::NO_CONTENT
        }
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let app = Router::new().route("/login", post(login));
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(address)
}

/// Logins that a stall of `STALL` must have made slow.
fn slow(tally: &Tally) -> u64 {
    tally.slower_than(STALL / 4)
}

#[test]
fn an_open_loop_charges_a_stall_with_everybody_who_came_meanwhile() {
    runtime().unwrap().block_on(async {
        for connections in [2, 256] {
            let duration = Duration::from_millis(400);
            let open = Open { per_second: 200, duration, connections, patience: PATIENCE };
            let tally = open.drive(stalling().await.unwrap(), &successes()).await.unwrap();
            assert_eq!(tally.answers()[&Answer::Welcome], 80);
            // Thirty come in the first three quarters of the stall.
            assert!(slow(&tally) >= 25, "{} {tally:?}", slow(&tally));
            assert!(tally.quantile_us(1.0) > 190_000.0);
        }
    });
}

#[test]
fn a_closed_loop_sees_a_stall_once() {
    runtime().unwrap().block_on(async {
        let closed = Closed { connections: 1, duration: 2 * STALL, patience: PATIENCE };
        let tally = closed.drive(stalling().await.unwrap(), &successes()).await.unwrap();
        // On however slow a machine: nine that take so long do not fit into the time.
        assert!((1..9).contains(&slow(&tally)), "{} {tally:?}", slow(&tally));
    });
}

#[test]
fn a_login_without_an_answer_is_waited_for_and_counts() {
    runtime().unwrap().block_on(async {
        let patience = Duration::from_millis(50);
        let duration = Duration::from_millis(200);
        let open = Open { per_second: 200, duration, connections: 4, patience };
        let tally = open.drive(stalling().await.unwrap(), &successes()).await.unwrap();
        let broken = tally.answers()[&Answer::Broken];
        assert!(broken >= 10 && tally.quantile_us(1.0) >= 50_000.0, "{tally:?}");
        assert_eq!(tally.answers().values().sum::<u64>(), 40);
    });
}

#[test]
fn every_loop_at_a_site_lets_everybody_in_and_sees_what_it_used() {
    let site = Site::start(Contender::Plain, Hash::Fast, &programs()).unwrap();
    let logins = successes();
    let turns = runtime().unwrap().block_on(async {
        let closed = Closed { connections: 8, duration: SHORT, patience: PATIENCE };
        let open = Open { per_second: 300, duration: SHORT, connections: 8, patience: PATIENCE };
        let mut turns = vec![closed.turn(&site, &logins).await.unwrap()];
        turns.push(open.turn(&site, &logins).await.unwrap());
        let lane = (&site, &logins);
        turns.extend(beside(&[lane, lane], SHORT, PATIENCE).await.unwrap());
        turns
    });
    assert_eq!(turns[1].logins(), 90);
    for turn in &turns {
        assert!(turn.logins() > 10, "{turn:?}");
        assert_eq!(turn.logins(), turn.count(Answer::Welcome), "{turn:?}");
        let times = [turn.p50_us, turn.p90_us, turn.p99_us, turn.p999_us, turn.max_us];
        assert!(times[0] > 1.0 && times.is_sorted(), "{turn:?}");
        assert!(turn.app_memory > 0 && turn.store_memory == 0);
    }
    let verified: u64 = turns.iter().map(|turn| turn.verified).sum();
    assert_eq!(verified, turns.iter().map(Turn::logins).sum::<u64>());
    assert!(turns[0].app_cpu_us > 0);
}

#[test]
fn a_plan_gives_a_figure_for_everybody_who_can_be_started_and_names_the_others() {
    let turn = Duration::from_millis(100);
    let cell = |load, scenario| Cell { hash: Hash::Fast, load, scenario, turn };
    let cells = vec![
        cell(Load::Beside, Scenario::Mixed),
        cell(Load::Closed { connections: 4 }, Scenario::AllFailures),
        cell(Load::Open { per_second: 100 }, Scenario::AllSuccess),
    ];
    let plan = Plan { warm_up: turn, ..Plan::of(2, cells) };
    // There is no program of this name.
    let none = Programs { own: "/nowhere/lockout-loadtest".into(), tools: Tools::default() };
    let measured = measure(&plan, &[Contender::Moka], &none, &bar().unwrap()).unwrap();
    assert!(measured.figures.is_empty());
    let missing: Vec<_> = measured.not_run.iter().map(|not_run| not_run.contender).collect();
    assert_eq!(missing, [Contender::Plain, Contender::Moka]);

    let measured = measure(&plan, &[Contender::Moka], &programs(), &bar().unwrap()).unwrap();
    assert_eq!((measured.figures.len(), measured.not_run.len()), (6, 0));
    for figure in &measured.figures {
        assert_eq!(figure.turns.len(), 2);
        assert_eq!(figure.without.len(), if figure.load == Load::Beside { 2 } else { 0 });
        for turn in &figure.turns {
            let expected = match figure.scenario {
                Scenario::AllFailures => turn.count(Answer::Wrong),
                _ => turn.count(Answer::Welcome) + turn.count(Answer::Wrong),
            };
            assert_eq!(turn.logins(), expected, "{figure:?}");
        }
    }
    let text = serde_json::to_string(&measured).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["not_run"],
        serde_json::json!([])
    );
}
