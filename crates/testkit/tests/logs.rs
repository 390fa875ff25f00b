//! The suite for logs accepts what is right, over every shape of log that the core offers, and
//! rejects every log that is wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lockout_core::{AttemptLog, MemoryLog};
use lockout_testkit::conformance::block_on;
use lockout_testkit::log_suite;
use lockout_testkit::logs::{LOG_CASES, LogCase};
use lockout_testkit::wrong_logs::{LogMistake, log_without_a_mistake};

log_suite!(memory_log, MemoryLog::new());
log_suite!(shared, Arc::new(MemoryLog::new()) as Arc<dyn AttemptLog>);
log_suite!(boxed, Box::new(MemoryLog::new()) as Box<dyn AttemptLog>);
log_suite!(leaked, &*Box::leak(Box::new(MemoryLog::new())));
log_suite!(without_a_mistake, log_without_a_mistake());

/// The behaviours that a log with this mistake lacks.
fn lacking(mistake: LogMistake) -> Vec<&'static str> {
    let passes = |case: &&LogCase| {
        catch_unwind(AssertUnwindSafe(|| block_on((case.examine)(mistake.log())))).is_ok()
    };
    LOG_CASES.iter().filter(|case| !passes(case)).map(|case| case.name).collect()
}

#[test]
fn every_wrong_log_is_rejected() {
    for mistake in LogMistake::ALL {
        let lacking = lacking(mistake);
        assert!(!lacking.is_empty(), "the suite accepts a log that {mistake:?}");
        println!("{mistake:?} is rejected by {lacking:?}");
    }
}
