//! What was measured, in files that are kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::attacks::Figures as Attacks;
use crate::growth::figures::{
    ClusterFigure, ExpenseFigure, GrowthFigure, MapFigure, ProcessesFigure,
};
use crate::logins::Measured;
use crate::machine::Machine;
use crate::throughput::Rate;
use crate::{Error, Result};

/// A part of the report, and the file of its figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub enum Part {
    /// Logins without an attack.
    Logins,
    /// Attacks.
    Attacks,
    /// Failed logins a second, by the libraries alone.
    Throughput,
    /// Stores that grow.
    Growth,
    /// Several processes.
    Processes,
    /// Redis Clusters.
    Clusters,
    /// What a login costs everybody who takes part.
    Expenses,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Logins,
        Self::Attacks,
        Self::Throughput,
        Self::Growth,
        Self::Processes,
        Self::Clusters,
        Self::Expenses,
    ];

    /// The file's name without its end.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logins => "logins",
            Self::Attacks => "attacks",
            Self::Throughput => "throughput",
            Self::Growth => "growth",
            Self::Processes => "processes",
            Self::Clusters => "clusters",
            Self::Expenses => "expenses",
        }
    }
}

/// The figures of a part, and where they are from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run<T> {
    /// Where it was measured.
    pub machine: Machine,
    /// Whether everything was measured, or little, to see that it works.
    pub full: bool,
    /// What was measured.
    pub figures: T,
}

/// What growth gives.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Growth {
    /// The stores.
    pub stores: Vec<GrowthFigure>,
    /// A bare map beside them.
    pub maps: Vec<MapFigure>,
}

/// One line of what `scripts/bench` writes.
#[derive(Clone, Debug, Deserialize)]
pub struct BenchRow {
    /// What ours does, and what was measured of it.
    pub what: String,
    /// What the floor does.
    pub floor: String,
    /// The floor's figure, in `unit`.
    #[serde(rename = "floor_ns")]
    pub floor_figure: f64,
    /// Ours.
    #[serde(rename = "ours_ns")]
    pub ours_figure: f64,
    /// Ours for one of the floor's.
    pub ratio: f64,
    /// What the figures are counted in.
    pub unit: String,
}

/// All that has been measured; what has not is not there.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    /// Logins without an attack.
    pub logins: Option<Run<Measured>>,
    /// Attacks.
    pub attacks: Option<Run<Attacks>>,
    /// The libraries alone.
    pub throughput: Option<Run<Vec<Rate>>>,
    /// Stores that grow.
    pub growth: Option<Run<Growth>>,
    /// Several processes.
    pub processes: Option<Run<Vec<ProcessesFigure>>>,
    /// Redis Clusters.
    pub clusters: Option<Run<Vec<ClusterFigure>>>,
    /// What a login costs.
    pub expenses: Option<Run<Vec<ExpenseFigure>>>,
    /// The runs of each program of `scripts/bench`: `quick-2.json` is one of `quick`.
    pub benches: BTreeMap<String, Vec<Vec<BenchRow>>>,
}

impl Raw {
    /// Reads what is in a folder.
    ///
    /// # Errors
    /// If a file cannot be read, or is none of these.
    pub fn read(folder: &Path) -> Result<Self> {
        Ok(Self {
            logins: read(folder, Part::Logins)?,
            attacks: read(folder, Part::Attacks)?,
            throughput: read(folder, Part::Throughput)?,
            growth: read(folder, Part::Growth)?,
            processes: read(folder, Part::Processes)?,
            clusters: read(folder, Part::Clusters)?,
            expenses: read(folder, Part::Expenses)?,
            benches: benches(&folder.join("bench"))?,
        })
    }
}

/// Writes the figures of a part into its file.
///
/// # Errors
/// If it cannot be written.
pub fn write<T: Serialize>(folder: &Path, part: Part, full: bool, figures: T) -> Result<()> {
    fs::create_dir_all(folder)?;
    let run = Run { machine: Machine::here(), full, figures };
    let text = serde_json::to_string_pretty(&run)? + "\n";
    Ok(fs::write(file(folder, part), text)?)
}

fn file(folder: &Path, part: Part) -> PathBuf {
    folder.join(part.name()).with_extension("json")
}

fn read<T: DeserializeOwned>(folder: &Path, part: Part) -> Result<Option<T>> {
    let file = file(folder, part);
    if file.exists() { Ok(Some(parsed(&file)?)) } else { Ok(None) }
}

fn parsed<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let wrong = |error: &dyn std::error::Error| Error::from(format!("{}: {error}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| wrong(&error))?;
    serde_json::from_str(&text).map_err(|error| wrong(&error))
}

/// In the order of the files' names.
fn benches(folder: &Path) -> Result<BTreeMap<String, Vec<Vec<BenchRow>>>> {
    let mut files: Vec<PathBuf> = match folder.exists() {
        true => fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?,
        false => Vec::new(),
    };
    files.sort();
    let mut all: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for file in files {
        let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let program = name.split_once('-').map_or(name, |(program, _)| program);
        all.entry(program.to_owned()).or_default().push(parsed(&file)?);
    }
    Ok(all)
}
