//! Connections that tasks share: each command finds its answer, and commands that come together
//! travel together.

use std::fmt;

use redis::aio::{ConnectionManager, MultiplexedConnection};
use redis::{Cmd, ErrorKind, Pipeline, RedisResult, ServerErrorKind, Value};

use crate::scripts::Script;

/// A connection, whoever made it.
#[derive(Clone)]
pub(crate) enum Connection {
    Manager(ConnectionManager),
    Multiplexed(MultiplexedConnection),
    #[cfg(feature = "cluster")]
    Cluster(crate::cluster::Cluster),
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A client knows its password.
        f.write_str(match self {
            Self::Manager(_) => "ConnectionManager",
            Self::Multiplexed(_) => "MultiplexedConnection",
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => "ClusterConnection",
        })
    }
}

impl Connection {
    /// The answer to one command.
    pub(crate) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Manager(manager) => command.query_async(manager).await,
            Self::Multiplexed(connection) => command.query_async(connection).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.send(command).await,
        }
    }

    /// The answers to commands that follow each other on one server: that of the first one's key.
    pub(crate) async fn send_together(&mut self, commands: &[Cmd]) -> RedisResult<Vec<Value>> {
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for command in commands {
            pipeline.add_command(command.clone());
        }
        match self {
            Self::Manager(manager) => pipeline.query_async(manager).await,
            Self::Multiplexed(connection) => pipeline.query_async(connection).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.send_together(commands).await,
        }
    }

    /// The answers to commands that each go to the server of its key.
    pub(crate) async fn send_all(&mut self, commands: &[Cmd]) -> RedisResult<Vec<Value>> {
        #[cfg(feature = "cluster")]
        if let Self::Cluster(cluster) = self {
            let send = |command| {
                let mut cluster = cluster.clone();
                async move { cluster.send(command).await }
            };
            return futures_util::future::try_join_all(commands.iter().map(send)).await;
        }
        self.send_together(commands).await
    }

    /// The values under these keys.
    pub(crate) async fn read(&mut self, keys: &[String]) -> RedisResult<Vec<Value>> {
        #[cfg(feature = "cluster")]
        if let Self::Cluster(_) = self {
            let get = |key| redis::cmd("GET").arg(key).take();
            return self.send_all(&keys.iter().map(get).collect::<Vec<_>>()).await;
        }
        match self.send(redis::cmd("MGET").arg(keys)).await? {
            Value::Array(values) => Ok(values),
            value => Ok(vec![value]),
        }
    }

    /// Runs a script that the server usually knows already; `command` runs it by its hash.
    pub(crate) async fn run(&mut self, script: &Script, command: &Cmd) -> RedisResult<Value> {
        match self.send(command).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                // The server has restarted. Nothing was done, so it is safe to ask again.
                let mut load = redis::cmd("SCRIPT");
                load.arg("LOAD").arg(script.text());
                match self {
                    #[cfg(feature = "cluster")]
                    Self::Cluster(cluster) => cluster.send_like(&load, command).await?,
                    _ => self.send(&load).await?,
                };
                self.send(command).await
            }
            answer => answer,
        }
    }

    /// The time of the server; in a Cluster of the node that has `key`.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "it is for a Cluster"))]
    pub(crate) async fn time(&mut self, key: &str) -> RedisResult<Value> {
        let command = redis::cmd("TIME");
        match self {
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.send_to(&command, key.as_bytes()).await,
            _ => self.send(&command).await,
        }
    }
}
