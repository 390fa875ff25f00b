//! The way to the server, or to the Cluster.

use std::time::Duration;

use lockout_core::{Result, StoreError, StoreErrorKind};
use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};

use crate::connection::Connection;
use crate::error::{Call, STORE, store_error};
use crate::renewed::{Fault, Renewed};
use crate::scripts::Script;

/// Where a connection comes from.
#[derive(Clone, Debug)]
pub(crate) enum Link {
    /// The application looks after it.
    Fixed(Connection),
    /// It is made anew when it is lost, or useless after a fail-over.
    Renewed(Renewed),
}

/// A [`Link`] on which no call takes longer than a set time. Nothing is sent twice that may have been
/// done: what timed out may still be carried out, and a charge that is repeated counts twice.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) link: Link,
    pub(crate) timeout: Duration,
    pub(crate) is_cluster: bool,
}

impl Line {
    /// The answer to a command that changes nothing.
    pub(crate) async fn ask(&self, command: &Cmd) -> Result<Value> {
        self.within(Call::Reads, |mut connection| async move { connection.send(command).await })
            .await
    }

    /// The answers to several commands that change nothing.
    pub(crate) async fn ask_all(&self, commands: &[Cmd]) -> Result<Vec<Value>> {
        self.within(
            Call::Reads,
            |mut connection| async move { connection.send_all(commands).await },
        )
        .await
    }

    /// The answers to commands that follow each other on one server.
    pub(crate) async fn write_together(&self, commands: &[Cmd]) -> Result<Vec<Value>> {
        self.within(Call::Writes, |mut connection| async move {
            connection.send_together(commands).await
        })
        .await
    }

    /// The values under these keys.
    pub(crate) async fn read(&self, keys: &[String]) -> Result<Vec<Value>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.within(Call::Reads, |mut connection| async move { connection.read(keys).await }).await
    }

    /// The answer of a script; `command` runs it by its hash.
    pub(crate) async fn run(&self, script: &Script, command: &Cmd) -> Result<Value> {
        self.within(
            Call::Writes,
            |mut connection| async move { connection.run(script, command).await },
        )
        .await
    }

    /// The time of the server; in a Cluster of the node that has `key`.
    pub(crate) async fn time(&self, key: &str) -> Result<Value> {
        self.within(Call::Reads, |mut connection| async move { connection.time(key).await }).await
    }

    async fn within<T, F: Future<Output = RedisResult<T>>>(
        &self,
        call: Call,
        ask: impl FnOnce(Connection) -> F,
    ) -> Result<T> {
        let asked = async {
            match &self.link {
                Link::Fixed(connection) => ask(connection.clone())
                    .await
                    .map_err(|error| store_error(error, call, self.is_cluster)),
                Link::Renewed(renewed) => {
                    // Nothing is sent as long as there is no connection.
                    let connection = renewed.get().await;
                    let (number, connection) = connection
                        .map_err(|error| store_error(error, Call::Reads, self.is_cluster))?;
                    let answer = ask(connection).await;
                    if let Some(fault) = answer.as_ref().err().and_then(|e| self.fault(e)) {
                        renewed.renew(number, fault);
                    }
                    answer.map_err(|error| store_error(error, call, self.is_cluster))
                }
            }
        };
        let number = self.number();
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(answer) => answer,
            Err(_) => {
                if let (Link::Renewed(renewed), Some(number)) = (&self.link, number) {
                    renewed.renew(number, Fault::Doubtful);
                }
                Err(StoreError::new(
                    StoreErrorKind::Timeout,
                    call.effect(),
                    STORE,
                    "look at the server's load and at the network, or raise the timeout",
                ))
            }
        }
    }

    fn number(&self) -> Option<u64> {
        match &self.link {
            Link::Fixed(_) => None,
            Link::Renewed(renewed) => Some(renewed.number()),
        }
    }

    /// What an error says about the connection that it came from.
    fn fault(&self, error: &RedisError) -> Option<Fault> {
        match error.kind() {
            _ if error.is_timeout() => Some(Fault::Doubtful),
            // A connection to a Cluster mends what is broken by itself.
            ErrorKind::ClusterConnectionNotFound => Some(Fault::Doubtful),
            _ if self.is_cluster => None,
            // The master of yesterday.
            ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown) => {
                Some(Fault::Useless)
            }
            _ => error.is_unrecoverable_error().then_some(Fault::Useless),
        }
    }
}
