//! Which processor things run on.

use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use crate::Result;
use crate::usage;

/// This thread, and processes with what they have started, on one processor until this is dropped.
#[derive(Debug)]
pub(super) struct OneProcessor<'a> {
    pids: &'a [u32],
    before: CpuSet,
}

impl<'a> OneProcessor<'a> {
    /// The first that this thread may use.
    pub(super) fn keep_to(pids: &'a [u32]) -> Result<Self> {
        let before = sched_getaffinity(None)?;
        let first = (0..CpuSet::MAX_CPU).find(|which| before.is_set(*which));
        let mut one = CpuSet::new();
        one.set(first.ok_or("there is no processor")?);
        // Made first, so that half of it is undone when the other half fails.
        let kept = Self { pids, before };
        kept.run_on(&one)?;
        Ok(kept)
    }

    fn run_on(&self, processors: &CpuSet) -> Result<()> {
        sched_setaffinity(None, processors)?;
        for pid in self.pids {
            for thread in usage::threads(*pid)? {
                // One that has ended meanwhile needs no processor.
                let _ = sched_setaffinity(Pid::from_raw(thread), processors);
            }
        }
        Ok(())
    }
}

impl Drop for OneProcessor<'_> {
    fn drop(&mut self) {
        // Fails if a site has ended, which whoever asks it next will say.
        let _ = self.run_on(&self.before);
    }
}
