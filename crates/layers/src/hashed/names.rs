//! The names of one attempt's subjects: what they are, and what they are kept under.

use lockout_core::{Claim, Lockout, Reservation, Subject};

use super::key::HashKey;

#[derive(Debug)]
pub(super) struct Names<'a> {
    real: &'a Reservation<'a>,
    stored: Vec<Claim>,
}

impl<'a> Names<'a> {
    pub(super) fn new(real: &'a Reservation<'a>, key: &HashKey) -> Self {
        Self { real, stored: real.renamed(|subject| key.hide(subject)) }
    }

    /// The reservation under stored names.
    pub(super) fn stored(&self) -> Reservation<'_> {
        Reservation::new(self.real.policy(), &self.stored, self.real.spread())
    }

    /// Puts the real subjects in place of stored ones.
    pub(super) fn reveal<'s>(&self, subjects: impl Iterator<Item = &'s mut Subject>) {
        for subject in subjects {
            let mut names = self.stored.iter().zip(self.real.claims());
            if let Some((_, (real, _))) = names.find(|(stored, _)| stored.subject() == subject) {
                *subject = real.clone();
            }
        }
    }
}

/// The lockout that ends later; of equal ones the first.
pub(super) fn stricter(one: Option<Lockout>, other: Option<Lockout>) -> Option<Lockout> {
    let (Some(one), Some(other)) = (&one, &other) else { return one.or(other) };
    let other_ends_later = match (one.until, other.until) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(one), Some(other)) => other > one,
    };
    Some(if other_ends_later { other } else { one }.clone())
}
