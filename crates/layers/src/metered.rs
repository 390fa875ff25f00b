//! [`Metered`]: calls are counted, timed and traced.

mod call;

use async_trait::async_trait;
use lockout_core::{
    Charge, LockedQuery, Lockout, LockoutStore, Outcome, Page, Reservation, Reserved, Result,
    Settlement, Subject, Timestamp,
};
use metrics::counter;
use tracing::{Instrument as _, debug_span, field};

use self::call::{Call, refused};

/// A store whose calls are counted, timed and traced (feature `metered`), through the facades
/// [`metrics`] and [`tracing`].
///
/// | metric | kind, unit | labels |
/// | --- | --- | --- |
/// | `lockout_store_calls_total` | counter, calls | `store`, `operation`, `outcome` |
/// | `lockout_store_call_seconds` | histogram, seconds | `store`, `operation` |
/// | `lockout_refusals_total` | counter, refused attempts | `store`, `reason`, `scope` |
/// | `lockout_lockouts_total` | counter, lockouts that began | `store`, `scope` |
/// | `lockout_unlocks_total` | counter, lockouts that ended before their time | `store`, `scope` |
///
/// - `store`: the name given to [`Metered::new`];
/// - `operation`: `reserve`, `settle`, `status`, `lock`, `clear` or `locked`;
/// - `outcome`: `ok`; of `reserve` `charged` or `refused`; of an error its kind (`unavailable`,
///   `timeout`, `circuit_open`, `contended`, `corrupt`, `config`, `other`); `dropped` if nobody
///   waited for the answer;
/// - `reason`: `locked`, `busy`, `unavailable` or `other`;
/// - `scope`: `username`, `ip` or `username_ip`; of a refusal `several` if more than one subject is
///   locked, `none` if none is.
///
/// Each call is a span of level `DEBUG`, `lockout.reserve` and so on, with the fields `store`,
/// `subjects` (how many) and `outcome`. No label and no field ever holds a username, an address or
/// a key, so their number is bounded whatever clients send.
///
/// A lockout that comes of an attempt which nobody settled is not counted: no store is told of it.
#[derive(Clone, Copy, Debug)]
pub struct Metered<S> {
    inner: S,
    store: &'static str,
}

impl<S> Metered<S> {
    /// `inner`, called `store` in metrics and spans.
    #[must_use]
    pub const fn new(inner: S, store: &'static str) -> Self {
        Self { inner, store }
    }

    /// The store within.
    #[must_use]
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// The store within, without metrics.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }

    fn count_lockout(&self, subject: &Subject) {
        let scope = subject.scope().to_string();
        counter!("lockout_lockouts_total", "store" => self.store, "scope" => scope).increment(1);
    }

    fn count_unlock(&self, subject: &Subject) {
        let scope = subject.scope().to_string();
        counter!("lockout_unlocks_total", "store" => self.store, "scope" => scope).increment(1);
    }
}

/// The call's span, and the call under it. The name of a span must be a literal.
macro_rules! call {
    ($self:ident, $name:literal, $subjects:expr) => {{
        let (store, subjects) = ($self.store, $subjects);
        let span = debug_span!(concat!("lockout.", $name), store, subjects, outcome = field::Empty);
        Call::begin($self.store, $name, span)
    }};
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: LockoutStore> LockoutStore for Metered<S> {
    async fn reserve(&self, reservation: &Reservation<'_>, now: Timestamp) -> Result<Reserved> {
        let call = call!(self, "reserve", reservation.claims().len());
        let reserved = self.inner.reserve(reservation, now).instrument(call.span()).await;
        if let Ok(Reserved::Refused(refusal)) = &reserved {
            let (reason, scope) = refused(refusal);
            let store = self.store;
            counter!("lockout_refusals_total", "store" => store, "reason" => reason, "scope" => scope)
                .increment(1);
        }
        call.end(reserved, |reserved| match reserved {
            Reserved::Charged(_) => "charged",
            Reserved::Refused(_) => "refused",
        })
    }

    async fn settle(
        &self,
        reservation: &Reservation<'_>,
        charges: &[Charge],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        let call = call!(self, "settle", reservation.claims().len());
        let settled = self.inner.settle(reservation, charges, outcome, now);
        let settled = settled.instrument(call.span()).await;
        if let Ok(settlement) = &settled {
            settlement.locked.iter().for_each(|lockout| self.count_lockout(&lockout.subject));
            settlement.unlocked.iter().for_each(|subject| self.count_unlock(subject));
        }
        call.end(settled, |_| "ok")
    }

    async fn status(&self, subjects: &[Subject], now: Timestamp) -> Result<Vec<Option<Lockout>>> {
        let call = call!(self, "status", subjects.len());
        let status = self.inner.status(subjects, now).instrument(call.span()).await;
        call.end(status, |_| "ok")
    }

    async fn lock(
        &self,
        subject: &Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let call = call!(self, "lock", 1);
        let began = self.inner.lock(subject, until, now).instrument(call.span()).await;
        if matches!(began, Ok(true)) {
            self.count_lockout(subject);
        }
        call.end(began, |_| "ok")
    }

    async fn clear(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        let call = call!(self, "clear", 1);
        let was_locked = self.inner.clear(subject, now).instrument(call.span()).await;
        if matches!(was_locked, Ok(true)) {
            self.count_unlock(subject);
        }
        call.end(was_locked, |_| "ok")
    }

    async fn locked(&self, query: &LockedQuery, now: Timestamp) -> Result<Page<Lockout>> {
        let call = call!(self, "locked", 0);
        let page = self.inner.locked(query, now).instrument(call.span()).await;
        call.end(page, |_| "ok")
    }
}
