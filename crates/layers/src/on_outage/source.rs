//! Where a charge was made: noted in its tag.

use lockout_core::{Charge, Place, Timestamp};

/// Who settles a charge. It takes two bits of the tag; what the store noted there moves up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Store,
    Fallback,
    Nobody,
}

impl Source {
    const BITS: u32 = 2;

    /// Marks the charges of one attempt. If a note has no room, nobody settles them: they stay.
    pub(super) fn mark(self, charges: &mut [Charge]) {
        let fits = charges.iter().all(|charge| charge.tag.leading_zeros() >= Self::BITS);
        let source = if fits { self } else { Self::Nobody };
        for charge in charges {
            charge.tag = charge.tag << Self::BITS | source.number();
        }
    }

    pub(super) const fn of(charge: &Charge) -> Self {
        match charge.tag % (1 << Self::BITS) {
            0 => Self::Store,
            1 => Self::Fallback,
            _ => Self::Nobody,
        }
    }

    const fn number(self) -> u64 {
        match self {
            Self::Store => 0,
            Self::Fallback => 1,
            Self::Nobody => 2,
        }
    }
}

/// A charge as the store that made it gave it.
pub(super) const fn unmarked(charge: &Charge) -> Charge {
    let mut unmarked = *charge;
    unmarked.tag = charge.tag >> Source::BITS;
    unmarked
}

/// What stands for the charge of a subject that nobody counts.
pub(super) const fn uncounted(now: Timestamp) -> Charge {
    Charge {
        number: 0,
        at: now,
        place: Place::Tolerated,
        failures: 0,
        renewed_from: None,
        tag: Source::Nobody.number(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_noted_comes_back_to_it() {
        for tag in [0, 1, 2, 0xdead_beef, (1 << 62) - 1] {
            for source in [Source::Store, Source::Fallback] {
                let given = Charge { tag, ..uncounted(Timestamp::from_millis(1)) };
                let mut charges = [given];
                source.mark(&mut charges);
                assert_eq!(Source::of(&charges[0]), source);
                assert_eq!(unmarked(&charges[0]), given);
            }
        }
    }

    #[test]
    fn a_note_without_room_is_never_given_to_the_wrong_store() {
        for tag in [1 << 62, u64::MAX] {
            let given = Charge { tag, ..uncounted(Timestamp::from_millis(1)) };
            let mut charges = [Charge { tag: 0, ..given }, given];
            Source::Fallback.mark(&mut charges);
            assert!(charges.iter().all(|charge| Source::of(charge) == Source::Nobody));
        }
    }
}
