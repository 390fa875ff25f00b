//! Logins under attack: what the guesser gets, what it costs, and what honest users notice of it.
//!
//! - [`attack`]: what is tried; [`plan`]: how much of it;
//! - [`figure`]: what is measured; [`table`]: the same to read;
//! - the attacks themselves: `burst`, `guessing`, `spraying`, `flood`, `outage`;
//! - who acts in them: `held` and `guesser` guess, `users` log in, `target` is what is attacked.
//!
//! Each attack meets a site of its own with an empty store. Guessers come from 203.0.113.0/24,
//! 198.18.0.0/15 and, in a flood, 100.64.0.0/10; honest users from 10.0.0.0/8.

pub mod attack;
mod burst;
pub mod figure;
mod flood;
mod guesser;
mod guessing;
mod held;
mod outage;
pub mod plan;
mod spraying;
pub mod table;
mod target;
mod users;

use serde::{Deserialize, Serialize};

pub use self::attack::Attack;
pub use self::figure::AttackFigure;
pub use self::plan::Plan;
use self::target::Unstartable;
use crate::Result;
use crate::contender::{Contender, NotRun};
use crate::site::Programs;

/// What came of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// One for each attack, or several if it has variants.
    pub figures: Vec<AttackFigure>,
    /// Who could not be attacked.
    pub not_run: Vec<NotRun>,
}

/// Attacks each of these contenders in every way of the plan that means something to it, and says
/// through `progress` what is being done. Needs a runtime of several threads.
pub async fn run(
    plan: &Plan,
    contenders: &[Contender],
    programs: &Programs,
    progress: &(dyn Fn(&str) + Sync),
) -> Figures {
    let mut all = Figures::default();
    for &contender in contenders {
        for &attack in plan.attacks.iter().filter(|attack| attack.concerns(contender)) {
            progress(&format!("{contender}: {attack}"));
            match one(attack, plan, contender, programs).await {
                Ok(figures) => all.figures.extend(figures),
                Err(error) => {
                    let unstartable = error.is::<Unstartable>();
                    let why =
                        if unstartable { error.to_string() } else { format!("{attack}: {error}") };
                    progress(&format!("{contender} not run: {why}"));
                    all.not_run.push(NotRun { contender, why });
                    if unstartable {
                        break;
                    }
                }
            }
        }
    }
    all
}

/// All variants of one attack.
async fn one(
    attack: Attack,
    plan: &Plan,
    contender: Contender,
    programs: &Programs,
) -> Result<Vec<AttackFigure>> {
    match attack {
        Attack::Burst => burst::all(plan, contender, programs).await,
        Attack::OneAddress => Ok(vec![guessing::from_one(plan, contender, programs).await?]),
        Attack::ManyAddresses => Ok(vec![guessing::from_many(plan, contender, programs).await?]),
        Attack::Spraying => spraying::all(plan, contender, programs).await,
        Attack::Flood => Ok(vec![flood::flood(plan, contender, programs).await?]),
        Attack::Outage => Ok(vec![outage::outage(plan, contender, programs).await?]),
    }
}
