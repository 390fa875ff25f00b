//! What processes and servers say that they have used.

use lockout_testkit::servers::RedisServer;
use procfs::process::Process;

use crate::Error;
use crate::number::float;
use crate::usage::Usage;

/// Seconds of a core that this process has worked.
pub(crate) fn own_cpu_seconds() -> Result<f64, Error> {
    let stat = Process::myself()?.stat()?;
    Ok(seconds(stat.utime + stat.stime))
}

/// Seconds of a core that a server has worked, its processes included.
pub(crate) fn server_cpu_seconds(pid: u32) -> Result<f64, Error> {
    Ok(float(Usage::of_tree(pid)?.cpu_us) / 1e6)
}

fn seconds(ticks: u64) -> f64 {
    float(ticks) / float(procfs::ticks_per_second())
}

/// Bytes of this process that are in memory.
pub(crate) fn resident_bytes() -> Result<u64, Error> {
    let kibibytes = Process::myself()?.status()?.vmrss;
    Ok(kibibytes.ok_or("a process without memory")? * 1024)
}

/// The number that `INFO SECTION` has under a name.
pub(crate) fn info(server: &RedisServer, section: &str, name: &str) -> Result<f64, Error> {
    let info = server.cli(&["INFO", section])?;
    let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    Ok(value.ok_or_else(|| format!("INFO {section} without {name}"))?.trim().parse()?)
}

/// How many scripts the server has run by their hash.
pub(crate) fn scripts(server: &RedisServer) -> Result<f64, Error> {
    let info = server.cli(&["INFO", "commandstats"])?;
    let calls = info.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    // Before the first one there is no such line.
    let calls = calls.and_then(|rest| rest.split(',').next()).unwrap_or("0");
    Ok(calls.parse()?)
}

/// Seconds that a Redis server has worked, as it says itself.
pub(crate) fn redis_cpu_seconds(server: &RedisServer) -> Result<f64, Error> {
    Ok(info(server, "cpu", "used_cpu_sys")? + info(server, "cpu", "used_cpu_user")?)
}
