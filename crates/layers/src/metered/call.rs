//! One call: its span, how long it takes, and what came of it.

use std::borrow::Cow;
use std::time::Instant;

use lockout_core::{Refusal, Result, StoreErrorKind};
use metrics::{counter, histogram};
use tracing::Span;

/// Counted when it is dropped, answered or not.
#[derive(Debug)]
pub(super) struct Call {
    store: &'static str,
    operation: &'static str,
    span: Span,
    begun: Instant,
    outcome: &'static str,
}

impl Call {
    pub(super) fn begin(store: &'static str, operation: &'static str, span: Span) -> Self {
        Self { store, operation, span, begun: Instant::now(), outcome: "dropped" }
    }

    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    pub(super) fn end<T>(
        mut self,
        answer: Result<T>,
        success: impl FnOnce(&T) -> &'static str,
    ) -> Result<T> {
        self.outcome = match &answer {
            Ok(answer) => success(answer),
            Err(error) => kind(error.kind()),
        };
        answer
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Self { store, operation, outcome, .. } = *self;
        self.span.record("outcome", outcome);
        counter!(
            "lockout_store_calls_total",
            "store" => store, "operation" => operation, "outcome" => outcome
        )
        .increment(1);
        histogram!("lockout_store_call_seconds", "store" => store, "operation" => operation)
            .record(self.begun.elapsed().as_secs_f64());
    }
}

const fn kind(kind: StoreErrorKind) -> &'static str {
    match kind {
        StoreErrorKind::Unavailable => "unavailable",
        StoreErrorKind::Timeout => "timeout",
        StoreErrorKind::CircuitOpen => "circuit_open",
        StoreErrorKind::Contended => "contended",
        StoreErrorKind::Corrupt => "corrupt",
        StoreErrorKind::Config => "config",
        _ => "other",
    }
}

/// The reason of a refusal, and the scope that is locked.
pub(super) fn refused(refusal: &Refusal) -> (&'static str, Cow<'static, str>) {
    let (reason, scope) = match refusal {
        Refusal::Locked { lockouts, .. } => match &lockouts[..] {
            [lockout] => return ("locked", lockout.subject.scope().to_string().into()),
            [] => ("locked", "none"),
            _ => ("locked", "several"),
        },
        Refusal::Busy { .. } => ("busy", "none"),
        Refusal::Unavailable { .. } => ("unavailable", "none"),
        Refusal::Denied => ("denied", "none"),
        _ => ("other", "none"),
    };
    (reason, scope.into())
}
