//! What each store costs on this machine, to be looked at before one is chosen.

use std::fmt::{Display, Formatter};
use std::time::Duration;

use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::contender::{Contender, Hash};
use crate::driver::{Answer, Turn};
use crate::logins::{Cell, Load, LoginFigure, Measured, Plan, Scenario, measure};
use crate::machine::Machine;
use crate::site::Programs;

/// Turns of each contender in each cell.
const REPETITIONS: u32 = 3;
/// The scenarios that the table has logins per second of.
const CLOSED: [Scenario; 2] = [Scenario::Mixed, Scenario::AllFailures];

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct Question {
    /// Whom.
    pub contenders: Vec<Contender>,
    /// How passwords are checked.
    pub hash: Hash,
    /// How long each turn lasts.
    pub turn: Duration,
    /// Connections of the closed loop.
    pub connections: usize,
    /// Logins in a second of the open loop.
    pub per_second: u32,
}

/// The answer, which prints as a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Where it was measured.
    pub machine: Machine,
    /// How passwords were checked.
    pub hash: Hash,
    /// Connections of the closed loop.
    pub connections: usize,
    /// Logins in a second of the open loop.
    pub per_second: u32,
    /// All that was measured.
    #[serde(flatten)]
    pub measured: Measured,
}

impl Comparison {
    /// Measures it. Blocks the thread.
    ///
    /// # Errors
    /// If a site that had started ends.
    pub fn make(question: &Question, programs: &Programs, progress: &ProgressBar) -> Result<Self> {
        let Question { hash, turn, connections, per_second, .. } = *question;
        let cell = |load, scenario| Cell { hash, load, scenario, turn };
        let mut cells = vec![
            cell(Load::Beside, Scenario::Mixed),
            cell(Load::Open { per_second }, Scenario::Mixed),
        ];
        cells.extend(CLOSED.map(|scenario| cell(Load::Closed { connections }, scenario)));
        let plan = Plan::of(REPETITIONS, cells);
        let measured = measure(&plan, &question.contenders, programs, progress)?;
        Ok(Self { machine: Machine::here(), hash, connections, per_second, measured })
    }

    fn figure(&self, who: Contender, load: Load, scenario: Scenario) -> Option<&LoginFigure> {
        self.measured.figure(who, self.hash, load, scenario)
    }

    fn beside(&self, who: Contender) -> Option<&LoginFigure> {
        self.figure(who, Load::Beside, Scenario::Mixed)
    }

    fn contenders(&self) -> impl Iterator<Item = Contender> {
        Contender::all().filter(|who| self.beside(*who).is_some())
    }

    /// What the table has of one contender.
    fn row(&self, who: Contender) -> Row {
        let connections = self.connections;
        let [mixed, failures] =
            CLOSED.map(|scenario| self.figure(who, Load::Closed { connections }, scenario));
        let beside = self.beside(who);
        let open = self.figure(who, Load::Open { per_second: self.per_second }, Scenario::Mixed);
        let of = |figure: Option<&LoginFigure>, value: fn(&Turn) -> f64| {
            figure.map(|figure| figure.median(value))
        };
        let added = |value: fn(&Turn) -> f64| {
            beside.filter(|_| who != who.without_lockout()).and_then(|figure| figure.added(value))
        };
        Row {
            who: who.name(),
            times: [
                of(beside, |turn| turn.p50_us),
                added(|turn| turn.p50_us),
                added(|turn| turn.p99_us),
                of(open, |turn| turn.p99_us),
            ],
            per_second: [of(mixed, Turn::per_second), of(failures, Turn::per_second)],
            cpu: [of(mixed, Turn::app_cpu_us_per_login), of(mixed, Turn::store_cpu_us_per_login)],
            memory: [failures.map(app_memory), failures.map(store_memory)],
        }
    }

    /// Answers that the scenarios have no place for.
    fn amiss(&self) -> impl Iterator<Item = String> {
        self.measured.figures.iter().filter_map(|figure| {
            let count = |answer| figure.turns.iter().map(|turn| turn.count(answer)).sum::<u64>();
            let all = [Answer::Refused, Answer::Unavailable, Answer::Broken].map(count);
            let [refused, unavailable, broken] = all;
            let logins: u64 = figure.turns.iter().map(Turn::logins).sum();
            let LoginFigure { contender, scenario, load, .. } = figure;
            (all != [0; 3]).then(|| {
                format!(
                    "{contender}, {}, {load}: of {logins} logins {refused} were refused, \
                     {unavailable} met a store that failed, {broken} broke",
                    scenario.name()
                )
            })
        })
    }
}

/// A line of the table; what was not measured is left empty.
struct Row {
    who: &'static str,
    times: [Option<f64>; 4],
    per_second: [Option<f64>; 2],
    cpu: [Option<f64>; 2],
    memory: [Option<f64>; 2],
}

impl Display for Row {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:<22}", self.who)?;
        for time in self.times.into_iter().chain(self.cpu) {
            write!(f, " {:>9}", time.map(micros).unwrap_or_default())?;
        }
        for rate in self.per_second {
            write!(f, " {:>9}", rate.map(|rate| format!("{rate:.0}")).unwrap_or_default())?;
        }
        for memory in self.memory {
            write!(f, " {:>9}", memory.map(|memory| format!("{memory:.0}")).unwrap_or_default())?;
        }
        Ok(())
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { machine, connections, per_second, .. } = self;
        writeln!(f, "{machine}")?;
        for version in &machine.versions {
            writeln!(f, "  {version}")?;
        }
        let hash = match self.hash {
            Hash::Fast => "cheap, so that the lockout is seen",
            Hash::Argon2 => "argon2id, as it should be",
        };
        let load = format!("{connections} connections");
        writeln!(f, "Password hash: {hash}. Times in µs a login, memory in MiB.\n")?;
        writeln!(
            f,
            "{:<22} {:^29} {:>9} {:^19} {:^19} {:^19}",
            "",
            "one at a time",
            format!("{per_second}/s"),
            "CPU",
            load,
            "memory"
        )?;
        let [p50, p99] = ["+ p50", "+ p99"];
        writeln!(
            f,
            "{:<22} {:>9} {p50:>9} {p99:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "", "p50", "p99", "app", "store", "mixed/s", "wrong/s", "app", "store"
        )?;
        for who in self.contenders() {
            writeln!(f, "{}", self.row(who))?;
        }
        writeln!(f, "\n+: more than the same app without a lockout takes, asked in turn with it.")?;
        if let Some(noise) = self.beside(Contender::Plain).and_then(|own| own.added(|t| t.p50_us)) {
            writeln!(f, "The plain app beside itself differs by {} µs.", micros(noise.abs()))?;
        }
        for amiss in self.amiss() {
            writeln!(f, "Beware: {amiss}.")?;
        }
        for not_run in &self.measured.not_run {
            writeln!(f, "Not run: {}.", not_run.why)?;
        }
        self.advice(f)
    }
}

impl Comparison {
    fn advice(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let mut all = self.contenders().filter_map(|who| Some((who, advice(who)?))).peekable();
        if all.peek().is_some() {
            writeln!(f, "\nWhich one for me?")?;
        }
        for (who, advice) in all {
            writeln!(f, "  {:<13} {advice}", who.name())?;
        }
        Ok(())
    }
}

/// Whom a store is for.
const fn advice(who: Contender) -> Option<&'static str> {
    Some(match who {
        Contender::Moka => {
            "One process. Nothing to run; a restart forgets all counts and lockouts."
        }
        Contender::Redis => "Several processes or machines that share counts, and Redis is there.",
        Contender::RedisCached => {
            "The same under attack: who is known to be locked is refused without asking Redis."
        }
        Contender::Postgres => {
            "Several machines and PostgreSQL, no Redis. Lockouts survive a power cut; each costs a flush."
        }
        Contender::Mariadb => "The same with MySQL or MariaDB.",
        Contender::Sqlite => {
            "Several processes on one machine, and lockouts that survive a restart."
        }
        _ => return None,
    })
}

fn app_memory(figure: &LoginFigure) -> f64 {
    figure.median(|turn| mebibytes(turn.app_memory))
}

fn store_memory(figure: &LoginFigure) -> f64 {
    figure.median(|turn| mebibytes(turn.store_memory))
}

fn mebibytes(bytes: u64) -> f64 {
    u32::try_from(bytes >> 20).map_or(f64::INFINITY, f64::from)
}

/// As many digits as mean something.
fn micros(time: f64) -> String {
    if time.abs() < 100.0 { format!("{time:.1}") } else { format!("{time:.0}") }
}
