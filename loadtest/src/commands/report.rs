//! Measures everything, and writes the page.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use lockout_loadtest::Result;
use lockout_loadtest::contender::Contender;
use lockout_loadtest::report::raw::Part;
use lockout_loadtest::report::run::{Extent, run};
use lockout_loadtest::site::Programs;

/// Measures everything, beside the peers, and writes figures, charts and the page.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Little of each, to see that it works.
    #[arg(long)]
    quick: bool,
    /// Measures this part alone, and takes the others as they are. Can be repeated.
    #[arg(long = "only", value_enum)]
    parts: Vec<Part>,
    /// Where figures and charts are kept.
    #[arg(long, default_value = "docs/results")]
    folder: PathBuf,
}

impl Report {
    pub(crate) async fn run(self) -> Result<()> {
        let programs = Programs::here(&Contender::all().collect::<Vec<_>>())?;
        let parts = if self.parts.is_empty() { Part::ALL.to_vec() } else { self.parts };
        for part in parts {
            let start = Instant::now();
            eprintln!("== {}", part.name());
            run(part, Extent { full: !self.quick }, &self.folder, &programs).await?;
            eprintln!("== {}: {} s", part.name(), start.elapsed().as_secs());
        }
        Ok(())
    }
}
