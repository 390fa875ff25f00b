//! A Redis Cluster.

use super::{RedisServer, ServerError};

const SLOTS: usize = 16_384;

/// Masters, three unless others are asked for, and a replica of each, all slots covered, on one
/// machine. A replica takes over when its master is gone for about a second. Dropping this ends all
/// of them.
#[derive(Debug)]
pub struct RedisCluster {
    masters: Vec<RedisServer>,
    replicas: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts three masters and their replicas, joins them, and waits until each of them knows all
    /// and finds the cluster complete.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if Redis is not installed; others if a node does not start or they
    /// do not come together.
    pub fn start() -> Result<Self, ServerError> {
        Self::builder().start()
    }

    /// For a cluster of another size, or without replicas.
    pub fn builder() -> RedisClusterBuilder {
        RedisClusterBuilder { masters: 3, has_replicas: true }
    }

    /// Where the nodes are, masters first. The one that is killed stays in it.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes().map(RedisServer::url).collect()
    }

    /// The nodes that are masters at the start.
    #[must_use]
    pub fn masters(&self) -> &[RedisServer] {
        &self.masters
    }

    /// The nodes that are replicas at the start, each of the master at the same place.
    #[must_use]
    pub fn replicas(&self) -> &[RedisServer] {
        &self.replicas
    }

    /// Kills a node that was a master at the start and waits until it is gone, but not until its
    /// replica has taken over.
    ///
    /// # Panics
    /// If there is no master with that number.
    pub fn kill_master(&mut self, index: usize) {
        self.masters[index].kill();
    }

    fn nodes(&self) -> impl Iterator<Item = &RedisServer> {
        self.masters.iter().chain(&self.replicas)
    }

    fn join(&self) -> Result<(), ServerError> {
        let masters = self.masters.len();
        for (index, node) in self.nodes().enumerate() {
            node.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()])?;
        }
        for (index, master) in self.masters.iter().enumerate() {
            let (first, end) = (index * SLOTS / masters, (index + 1) * SLOTS / masters);
            let (first, last) = (first.to_string(), (end - 1).to_string());
            master.cli(&["CLUSTER", "ADDSLOTSRANGE", &first, &last])?;
        }
        for (index, node) in self.nodes().enumerate() {
            for other in self.nodes().skip(index + 1) {
                meet(node, other)?;
            }
        }
        for node in self.nodes() {
            node.wait("the node knows all others", || self.is_known_to(node))?;
        }
        for (master, replica) in self.masters.iter().zip(&self.replicas) {
            replica.cli(&["CLUSTER", "REPLICATE", &master.cli(&["CLUSTER", "MYID"])?])?;
        }
        for replica in &self.replicas {
            replica.wait("the replica has its master's data", || replica.is_in_step())?;
        }
        for node in self.nodes() {
            node.wait("the cluster is complete", || self.is_complete_for(node))?;
        }
        Ok(())
    }

    fn is_known_to(&self, node: &RedisServer) -> bool {
        let nodes = node.cli(&["CLUSTER", "NODES"]).unwrap_or_default();
        nodes.lines().count() == self.nodes().count() && !nodes.contains("handshake")
    }

    fn is_complete_for(&self, node: &RedisServer) -> bool {
        let info = node.cli(&["CLUSTER", "INFO"]).unwrap_or_default();
        let nodes = node.cli(&["CLUSTER", "NODES"]).unwrap_or_default();
        info.contains("cluster_state:ok")
            && info.contains("cluster_slots_ok:16384")
            && nodes.lines().filter(|line| line.contains("slave")).count() == self.replicas.len()
            && !nodes.contains("fail")
    }
}

/// The size of a [`RedisCluster`] that is not started yet.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct RedisClusterBuilder {
    masters: usize,
    has_replicas: bool,
}

impl RedisClusterBuilder {
    /// Has so many masters, at least one, with an even share of the slots each. Whether one of them
    /// is gone is decided by a majority: of fewer than three none is ever replaced.
    pub fn masters(mut self, masters: usize) -> Self {
        self.masters = masters.max(1);
        self
    }

    /// Leaves the replicas out: what is on a master that is killed is gone.
    pub fn without_replicas(mut self) -> Self {
        self.has_replicas = false;
        self
    }

    /// Starts the nodes, joins them, and waits until each of them knows all and finds the cluster
    /// complete.
    ///
    /// # Errors
    /// [`ServerError::Missing`] if Redis is not installed; others if a node does not start or they
    /// do not come together.
    pub fn start(self) -> Result<RedisCluster, ServerError> {
        let nodes = |count| (0..count).map(|_| start_node()).collect::<Result<Vec<_>, _>>();
        let replicas = if self.has_replicas { self.masters } else { 0 };
        let cluster = RedisCluster { masters: nodes(self.masters)?, replicas: nodes(replicas)? };
        cluster.join()?;
        Ok(cluster)
    }
}

fn start_node() -> Result<RedisServer, ServerError> {
    RedisServer::builder()
        .cluster_bus()
        .config("cluster-enabled", "yes")
        .config("cluster-node-timeout", "1000")
        .config("cluster-replica-validity-factor", "0")
        .config("repl-diskless-sync-delay", "0")
        .start()
}

fn meet(node: &RedisServer, other: &RedisServer) -> Result<(), ServerError> {
    let (ip, port) = (other.address().ip().to_string(), other.address().port().to_string());
    let bus = other.cli(&["CONFIG", "GET", "cluster-port"])?;
    let bus = bus.lines().nth(1).unwrap_or_default();
    node.cli(&["CLUSTER", "MEET", &ip, &port, bus]).map(drop)
}
