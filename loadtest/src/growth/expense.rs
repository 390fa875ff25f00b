//! What a login costs the server, the client and the network.

use std::time::Duration;

use super::crowd::attempts_of;
use super::desk::Desk;
use super::figures::{ExpenseFigure, Login};
use super::filling::fill;
use super::home::{Home, Kind};
use super::plan::Plan;
use super::processes::TASKS;
use super::usage;
use crate::Error;
use crate::number::median;
use crate::throughput::run;

/// What each kind of login costs in one store.
///
/// # Errors
/// If a server does not start, or a call fails.
pub async fn expenses(kind: Kind, plan: Plan) -> Result<Vec<ExpenseFigure>, Error> {
    let subjects = plan.some();
    // Those that come while it is measured need a place too.
    let home = Home::start(kind, subjects.max(2_000_000)).await?;
    fill(&home, 0, attempts_of(subjects)).await?;
    let desk = Desk::open(home.guard.clone(), attempts_of(subjects)).await?;
    let mut figures = Vec::new();
    for login in Login::ALL {
        let mut turns = Vec::new();
        for round in 0..=plan.turns {
            let turn =
                Turn::measure(&home, &desk, login, plan.turn, u64::from(round) << 40).await?;
            // The first turn makes connections.
            if round > 0 {
                turns.push(turn);
            }
        }
        let of = |figure: fn(&Turn) -> f64| median(turns.iter().map(figure));
        let is_redis = home.redis().is_some();
        figures.push(ExpenseFigure {
            store: kind.to_string(),
            login,
            subjects,
            tasks: TASKS,
            per_second: of(|turn| turn.per_second),
            server_cpu_us: home.pid().map(|_| of(|turn| turn.server_cpu_us)),
            client_cpu_us: of(|turn| turn.client_cpu_us),
            input_bytes: is_redis.then(|| of(|turn| turn.input_bytes)),
            output_bytes: is_redis.then(|| of(|turn| turn.output_bytes)),
        });
    }
    Ok(figures)
}

/// What was used in one turn, for each login.
struct Turn {
    per_second: f64,
    server_cpu_us: f64,
    client_cpu_us: f64,
    input_bytes: f64,
    output_bytes: f64,
}

impl Turn {
    async fn measure(
        home: &Home,
        desk: &Desk,
        login: Login,
        turn: Duration,
        draw: u64,
    ) -> Result<Self, Error> {
        let desk = desk.clone();
        let before = Used::now(home)?;
        let done =
            run(TASKS, turn, move |number| desk.clone().log_in(login, draw + number)).await?;
        let after = Used::now(home)?;
        let each = |used: fn(&Used) -> f64| (used(&after) - used(&before)) / done.calls;
        Ok(Self {
            per_second: done.calls / done.seconds,
            server_cpu_us: each(|used| used.server_cpu) * 1e6,
            client_cpu_us: each(|used| used.client_cpu) * 1e6,
            input_bytes: each(|used| used.input),
            output_bytes: each(|used| used.output),
        })
    }
}

/// What has been used up to now: seconds and bytes.
#[derive(Default)]
struct Used {
    server_cpu: f64,
    client_cpu: f64,
    input: f64,
    output: f64,
}

impl Used {
    fn now(home: &Home) -> Result<Self, Error> {
        let client_cpu = usage::own_cpu_seconds()?;
        if let Some(server) = home.redis() {
            return Ok(Self {
                server_cpu: usage::redis_cpu_seconds(server)?,
                client_cpu,
                input: usage::info(server, "stats", "total_net_input_bytes")?,
                output: usage::info(server, "stats", "total_net_output_bytes")?,
            });
        }
        let server_cpu = home.pid().map_or(Ok(0.0), usage::server_cpu_seconds)?;
        Ok(Self { server_cpu, client_cpu, ..Self::default() })
    }
}
