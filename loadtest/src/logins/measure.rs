//! Takes turns.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Runtime;

use super::{Cell, Load, LoginFigure, Measured, Plan, Scenario};
use crate::contender::{Contender, Hash, NotRun};
use crate::driver::{Closed, Logins, Open, Turn, beside, runtime};
use crate::site::{Programs, Site};
use crate::{Error, Result};

/// How long an answer is waited for when nothing comes at a rate: longer than any queue here is.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections of a warm-up.
const WARM_UP: usize = 8;
/// About what a site takes to start.
const START: Duration = Duration::from_millis(1_500);

/// A site with the logins that it has not had yet: it goes on with them from turn to turn, so that
/// who mistyped in one comes back in the next.
struct Running {
    site: Site,
    logins: [Logins; 3],
}

impl Running {
    const fn lane(&self, scenario: Scenario) -> (&Site, &Logins) {
        (&self.site, &self.logins[scenario as usize])
    }
}

/// Measures these contenders, and those that they are to be beside. Blocks the thread: call it
/// outside a runtime, or where blocking is allowed. Who cannot be started is left out and named.
///
/// # Errors
/// If a site that had started ends or no longer says what it uses.
pub fn measure(
    plan: &Plan,
    contenders: &[Contender],
    programs: &Programs,
    progress: &ProgressBar,
) -> Result<Measured> {
    let mut contenders = contenders.to_vec();
    contenders.extend(contenders.clone().into_iter().map(Contender::without_lockout));
    contenders.sort_unstable();
    contenders.dedup();
    let starts = u32::try_from(plan.hashes().len() * contenders.len())?;
    let total = plan.expected(&contenders) + (START + plan.warm_up) * starts;
    progress.set_length(millis(total));
    let mut measured = Measured::default();
    for hash in plan.hashes() {
        let turns = Turns { plan, programs, progress, runtime: runtime()? };
        turns.measure(hash, &contenders, &mut measured)?;
    }
    progress.finish_and_clear();
    Ok(measured)
}

/// A bar for a run: on a terminal what is being done and how long it will take, elsewhere nothing.
///
/// # Errors
/// None that can be met: its template is a constant.
pub fn bar() -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} %, {eta} left: {wide_msg}")?;
    let bar = ProgressBar::new(0).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}

struct Turns<'a> {
    plan: &'a Plan,
    programs: &'a Programs,
    progress: &'a ProgressBar,
    runtime: Runtime,
}

impl Turns<'_> {
    fn measure(&self, hash: Hash, contenders: &[Contender], into: &mut Measured) -> Result<()> {
        let mut sites = Vec::new();
        for contender in contenders {
            match self.start(*contender, hash) {
                Ok(running) => sites.push(running),
                Err(error) => {
                    let why = error.to_string();
                    into.not_run.retain(|not_run| not_run.contender != *contender);
                    into.not_run.push(NotRun { contender: *contender, why });
                }
            }
        }
        for cell in self.plan.cells.iter().filter(|cell| cell.hash == hash) {
            into.figures.extend(self.cell(cell, &sites)?);
        }
        Ok(())
    }

    /// Starts a site and warms it up.
    fn start(&self, contender: Contender, hash: Hash) -> Result<Running> {
        self.progress.set_message(format!("{contender}: starting"));
        let site = Site::start(contender, hash, self.programs)?;
        let running = Running { site, logins: Scenario::ALL.map(Scenario::logins) };
        let load = Load::Closed { connections: WARM_UP };
        let warm_up = Cell { hash, load, scenario: Scenario::Mixed, turn: self.plan.warm_up };
        self.turn(&warm_up, &running, None)?;
        self.progress.inc(millis(START + self.plan.warm_up));
        Ok(running)
    }

    fn cell(&self, cell: &Cell, sites: &[Running]) -> Result<Vec<LoginFigure>> {
        let sites: Vec<_> =
            sites.iter().filter(|running| cell.concerns(running.site.contender())).collect();
        let new = |running: &&Running| LoginFigure {
            contender: running.site.contender(),
            scenario: cell.scenario,
            hash: cell.hash,
            load: cell.load,
            turns: Vec::new(),
            without: Vec::new(),
        };
        let mut figures: Vec<_> = sites.iter().map(new).collect();
        for _ in 0..self.plan.repetitions {
            for (running, figure) in sites.iter().zip(&mut figures) {
                let contender = running.site.contender();
                self.progress.set_message(format!("{contender}: {cell}"));
                let without = contender.without_lockout();
                let without = sites.iter().find(|other| other.site.contender() == without);
                let mut turns = self
                    .turn(cell, running, without.copied())
                    .map_err(|error| Error::from(format!("{contender}, {cell}: {error}")))?
                    .into_iter();
                figure.turns.extend(turns.next());
                figure.without.extend(turns.next());
                self.progress.inc(millis(cell.turn));
            }
        }
        Ok(figures)
    }

    /// One turn, and the one beside it if the load has one.
    fn turn(&self, cell: &Cell, running: &Running, without: Option<&Running>) -> Result<Vec<Turn>> {
        let (site, logins) = running.lane(cell.scenario);
        let duration = cell.turn;
        self.runtime.block_on(async {
            match cell.load {
                Load::Beside => {
                    let mut lanes = vec![(site, logins)];
                    lanes.extend(without.map(|without| without.lane(cell.scenario)));
                    beside(&lanes, duration, PATIENCE).await
                }
                Load::Closed { connections } => {
                    let closed = Closed { connections, duration, patience: PATIENCE };
                    Ok(vec![closed.turn(site, logins).await?])
                }
                Load::Open { per_second } => {
                    let Plan { connections, patience, .. } = *self.plan;
                    let open = Open { per_second, duration, connections, patience };
                    Ok(vec![open.turn(site, logins).await?])
                }
            }
        })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
