//! How much is measured.

use std::time::Duration;

/// How far a store grows, and for how long each figure is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The most subjects; each power of ten from 1,000 to it is measured.
    pub largest: u64,
    /// How many turns there are; the median is taken.
    pub turns: u32,
    /// How long one turn of one figure lasts.
    pub turn: Duration,
}

impl Plan {
    /// The fewest subjects, which are also those of the floor.
    pub const FEW: u64 = 1_000;

    /// To 10,000 subjects, for a look at whether it works.
    pub const QUICK: Self = Self { largest: 10_000, turns: 3, turn: Duration::from_millis(200) };

    /// To ten million subjects.
    pub const FULL: Self = Self { largest: 10_000_000, turns: 9, turn: Duration::from_millis(500) };

    /// The numbers of subjects that are measured, in the order in which a store grows.
    pub fn sizes(self) -> impl Iterator<Item = u64> {
        std::iter::successors(Some(Self::FEW), |size| size.checked_mul(10))
            .take_while(move |size| *size <= self.largest)
    }

    /// How many subjects there are where their number is not the question.
    #[must_use]
    pub fn some(self) -> u64 {
        self.largest.min(100_000)
    }
}

#[cfg(test)]
mod tests {
    use super::Plan;

    #[test]
    fn sizes_are_powers_of_ten_up_to_the_largest() {
        assert_eq!(Plan::QUICK.sizes().collect::<Vec<_>>(), [1_000, 10_000]);
        assert_eq!(Plan::FULL.sizes().last(), Some(10_000_000));
    }
}
