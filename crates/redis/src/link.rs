//! The connection to one server, whoever made it.

use std::fmt;
use std::time::Duration;

use lockout_core::{Result, StoreError, StoreErrorKind};
use redis::aio::{ConnectionManager, MultiplexedConnection};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Script, ServerErrorKind, Value};

use crate::error::{Call, STORE, store_error};

/// A connection that tasks share: each command finds its answer, and commands that come together
/// travel together.
#[derive(Clone)]
pub(crate) enum Link {
    Manager(ConnectionManager),
    Multiplexed(MultiplexedConnection),
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A client knows its password.
        f.write_str(match self {
            Self::Manager(_) => "ConnectionManager",
            Self::Multiplexed(_) => "MultiplexedConnection",
        })
    }
}

impl Link {
    async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Manager(manager) => command.query_async(&mut manager.clone()).await,
            Self::Multiplexed(connection) => command.query_async(&mut connection.clone()).await,
        }
    }

    async fn send_all(&self, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        match self {
            Self::Manager(manager) => pipeline.query_async(&mut manager.clone()).await,
            Self::Multiplexed(connection) => pipeline.query_async(&mut connection.clone()).await,
        }
    }

    /// Runs a script that the server usually knows already.
    async fn run(&self, script: &Script, command: &Cmd) -> RedisResult<Value> {
        match self.send(command).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                // The server has restarted. Nothing was done, so it is safe to ask again.
                match self {
                    Self::Manager(manager) => script.load_async(&mut manager.clone()).await?,
                    Self::Multiplexed(connection) => {
                        script.load_async(&mut connection.clone()).await?
                    }
                };
                self.send(command).await
            }
            answer => answer,
        }
    }
}

/// A [`Link`] on which no call takes longer than a set time. Nothing is ever sent twice: what timed
/// out may still be carried out, and a charge that is repeated counts twice.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) link: Link,
    pub(crate) timeout: Duration,
}

impl Line {
    /// The answer to one command.
    pub(crate) async fn ask(&self, command: &Cmd, call: Call) -> Result<Value> {
        self.within(self.link.send(command), call).await
    }

    /// The answers to several commands that change nothing.
    pub(crate) async fn ask_all(&self, pipeline: &Pipeline) -> Result<Vec<Value>> {
        self.within(self.link.send_all(pipeline), Call::Reads).await
    }

    /// The answer of a script; `command` runs it by its hash.
    pub(crate) async fn run(&self, script: &Script, command: &Cmd) -> Result<Value> {
        self.within(self.link.run(script, command), Call::Writes).await
    }

    async fn within<T>(
        &self,
        answer: impl Future<Output = Result<T, RedisError>>,
        call: Call,
    ) -> Result<T> {
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(answer) => answer.map_err(|error| store_error(error, call)),
            Err(_) => Err(StoreError::new(
                StoreErrorKind::Timeout,
                call.effect(),
                STORE,
                "look at the server's load and at the network, or raise the timeout",
            )),
        }
    }
}
