//! What processes use of the machine.

use std::collections::HashMap;
use std::time::Duration;

use procfs::process::{Process, Stat, all_processes};
use serde::{Deserialize, Serialize};

use crate::Result;

/// The processor time and the memory of a process and all that it has started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Since they started, in microseconds; children that have ended count too.
    pub cpu_us: u64,
    /// Resident now, in bytes. What processes share is divided among them.
    pub memory: u64,
}

impl Usage {
    /// Of the process with this number.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn of_tree(pid: u32) -> Result<Self> {
        let usages = tree(pid)?;
        let usages = usages.iter().map(Self::of);
        Ok(usages.fold(Self::default(), |sum, one| Self {
            cpu_us: sum.cpu_us + one.cpu_us,
            memory: sum.memory + one.memory,
        }))
    }

    /// Of this process alone.
    fn of(stat: &Stat) -> Self {
        let reaped = u64::try_from(stat.cutime + stat.cstime).unwrap_or(0);
        let ticks = stat.utime + stat.stime + reaped;
        Self {
            cpu_us: ticks * 1_000_000 / procfs::ticks_per_second(),
            memory: proportional(stat.pid).unwrap_or(stat.rss * procfs::page_size()),
        }
    }

    /// The processor time since `earlier`.
    #[must_use]
    pub const fn cpu_since(&self, earlier: &Self) -> Duration {
        Duration::from_micros(self.cpu_us.saturating_sub(earlier.cpu_us))
    }
}

/// The memory of a process, and of what it shares its part: PostgreSQL's processes share gigabytes.
fn proportional(pid: i32) -> Option<u64> {
    let rollup = Process::new(pid).ok()?.smaps_rollup().ok()?;
    rollup.memory_map_rollup.iter().next()?.extension.map.get("Pss").copied()
}

/// The threads of a process and all that it has started.
pub(crate) fn threads(pid: u32) -> Result<Vec<i32>> {
    let processes = tree(pid)?;
    let tasks = processes.iter().filter_map(|stat| Process::new(stat.pid).ok()?.tasks().ok());
    Ok(tasks.flatten().filter_map(|task| Some(task.ok()?.tid)).collect())
}

/// A process and all that it has started.
fn tree(pid: u32) -> Result<Vec<Stat>> {
    let root = i32::try_from(pid)?;
    // Processes that end while they are looked at are left out.
    let stats: Vec<Stat> =
        all_processes()?.filter_map(|process| process.ok()?.stat().ok()).collect();
    let parents: HashMap<i32, i32> = stats.iter().map(|stat| (stat.pid, stat.ppid)).collect();
    if !parents.contains_key(&root) {
        return Err(format!("process {pid} is not there any more").into());
    }
    let is_ours = |stat: &&Stat| {
        let mut ancestors = std::iter::successors(Some(stat.pid), |pid| parents.get(pid).copied());
        ancestors.any(|pid| pid == root)
    };
    Ok(stats.iter().filter(is_ours).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_and_so_does_a_childs() {
        let before = Usage::of_tree(std::process::id()).unwrap();
        let spin = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
        assert!(std::process::Command::new("sh").args(["-c", spin]).status().unwrap().success());
        let after = Usage::of_tree(std::process::id()).unwrap();
        assert!(after.cpu_since(&before) >= Duration::from_millis(10), "{before:?} {after:?}");
        assert!(after.memory > 1 << 20);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(Usage::of_tree(u32::MAX >> 1).is_err());
    }
}
