//! The page that shows all of it: `docs/results.md`, and its charts.

mod attacks;
mod growth;
mod logins;
mod markdown;
mod peers;

pub(super) use self::attacks::burst_verified;
pub(super) use self::logins::added_us;

use std::fs;
use std::path::Path;

use super::chart::{Bars, Lines, Page};
use super::raw::Raw;
use crate::Result;
use crate::machine::Machine;

/// A chart with its file's name.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The file's name without its end.
    pub name: &'static str,
    /// What it shows, for those who cannot see it.
    pub shows: &'static str,
    /// What is drawn.
    pub drawing: Drawing,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub enum Drawing {
    /// Bars.
    Bars(Bars),
    /// Lines.
    Lines(Lines),
}

impl Drawing {
    fn svg(&self, page: Page) -> Result<String> {
        match self {
            Self::Bars(bars) => bars.svg(page),
            Self::Lines(lines) => lines.svg(page),
        }
    }
}

/// Text with charts in it.
#[derive(Clone, Debug, Default)]
pub struct Section {
    text: String,
    charts: Vec<Chart>,
}

impl Section {
    fn add(&mut self, text: impl AsRef<str>) {
        self.text.push_str(text.as_ref());
        self.text.push_str("\n\n");
    }

    /// Where the chart is put, the page shows it as its reader's page is, light or dark.
    fn show(&mut self, chart: Chart) {
        let Chart { name, shows, .. } = chart;
        self.add(format!(
            "<picture>\n  <source media=\"(prefers-color-scheme: dark)\" \
             srcset=\"results/{name}-dark.svg\">\n  \
             <img alt=\"{shows}\" src=\"results/{name}.svg\">\n</picture>"
        ));
        self.charts.push(chart);
    }

    fn append(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.charts.extend(other.charts);
    }
}

/// All files that are made of what was measured: the page, and a chart for each kind of page, by
/// their paths from the folder `docs`.
///
/// # Errors
/// If a chart cannot be drawn.
pub fn files(raw: &Raw) -> Result<Vec<(String, String)>> {
    let mut page = Section::default();
    page.add(
        "<!-- Written by scripts/report from the files in results/. Change those, or the program, \
         not this page. -->",
    );
    page.add("# Results");
    page.add(INTRODUCTION);
    page.add(machines(raw));
    page.append(logins::section(raw));
    page.append(attacks::section(raw));
    page.append(growth::section(raw));
    page.append(peers::section(raw));
    let mut files = vec![("results.md".to_owned(), page.text.trim_end().to_owned() + "\n")];
    for chart in &page.charts {
        for (kind, end) in Page::ALL {
            files.push((format!("results/{}{end}.svg", chart.name), chart.drawing.svg(kind)?));
        }
    }
    Ok(files)
}

/// Writes them into the folder `docs`.
///
/// # Errors
/// If a chart cannot be drawn, or a file cannot be written.
pub fn write(raw: &Raw, docs: &Path) -> Result<()> {
    for (path, text) in files(raw)? {
        fs::write(docs.join(path), text)?;
    }
    Ok(())
}

const INTRODUCTION: &str = "\
Logins under load and under attack: one small login app with each store and with none, and beside it what
people install elsewhere, all on one machine, under the same driver, in the same run. `scripts/report`
makes all of it anew, in some hours; `scripts/report --quick` in minutes, to see that it works. What was
measured is in [`results`](results), every turn of it.

An absolute time says as much about the machine as about the code. What stands is how two figures of one
run compare.";

fn machines(raw: &Raw) -> String {
    let parts = [
        raw.logins.as_ref().map(|run| ("logins", &run.machine, run.full)),
        raw.attacks.as_ref().map(|run| ("attacks", &run.machine, run.full)),
        raw.throughput.as_ref().map(|run| ("libraries alone", &run.machine, run.full)),
        raw.growth.as_ref().map(|run| ("growth", &run.machine, run.full)),
        raw.processes.as_ref().map(|run| ("processes", &run.machine, run.full)),
        raw.clusters.as_ref().map(|run| ("clusters", &run.machine, run.full)),
        raw.expenses.as_ref().map(|run| ("expenses", &run.machine, run.full)),
    ];
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    let mut programs: Vec<&str> = Vec::new();
    for (name, machine, full) in parts.into_iter().flatten() {
        let name = if full { name.to_owned() } else { format!("{name} (a quick look)") };
        let line = Machine::to_string(machine);
        programs.extend(machine.versions.iter().map(String::as_str));
        match lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, names)) => names.push(name),
            None => lines.push((line, vec![name])),
        }
    }
    programs.sort_unstable();
    programs.dedup();
    let machines = lines.iter().map(|(line, names)| format!("- {line}: {}", names.join(", ")));
    let programs = programs.iter().map(|program| format!("- {program}"));
    machines.chain(programs).collect::<Vec<_>>().join("\n")
}
