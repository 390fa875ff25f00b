//! What the tests of throw-away servers have in common.

#![allow(dead_code, unreachable_pub, reason = "not every file of tests uses all of it")]

use std::env;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Lines};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// The variable that a test process sees when it is to be killed.
pub const CHILD: &str = "LOCKOUT_TESTKIT_CHILD";

/// Asks until it is so; panics if it is not in time.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "in vain: {what}");
        pause(Duration::from_millis(10));
    }
}

#[expect(clippy::disallowed_methods, reason = "a real server needs real time")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// The state of a process and who its parent is.
fn state(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = stat.rsplit_once(") ")?.1.split(' ');
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

/// Whether it does anything or could: a zombie is only a number.
pub fn is_running(pid: u32) -> bool {
    state(pid).is_some_and(|(state, _)| !"ZX".contains(state))
}

pub fn is_stopped(pid: u32) -> bool {
    state(pid).is_some_and(|(state, _)| state == 'T')
}

/// The process and its children.
pub fn family(pid: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").expect("Linux has it");
    let numbers = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let parent = |one| state(one).map(|(_, parent)| parent);
    numbers.filter(|one| *one == pid || parent(*one) == Some(pid)).collect()
}

/// Whether the kernel keeps shared memory that one of the processes made.
pub fn have_shared_memory(pids: &[u32]) -> bool {
    let segments = fs::read_to_string("/proc/sysvipc/shm").expect("Linux has it");
    let creators = segments.lines().filter_map(|line| line.split_whitespace().nth(4));
    creators.filter_map(|pid| pid.parse().ok()).any(|pid| pids.contains(&pid))
}

/// This executable once more, to run only the test of that name, which sees the variable.
pub fn rerun(test: &str, variable: &str, value: &str) -> Child {
    rerun_command(test, variable, value).spawn().expect("it can run twice")
}

/// The same, not yet spawned.
pub fn rerun_command(test: &str, variable: &str, value: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("it runs"));
    command.args(["--exact", test, "--nocapture"]).env(variable, value).stdout(Stdio::piped());
    command
}

pub fn lines(child: &mut Child) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().expect("it is piped")).lines()
}

/// The next line in which something follows the mark: the test harness writes around it.
pub fn next_after(mark: &str, lines: &mut impl Iterator<Item = std::io::Result<String>>) -> String {
    lines
        .find_map(|line| Some(line.ok()?.split_once(mark)?.1.trim().to_owned()))
        .expect("the other process says something")
}

/// A folder that every user may write to.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(number: u64) -> Self {
        let name = format!("lockout-testkit-{}-{number}", std::process::id());
        let folder = env::temp_dir().join(name);
        fs::create_dir(&folder).expect("it is new");
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).expect("it is ours");
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        fs::read_dir(&self.0).expect("it is there").next().is_none()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What a failed test leaves in it is of no use.
        let _ = fs::remove_dir_all(&self.0);
    }
}
