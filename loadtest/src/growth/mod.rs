//! What a store costs when there is more of everything: subjects, processes, nodes. At the level of
//! the library, without HTTP and without passwords.

pub mod capacity;
pub mod cluster;
pub mod crowd;
mod desk;
pub mod expense;
pub mod figures;
mod filling;
mod growing;
mod home;
mod map;
mod plan;
pub mod processes;
mod usage;

pub use cluster::clusters;
pub use expense::expenses;
pub use growing::grow;
pub use home::Kind;
pub use map::maps;
pub use plan::Plan;
pub use processes::{child, processes};
