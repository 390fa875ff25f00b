//! What is measured, as it is written down.

use serde::{Deserialize, Serialize};

/// Where the bytes of a subject are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BytesAre {
    /// In the memory of the process: what of it is resident.
    ProcessMemory,
    /// In the memory of the server, as it says itself.
    ServerMemory,
    /// On disk: the table with its indexes, as the database says itself, or its file.
    Disk,
}

/// Nanoseconds of a call: the medians of what each turn saw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Half of the calls took no longer.
    pub p50_ns: f64,
    /// Nine of ten took no longer.
    pub p90_ns: f64,
    /// Ninety-nine of a hundred took no longer.
    pub p99_ns: f64,
}

/// What a failed login (`begin` over three subjects, then `fail`) costs in a store of a size,
/// beside one of a thousand subjects in the same turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GrowthFigure {
    /// The store.
    pub store: String,
    /// How many subjects it has.
    pub subjects: u64,
    /// What a login takes, one at a time.
    pub latency: Latency,
    /// The same in the store that does not grow.
    pub floor: Latency,
    /// The median of each turn's `latency.p50_ns` / `floor.p50_ns`.
    pub ratio: f64,
    /// How many tasks call at once for the figures in a second.
    pub tasks: u32,
    /// Logins in a second.
    pub per_second: f64,
    /// The same in the store that does not grow, where tasks meet at a subject more often.
    pub floor_per_second: f64,
    /// What each subject takes, beyond what an empty store does; absent where it cannot be told
    /// from what the process takes otherwise.
    pub bytes_per_subject: Option<f64>,
    /// Where those bytes are.
    pub bytes_are: BytesAre,
    /// How many subjects were added since the size before.
    pub filled: u64,
    /// How long that took.
    pub fill_seconds: f64,
}

/// What three visits to a bare map of a size take, beside one of a thousand subjects: no store in
/// process can grow less.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MapFigure {
    /// How many subjects it has.
    pub subjects: u64,
    /// Nanoseconds of three visits: the median of the turns' medians.
    pub p50_ns: f64,
    /// The same in the map that does not grow.
    pub floor_p50_ns: f64,
    /// The median of each turn's `p50_ns` / `floor_p50_ns`.
    pub ratio: f64,
}

/// Failed logins in a second through one store from several processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProcessesFigure {
    /// The store.
    pub store: String,
    /// How many processes there are.
    pub processes: u32,
    /// How many tasks they have, all together.
    pub tasks: u32,
    /// Logins in a second, all together: the median of the turns.
    pub per_second: f64,
    /// The median of each turn's `per_second` for that of one process.
    pub ratio: f64,
}

/// Logins in a second through a Redis Cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClusterFigure {
    /// How many masters it has.
    pub masters: usize,
    /// How the logins go.
    pub login: Login,
    /// How many tasks call at once.
    pub tasks: u32,
    /// Logins in a second: the median of the turns.
    pub per_second: f64,
    /// What each master did.
    pub nodes: Vec<NodeFigure>,
}

/// What one master of a Cluster did, as it says itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeFigure {
    /// How many keys it has.
    pub keys: u64,
    /// Its share of the commands that all masters carried out, 0 to 1.
    pub share: f64,
    /// How many scripts it ran for each login through the Cluster.
    pub scripts_per_login: f64,
    /// How many commands it carried out for each login, those of scripts included.
    pub commands_per_login: f64,
    /// Microseconds that it worked for each login.
    pub cpu_us_per_login: f64,
    /// Bytes that it was sent for each login.
    pub input_bytes_per_login: f64,
    /// Bytes that it answered to each login.
    pub output_bytes_per_login: f64,
}

/// How a login goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// Three subjects that are known; the password is wrong.
    Fails,
    /// The same of subjects that never came before.
    FailsFresh,
    /// The same of one name at one address, all the time.
    FailsHot,
    /// Three subjects that are known; the password is right.
    Succeeds,
    /// The name is locked.
    IsRefused,
}

impl Login {
    /// What tables call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fails => "fails",
            Self::FailsFresh => "fails, never seen before",
            Self::FailsHot => "fails, always the same",
            Self::Succeeds => "succeeds",
            Self::IsRefused => "is refused",
        }
    }
}

/// What a login costs everybody who takes part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExpenseFigure {
    /// The store.
    pub store: String,
    /// How the login goes.
    pub login: Login,
    /// How many subjects are known.
    pub subjects: u64,
    /// How many tasks call at once.
    pub tasks: u32,
    /// Logins in a second: the median of the turns, as all that follows.
    pub per_second: f64,
    /// Microseconds of a core that the server, all its processes together, takes for a login; none
    /// where there is no server.
    pub server_cpu_us: Option<f64>,
    /// Microseconds of a core that this process takes for a login.
    pub client_cpu_us: f64,
    /// Bytes that the server is sent for a login, if it says.
    pub input_bytes: Option<f64>,
    /// Bytes that the server answers to a login, if it says.
    pub output_bytes: Option<f64>,
}
