//! Waiting for real servers.

use std::time::{Duration, Instant};

/// Longer than any server takes on a machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(5);

/// Asks again and again until there is an answer; `None` if there is none in time.
pub(super) fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if start.elapsed() > LIMIT {
            return None;
        }
        pause();
    }
}

/// For the error that says how long it was waited.
pub(super) const fn seconds() -> u64 {
    LIMIT.as_secs()
}

#[expect(clippy::disallowed_methods, reason = "a real server needs real time, in any runtime")]
fn pause() {
    std::thread::sleep(PAUSE);
}
