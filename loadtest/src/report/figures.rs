//! The figures that documents quote, kept equal to what was measured.
//!
//! `docs/results/figures.toml` says which text of which document quotes which figures. A text has a
//! place for each: `{2}` is a number with two decimals. [What figures are called](super::measured).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use thiserror::Error;

/// What was measured: each figure by what it is.
pub type Measured = BTreeMap<String, f64>;

/// All that documents quote.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quotations {
    #[serde(rename = "quotation")]
    quotations: Vec<Quotation>,
}

/// A text that quotes figures.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Quotation {
    /// Where it stands, from the root of the workspace.
    document: String,
    /// The text, with a place for each figure.
    text: String,
    /// What the figures are.
    of: Vec<String>,
}

/// Why a document does not quote what was measured.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum QuotationError {
    /// Nobody has measured this.
    #[error("{document} quotes what was not measured: {figure}")]
    Unknown {
        /// The document.
        document: String,
        /// The figure's name.
        figure: String,
    },
    /// A place without a figure, or a figure without a place.
    #[error("a quotation in {document} has {places} places for {figures} figures: {text}")]
    Places {
        /// The document.
        document: String,
        /// The text.
        text: String,
        /// How many places it has.
        places: usize,
        /// How many figures there are.
        figures: usize,
    },
    /// The document does not have the text, or has it more than once.
    #[error("{document} has {times} times this text with numbers in it, and once is right: {text}")]
    Text {
        /// The document.
        document: String,
        /// The text.
        text: String,
        /// How often the document has it.
        times: usize,
    },
}

impl Quotations {
    /// Reads them.
    ///
    /// # Errors
    /// If the text is no such list.
    pub fn read(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The documents that quote anything, each once.
    pub fn documents(&self) -> impl Iterator<Item = &Path> {
        let mut names: Vec<_> = self.quotations.iter().map(|one| one.document.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(Path::new)
    }

    /// The document with what was measured in place of what it quotes.
    ///
    /// # Errors
    /// If it quotes what was not measured, or does not have a text.
    pub fn rewritten(
        &self,
        document: &Path,
        content: &str,
        measured: &Measured,
    ) -> Result<String, QuotationError> {
        let mut content = content.to_owned();
        for quotation in self.quotations.iter().filter(|one| Path::new(&one.document) == document) {
            content = quotation.rewritten(&content, measured)?;
        }
        Ok(content)
    }
}

impl Quotation {
    fn rewritten(&self, content: &str, measured: &Measured) -> Result<String, QuotationError> {
        let (literals, decimals) = places(&self.text);
        if decimals.len() != self.of.len() {
            return Err(QuotationError::Places {
                document: self.document.clone(),
                text: self.text.clone(),
                places: decimals.len(),
                figures: self.of.len(),
            });
        }
        let mut text = literals[0].to_owned();
        for ((figure, digits), literal) in self.of.iter().zip(decimals).zip(&literals[1..]) {
            let value = value(figure, measured).ok_or_else(|| QuotationError::Unknown {
                document: self.document.clone(),
                figure: figure.clone(),
            })?;
            text += &format!("{value:.digits$}");
            text += literal;
        }
        let found: Vec<_> = content
            .match_indices(literals[0])
            .filter_map(|(start, _)| Some((start, end(&content[start..], &literals)?)))
            .collect();
        match found[..] {
            [(start, length)] => {
                Ok([&content[..start], &text, &content[start + length..]].concat())
            }
            _ => Err(QuotationError::Text {
                document: self.document.clone(),
                text: self.text.clone(),
                times: found.len(),
            }),
        }
    }
}

/// The figure of this name, or the quotient of two: `one // other`.
fn value(name: &str, measured: &Measured) -> Option<f64> {
    match name.split_once(" // ") {
        Some((one, other)) => Some(measured.get(one)? / measured.get(other)?),
        None => measured.get(name).copied(),
    }
}

/// What stands between the places of a text, and how many decimals each place has.
fn places(text: &str) -> (Vec<&str>, Vec<usize>) {
    let (mut literals, mut decimals) = (Vec::new(), Vec::new());
    let mut rest = text;
    let mut literal = 0;
    while let Some(open) = rest[literal..].find('{').map(|at| at + literal) {
        let digits = rest[open + 1..].split_once('}').and_then(|(digits, _)| digits.parse().ok());
        let Some(digits) = digits else {
            literal = open + 1;
            continue;
        };
        literals.push(&rest[..open]);
        decimals.push(digits);
        rest = rest[open..].split_once('}').map_or("", |(_, rest)| rest);
        literal = 0;
    }
    literals.push(rest);
    (literals, decimals)
}

/// How long the text is that these literals with numbers between them begin `content` with.
fn end(content: &str, literals: &[&str]) -> Option<usize> {
    let mut rest = content.strip_prefix(literals[0])?;
    for literal in &literals[1..] {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
        if number.len() == rest.len() {
            return None;
        }
        // The dot that ends a sentence is no part of its number.
        let dot = rest[..rest.len() - number.len()].ends_with('.');
        let number = if dot { &rest[rest.len() - number.len() - 1..] } else { number };
        rest = number.strip_prefix(literal)?;
    }
    Some(content.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "costs 1.2 times as much, and 340 B.\n| a | 0.5 | 12 |\nand 7 B.\n";

    fn rewritten(text: &str, of: &[&str]) -> Result<String, QuotationError> {
        let measured = Measured::from([("x".to_owned(), 2.345), ("y".to_owned(), 1_000.4)]);
        let quotation = Quotation {
            document: "a.md".to_owned(),
            text: text.to_owned(),
            of: of.iter().map(|&name| name.to_owned()).collect(),
        };
        let quotations = Quotations { quotations: vec![quotation] };
        quotations.rewritten(Path::new("a.md"), DOCUMENT, &measured)
    }

    #[test]
    fn what_was_measured_stands_where_it_is_quoted() {
        let text = rewritten("costs {1} times as much, and {0} B.", &["x", "y"]).unwrap();
        assert_eq!(text, DOCUMENT.replace("1.2", "2.3").replace("340", "1000"));
        let text = rewritten("| a | {2} | {0} |", &["x", "x"]).unwrap();
        assert_eq!(text, DOCUMENT.replace("| 0.5 | 12 |", "| 2.35 | 2 |"));
        let text = rewritten("costs {0} times as much", &["y // x"]).unwrap();
        assert_eq!(text, DOCUMENT.replace("1.2", "427"));
        assert_eq!(rewritten("and {0} B.\n|", &["y"]).unwrap(), DOCUMENT.replace("340", "1000"));
    }

    #[test]
    fn a_quotation_that_does_not_hold_is_an_error() {
        let unknown = rewritten("and {0} B.\n|", &["z"]).unwrap_err();
        assert!(matches!(unknown, QuotationError::Unknown { .. }), "{unknown}");
        let places = rewritten("and {0} B.\n|", &["x", "y"]).unwrap_err();
        assert!(matches!(places, QuotationError::Places { places: 1, figures: 2, .. }), "{places}");
        let twice = rewritten("and {0} B.", &["x"]).unwrap_err();
        assert!(matches!(twice, QuotationError::Text { times: 2, .. }), "{twice}");
        let never = rewritten("but {0} B.", &["x"]).unwrap_err();
        assert!(matches!(never, QuotationError::Text { times: 0, .. }), "{never}");
    }
}
