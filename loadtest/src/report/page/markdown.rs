//! Tables.

use crate::report::chart::short;

/// A table: the first column is text, the others are numbers.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n| ---", head.join(" | "));
    text.push_str(&" | ---:".repeat(head.len() - 1));
    text.push_str(" |");
    for row in rows {
        text.push_str(&format!("\n| {} |", row.join(" | ")));
    }
    text
}

/// A figure, or a dash where there is none.
pub(super) fn figure(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or_else(|| "–".to_owned(), short)
}
