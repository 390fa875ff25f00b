//! A connection to every node of a Cluster.

use std::time::Duration;

use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{Arg, Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};

/// How long to wait before each further try of what a node has not done.
const WAITS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(10),
    Duration::from_millis(40),
    Duration::from_millis(160),
];

/// Sends a command again only if a node has said that it has not done it: a charge that is sent
/// twice counts twice.
#[derive(Clone)]
pub(crate) struct Cluster(pub(crate) ClusterConnection);

impl Cluster {
    /// The answer to a command that has a key.
    pub(crate) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let mut answers = self.send_together(std::slice::from_ref(command)).await?;
        Ok(answers.pop().unwrap_or(Value::Nil))
    }

    /// The answers to commands that go to one node, that of the first one's key.
    pub(crate) async fn send_together(&mut self, commands: &[Cmd]) -> RedisResult<Vec<Value>> {
        let Some(key) = commands.first().and_then(key_of) else { return Ok(Vec::new()) };
        let mut answers = self.tell(commands, None, node_of(key)).await;
        for wait in WAITS {
            let Err(error) = &answers else { break };
            answers = match error.kind() {
                // The slot is on its way to another node, which has this key or will have it.
                ErrorKind::Server(ServerErrorKind::Ask) => {
                    let Some(node) = redirected(error) else { break };
                    self.tell(commands, Some(redis::cmd("ASKING")), node).await
                }
                // The connection is about to learn where the slot is now.
                ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::TryAgain)
                | ErrorKind::ClusterConnectionNotFound => {
                    tokio::time::sleep(wait).await;
                    self.tell(commands, None, node_of(key)).await
                }
                _ => break,
            };
        }
        answers
    }

    async fn tell(
        &mut self,
        commands: &[Cmd],
        before: Option<Cmd>,
        node: SingleNodeRoutingInfo,
    ) -> RedisResult<Vec<Value>> {
        let mut pipeline = Pipeline::with_capacity(commands.len() + 1);
        let unheard = usize::from(before.is_some());
        for command in before.into_iter().chain(commands.iter().cloned()) {
            pipeline.add_command(command);
        }
        let answers = self.0.route_pipeline(pipeline, unheard, commands.len(), node).await?;
        answers.into_iter().map(Value::extract_error).collect()
    }

    /// The answer to a command without a key, of the node that has this one.
    pub(crate) async fn send_to(&mut self, command: &Cmd, key: &[u8]) -> RedisResult<Value> {
        self.0.route_command(command.clone(), RoutingInfo::SingleNode(node_of(key))).await
    }

    /// The answer to a command without a key, of the node that `keyed` goes to.
    pub(crate) async fn send_like(&mut self, command: &Cmd, keyed: &Cmd) -> RedisResult<Value> {
        match key_of(keyed) {
            Some(key) => self.send_to(command, key).await,
            None => Ok(Value::Nil),
        }
    }
}

/// The first key of a command, which comes after the name, or after a script and its number of keys.
fn key_of(command: &Cmd) -> Option<&[u8]> {
    let mut arguments = command.args_iter().filter_map(|argument| match argument {
        Arg::Simple(bytes) => Some(bytes),
        _ => None,
    });
    let is_script = arguments.next()?.starts_with(b"EVAL");
    arguments.nth(if is_script { 2 } else { 0 })
}

fn node_of(key: &[u8]) -> SingleNodeRoutingInfo {
    SingleNodeRoutingInfo::SpecificNode(Route::with_key(key, SlotAddr::Master))
}

fn redirected(error: &RedisError) -> Option<SingleNodeRoutingInfo> {
    let (host, port) = error.redirect_node()?.0.rsplit_once(':')?;
    Some(SingleNodeRoutingInfo::ByAddress { host: host.into(), port: port.parse().ok()? })
}
