//! A Redis Cluster of one, two and three masters, and how the work spreads.

use std::time::Duration;

use lockout_core::Guard;
use lockout_redis::RedisStore;
use lockout_testkit::servers::{RedisCluster, RedisServer};

use super::crowd::{self, attempts_of};
use super::desk::Desk;
use super::figures::{ClusterFigure, Login, NodeFigure};
use super::filling;
use super::plan::Plan;
use super::processes::TASKS;
use super::usage;
use crate::Error;
use crate::number::median;
use crate::throughput::run;

const PATIENCE: Duration = Duration::from_secs(30);

/// The most masters.
const MOST: usize = 3;

/// What is tried, what forgets failures last.
const LOGINS: [Login; 4] = [Login::Fails, Login::IsRefused, Login::FailsFresh, Login::Succeeds];

/// Logins in a second through each of the clusters, which take turns.
///
/// # Errors
/// If a server does not start, or a call fails.
pub async fn clusters(plan: Plan) -> Result<Vec<ClusterFigure>, Error> {
    let mut measured = Vec::new();
    for masters in 1..=MOST {
        measured.push(Measured::start(masters, attempts_of(plan.some())).await?);
    }
    let mut figures = Vec::new();
    for login in LOGINS {
        measured.iter_mut().for_each(Measured::begin);
        for round in 0..=plan.turns {
            for one in &mut measured {
                one.turn(login, plan.turn, round).await?;
            }
        }
        for one in &measured {
            figures.push(one.figure(login)?);
        }
    }
    Ok(figures)
}

/// A cluster, and what was seen of it.
struct Measured {
    cluster: RedisCluster,
    desk: Desk,
    rates: Vec<f64>,
    logins: f64,
    used: Vec<Used>,
}

/// What a master has done.
#[derive(Clone, Copy, Default)]
struct Used {
    scripts: f64,
    commands: f64,
    cpu: f64,
    input: f64,
    output: f64,
}

impl Used {
    fn of(server: &RedisServer) -> Result<Self, Error> {
        Ok(Self {
            scripts: usage::scripts(server)?,
            commands: usage::info(server, "stats", "total_commands_processed")?,
            cpu: usage::redis_cpu_seconds(server)?,
            input: usage::info(server, "stats", "total_net_input_bytes")?,
            output: usage::info(server, "stats", "total_net_output_bytes")?,
        })
    }

    /// Adds what was done from one time to another.
    fn add(&mut self, before: Self, after: Self) {
        self.scripts += after.scripts - before.scripts;
        self.commands += after.commands - before.commands;
        self.cpu += after.cpu - before.cpu;
        self.input += after.input - before.input;
        self.output += after.output - before.output;
    }
}

impl Measured {
    async fn start(masters: usize, attempts: u64) -> Result<Self, Error> {
        let cluster = RedisCluster::builder().masters(masters).without_replicas().start()?;
        for master in cluster.masters() {
            // A machine that is busy is not a node that is gone.
            master.cli(&["CONFIG", "SET", "cluster-node-timeout", "15000"])?;
        }
        let urls = cluster.urls();
        let store = RedisStore::builder().timeout(PATIENCE);
        let store = store.open_cluster(urls.iter().map(String::as_str))?;
        let guard = Guard::new(store, crowd::policy()?);
        filling::through(&guard, 0, attempts, TASKS).await?;
        let desk = Desk::open(guard, attempts).await?;
        Ok(Self { cluster, desk, rates: Vec::new(), logins: 0.0, used: Vec::new() })
    }

    /// Forgets what was seen of another kind of login.
    fn begin(&mut self) {
        self.rates.clear();
        self.logins = 0.0;
        self.used = vec![Used::default(); self.cluster.masters().len()];
    }

    async fn turn(&mut self, login: Login, turn: Duration, round: u32) -> Result<(), Error> {
        let masters = self.cluster.masters();
        let before = masters.iter().map(Used::of).collect::<Result<Vec<_>, _>>()?;
        let (desk, draw) = (self.desk.clone(), u64::from(round) << 40);
        let call = move |number| desk.clone().log_in(login, draw + number);
        let done = run(TASKS, turn, call).await?;
        // The first turn makes connections.
        if round == 0 {
            return Ok(());
        }
        self.rates.push(done.calls / done.seconds);
        self.logins += done.calls;
        for ((used, before), master) in self.used.iter_mut().zip(before).zip(masters) {
            used.add(before, Used::of(master)?);
        }
        Ok(())
    }

    fn figure(&self, login: Login) -> Result<ClusterFigure, Error> {
        let commands: f64 = self.used.iter().map(|used| used.commands).sum();
        let node = |(used, master): (&Used, &RedisServer)| {
            Ok(NodeFigure {
                keys: master.cli(&["DBSIZE"])?.trim().parse()?,
                share: used.commands / commands,
                scripts_per_login: used.scripts / self.logins,
                commands_per_login: used.commands / self.logins,
                cpu_us_per_login: used.cpu * 1e6 / self.logins,
                input_bytes_per_login: used.input / self.logins,
                output_bytes_per_login: used.output / self.logins,
            })
        };
        let masters = self.cluster.masters();
        Ok(ClusterFigure {
            masters: masters.len(),
            login,
            tasks: TASKS,
            per_second: median(self.rates.iter().copied()),
            nodes: self.used.iter().zip(masters).map(node).collect::<Result<_, Error>>()?,
        })
    }
}
