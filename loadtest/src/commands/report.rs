//! Measures everything, and writes the page.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use lockout_loadtest::Result;
use lockout_loadtest::contender::Contender;
use lockout_loadtest::report::figures::Quotations;
use lockout_loadtest::report::measured::measured;
use lockout_loadtest::report::page;
use lockout_loadtest::report::raw::{Part, Raw};
use lockout_loadtest::report::run::{Extent, run};
use lockout_loadtest::site::Programs;

/// Where this workspace has its documents.
const DOCS: &str = "docs";

/// Measures everything, beside the peers, and writes figures, charts and the page.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Little of each, to see that it works.
    #[arg(long)]
    quick: bool,
    /// Measures this part alone, and takes the others as they are. Can be repeated.
    #[arg(long = "only", value_enum)]
    parts: Vec<Part>,
    /// Measures nothing: makes page and charts of the figures that are there.
    #[arg(long, conflicts_with_all = ["quick", "parts"])]
    page: bool,
    /// The folder of the page; figures and charts are in its folder `results`.
    #[arg(long, default_value = DOCS)]
    docs: PathBuf,
}

impl Report {
    pub(crate) async fn run(self) -> Result<()> {
        if !self.page {
            self.measure().await?;
        }
        let raw = Raw::read(&self.docs.join("results"))?;
        page::write(&raw, &self.docs)?;
        if self.docs == Path::new(DOCS) { quote(&raw) } else { Ok(()) }
    }

    async fn measure(&self) -> Result<()> {
        let programs = Programs::here(&Contender::all().collect::<Vec<_>>())?;
        let parts = if self.parts.is_empty() { &Part::ALL[..] } else { &self.parts };
        let folder = self.docs.join("results");
        for &part in parts {
            let start = Instant::now();
            eprintln!("== {}", part.name());
            run(part, Extent { full: !self.quick }, &folder, &programs).await?;
            eprintln!("== {}: {} s", part.name(), start.elapsed().as_secs());
        }
        Ok(())
    }
}

/// Puts what was measured into the documents that quote it.
fn quote(raw: &Raw) -> Result<()> {
    let quotations = Quotations::read(&fs::read_to_string("docs/results/figures.toml")?)?;
    let measured = measured(raw);
    for document in quotations.documents() {
        let content = fs::read_to_string(document)?;
        fs::write(document, quotations.rewritten(document, &content, &measured)?)?;
    }
    Ok(())
}
