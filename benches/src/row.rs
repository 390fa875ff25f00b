//! What the programs print and write: a line for each figure.

use std::error::Error;

use serde::Serialize;

/// A line of the table, and of the JSON file.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What ours does, and what was measured of it.
    pub what: String,
    /// What the floor does.
    pub floor: String,
    // The files of earlier runs say `ns` whatever the unit, and are compared with.
    /// The floor's figure, in `unit`.
    #[serde(rename = "floor_ns")]
    pub floor_figure: f64,
    /// Ours, in `unit`.
    #[serde(rename = "ours_ns")]
    pub ours_figure: f64,
    /// Ours for one of the floor's.
    pub ratio: f64,
    /// The most that the ratio may be, where less is better.
    pub at_most: Option<f64>,
    /// The least that the ratio may be, where more is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// What the figures are counted in.
    pub unit: &'static str,
}

impl Row {
    /// A row without a target.
    #[must_use]
    pub fn new(what: String, floor: &str, figures: [f64; 2], unit: &'static str) -> Self {
        let [floor_figure, ours_figure] = figures;
        let ratio = ours_figure / floor_figure;
        let floor = floor.to_owned();
        Self { what, floor, floor_figure, ours_figure, ratio, at_most: None, at_least: None, unit }
    }

    /// Whether there is a target that the ratio does not meet.
    #[must_use]
    pub fn is_missed(&self) -> bool {
        self.at_most.is_some_and(|most| self.ratio > most)
            || self.at_least.is_some_and(|least| self.ratio < least)
    }

    /// Prints the head of a table.
    pub fn print_head() {
        println!(
            "{:<52} {:>10} {:>10} {:>7} {:>8}         floor",
            "what", "floor", "ours", "ratio", "target"
        );
    }

    /// Prints the row and gives it back.
    #[must_use]
    pub fn printed(self) -> Self {
        let target = match (self.at_most, self.at_least) {
            (Some(most), _) => format!("<= {most:.2}"),
            (None, Some(least)) => format!(">= {least:.2}"),
            (None, None) => String::new(),
        };
        let missed = if self.is_missed() { "MISSED" } else { "" };
        let unit = self.unit;
        println!(
            "{:<52} {:>7.0} {unit:<2} {:>7.0} {unit:<2} {:>7.2} {target:>8} {missed:<7} {}",
            self.what, self.floor_figure, self.ours_figure, self.ratio, self.floor
        );
        self
    }
}

/// The file of a program's arguments, which are `--json FILE` or none.
///
/// # Errors
/// If they are anything else.
pub fn json_file(program: &str) -> Result<Option<String>, Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => Ok(None),
        [flag, file] if flag == "--json" => Ok(Some(file.clone())),
        _ => Err(format!("usage: {program} [--json FILE]").into()),
    }
}

/// Writes `rows` into a file.
///
/// # Errors
/// If it cannot be written.
pub fn write_json(rows: &[Row], file: &str) -> Result<(), Box<dyn Error>> {
    let text = serde_json::to_string_pretty(rows)? + "\n";
    std::fs::write(file, text).map_err(|error| format!("{file}: {error}").into())
}

/// The one in the middle.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}
