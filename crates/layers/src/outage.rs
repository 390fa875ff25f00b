//! What an outage is.

use lockout_core::{Charge, Outcome, Reservation, StoreErrorKind, engine};

/// Whether an error of this kind means that the store is out of order. The other kinds are answers
/// of a store that works.
pub(crate) const fn is_outage(kind: StoreErrorKind) -> bool {
    matches!(
        kind,
        StoreErrorKind::Unavailable | StoreErrorKind::Timeout | StoreErrorKind::CircuitOpen
    )
}

/// Whether settling changes a record at all. If not, a store may answer without asking its server,
/// and the answer says nothing about whether that works.
pub(crate) fn settling_writes(
    reservation: &Reservation<'_>,
    charges: &[Charge],
    outcome: Outcome,
) -> bool {
    let mut settled = reservation.claims().zip(charges);
    settled.any(|((_, rule), charge)| engine::settling_writes(rule, charge, outcome))
}
