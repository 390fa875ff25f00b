//! What a run was made on.

use std::process::Command;

use procfs::{CpuInfo, Current as _, Meminfo};
use serde::{Deserialize, Serialize};

/// The machine and the versions of what ran on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Processors that this process may use.
    pub processors: usize,
    /// What the processor calls itself.
    pub model: String,
    /// In bytes.
    pub memory: u64,
    /// The kernel's version.
    pub kernel: String,
    /// The day of the run, `2026-01-31`.
    pub day: String,
    /// What programs call themselves, one line for each that is there.
    pub versions: Vec<String>,
}

/// Programs that say their version when they are given these arguments.
const PROGRAMS: [(&str, &[&str]); 6] = [
    ("rustc", &["--version"]),
    ("redis-server", &["--version"]),
    ("psql", &["--version"]),
    ("mariadbd", &["--version"]),
    ("python3", &["--version"]),
    ("node", &["--version"]),
];

impl Machine {
    /// This one, today.
    #[must_use]
    pub fn here() -> Self {
        let model = CpuInfo::current()
            .ok()
            .and_then(|info| info.model_name(0).map(str::to_owned))
            .unwrap_or_else(|| "unknown".to_owned());
        Self {
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            model,
            memory: Meminfo::current().map_or(0, |info| info.mem_total),
            kernel: first_line("uname", &["-r"]).unwrap_or_default(),
            day: first_line("date", &["-u", "+%F"]).unwrap_or_default(),
            versions: PROGRAMS.iter().filter_map(|(name, asks)| version(name, asks)).collect(),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gibibytes = self.memory.div_ceil(1 << 30);
        let Self { processors, model, kernel, day, .. } = self;
        write!(f, "{processors} × {model}, {gibibytes} GiB, Linux {kernel}, {day}")
    }
}

fn version(name: &str, asks: &[&str]) -> Option<String> {
    let line = first_line(name, asks)?;
    // Some say the version alone.
    Some(if line.starts_with('v') { format!("{name} {line}") } else { line })
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).args(arguments).env("PATH", path).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(str::to_owned)
}
