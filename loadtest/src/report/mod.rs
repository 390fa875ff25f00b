//! What a run found, as a page with charts.

pub mod chart;
pub mod figures;
pub mod measured;
pub mod page;
pub mod raw;
pub mod run;
