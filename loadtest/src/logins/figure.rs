//! What was measured.

use serde::{Deserialize, Serialize};

use super::{Load, Scenario};
use crate::contender::{Contender, Hash, NotRun};
use crate::driver::Turn;
use crate::number::median;

/// All that a run of [`measure`](super::measure) gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// One for each contender under each load.
    pub figures: Vec<LoginFigure>,
    /// Who could not be measured.
    pub not_run: Vec<NotRun>,
}

/// One contender under one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoginFigure {
    /// Who.
    pub contender: Contender,
    /// Who logs in.
    pub scenario: Scenario,
    /// How passwords are checked.
    pub hash: Hash,
    /// How logins come.
    pub load: Load,
    /// In the order in which they were.
    pub turns: Vec<Turn>,
    /// With [`Load::Beside`], the turns of the family's app without a lockout, each beside the one of
    /// `turns` in the same place. Empty with any other load. For that app itself they are its own,
    /// over a second connection: what differs is the noise.
    pub without: Vec<Turn>,
}

impl LoginFigure {
    /// The median over the turns.
    #[must_use]
    pub fn median(&self, value: impl Fn(&Turn) -> f64) -> f64 {
        median(self.turns.iter().map(value))
    }

    /// How much more it is than in the app without a lockout beside it: the median of the
    /// differences. Nothing unless the load is [`Load::Beside`].
    #[must_use]
    pub fn added(&self, value: impl Fn(&Turn) -> f64) -> Option<f64> {
        let pairs = self.turns.iter().zip(&self.without);
        (!self.without.is_empty())
            .then(|| median(pairs.map(|(with, without)| value(with) - value(without))))
    }
}

impl Measured {
    /// The figure of this contender in this cell.
    #[must_use]
    pub fn figure(
        &self,
        contender: Contender,
        hash: Hash,
        load: Load,
        scenario: Scenario,
    ) -> Option<&LoginFigure> {
        self.figures.iter().find(|figure| {
            figure.contender == contender
                && figure.hash == hash
                && figure.load == load
                && figure.scenario == scenario
        })
    }
}
