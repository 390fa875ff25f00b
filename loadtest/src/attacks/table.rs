//! The same to read.

use super::AttackFigure;
use super::figure::{Counts, Honest};
use crate::contender::Hash;
use crate::driver::{Answer, Protocol};

/// The names of the columns.
const HEAD: [&str; 13] = [
    "contender",
    "attack",
    "hash",
    "http",
    "addresses",
    "guesses",
    "verified",
    "in/wrong/429/503/broken",
    "locked ms",
    "honest in",
    "p99 ms",
    "cpu ms",
    "",
];

/// One line for each figure, in columns.
#[must_use]
pub fn table(figures: &[AttackFigure]) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(figures.iter().map(row));
    let mut widths = [0; HEAD.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; HEAD.len()]| -> String {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn row(figure: &AttackFigure) -> [String; HEAD.len()] {
    let hash = if figure.hash == Hash::Fast { "fast" } else { "argon2" };
    let protocol = if figure.protocol == Protocol::Http1 { "1.1" } else { "2" };
    let honest = figure.honest;
    let share = |honest: Honest| format!("{} of {}", honest.let_in, honest.sent);
    [
        figure.contender.to_string(),
        figure.attack.to_string(),
        hash.to_owned(),
        protocol.to_owned(),
        figure.addresses.to_string(),
        figure.guesses.to_string(),
        figure.verified.to_string(),
        counts(&figure.answers),
        figure.time_to_lock_ms.map(|ms| format!("{ms:.1}")).unwrap_or_default(),
        honest.map(share).unwrap_or_default(),
        honest.map(|honest| millis(honest.p99_us)).unwrap_or_default(),
        format!("{}+{}", figure.app_cpu_us / 1_000, figure.store_cpu_us / 1_000),
        notes(figure).join(", "),
    ]
}

/// What only some attacks have.
fn notes(figure: &AttackFigure) -> Vec<String> {
    let mut notes = vec![format!("{:.1} s", figure.seconds)];
    if let Some(owner) = figure.owner {
        notes.push(format!("owner refused {} of {}", owner.refused, owner.sent));
    }
    if let Some(survived) = figure.lock_survived {
        notes.push(if survived { "lock survived" } else { "lock LOST" }.to_owned());
    }
    if figure.attack == super::Attack::Flood {
        notes.push(format!("{} bytes a name", figure.bytes_per_guess()));
    }
    if let Some(outage) = &figure.outage {
        let parts = [&outage.before, &outage.during, &outage.after].map(counts).join(" | ");
        notes.push(parts);
        notes.push(format!("store back in {:.0} ms", outage.restart_ms));
        let back = outage.let_in_after_ms.map(|ms| format!("let in {ms:.0} ms after that"));
        notes.push(back.unwrap_or_else(|| "NOBODY let in again".to_owned()));
    }
    if let Some(honest) = figure.honest {
        notes.push(format!("longest {} ms", millis(honest.longest_us)));
    }
    notes
}

fn counts(counts: &Counts) -> String {
    let answers =
        [Answer::Welcome, Answer::Wrong, Answer::Refused, Answer::Unavailable, Answer::Broken];
    answers.map(|answer| counts.of(answer).to_string()).join("/")
}

fn millis(us: u64) -> String {
    format!("{}.{}", us / 1_000, us % 1_000 / 100)
}
