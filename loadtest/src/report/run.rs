//! Measures all parts, one after the other.

use std::path::Path;

use crate::contender::Contender;
use crate::growth::{self, Kind};
use crate::report::raw::{Growth, Part, write};
use crate::site::Programs;
use crate::{Result, attacks, logins, throughput};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Everything, in hours; otherwise little, in minutes.
    pub full: bool,
}

impl Extent {
    const fn growth(self) -> growth::Plan {
        if self.full { growth::Plan::FULL } else { growth::Plan::QUICK }
    }
}

/// Measures a part and writes its file into a folder.
///
/// # Errors
/// If a server that is needed is not installed, or something ends in the middle.
pub async fn run(part: Part, extent: Extent, folder: &Path, programs: &Programs) -> Result<()> {
    let full = extent.full;
    match part {
        Part::Logins => {
            let plan = if full { logins::Plan::full() } else { logins::Plan::quick() };
            let programs = programs.clone();
            let measured = move || {
                let all: Vec<_> = Contender::all().collect();
                logins::measure(&plan, &all, &programs, &logins::bar()?)
            };
            write(folder, part, full, tokio::task::spawn_blocking(measured).await??)
        }
        Part::Attacks => {
            let plan = if full { attacks::Plan::full() } else { attacks::Plan::quick() };
            let all: Vec<_> = Contender::all().collect();
            let figures = attacks::run(&plan, &all, programs, &|line| eprintln!("{line}")).await;
            write(folder, part, full, figures)
        }
        Part::Throughput => {
            let (turns, seconds) = if full { (9, 3) } else { (3, 1) };
            write(folder, part, full, throughput::beside_peers(programs, turns, seconds).await?)
        }
        Part::Growth => write(folder, part, full, grown(extent.growth()).await?),
        Part::Processes => {
            let mut figures = Vec::new();
            for kind in Kind::SHARED {
                eprintln!("processes: {kind}");
                figures.extend(growth::processes(kind, extent.growth()).await?);
            }
            write(folder, part, full, figures)
        }
        Part::Clusters => write(folder, part, full, growth::clusters(extent.growth()).await?),
        Part::Expenses => {
            let mut figures = Vec::new();
            for kind in Kind::ALL {
                eprintln!("expenses: {kind}");
                figures.extend(growth::expenses(kind, extent.growth()).await?);
            }
            write(folder, part, full, figures)
        }
    }
}

async fn grown(plan: growth::Plan) -> Result<Growth> {
    let mut stores = Vec::new();
    for kind in Kind::ALL {
        let figures = growth::grow(kind, plan, |figure| {
            eprintln!("growth: {} at {}: {:.2}", figure.store, figure.subjects, figure.ratio);
        });
        stores.extend(figures.await?);
    }
    let maps = tokio::task::spawn_blocking(move || growth::maps(plan)).await??;
    Ok(Growth { stores, maps })
}
