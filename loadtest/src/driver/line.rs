//! A connection that is made anew when it has broken.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::time::timeout_at;

use super::{Answer, Client, Login, Protocol};
use crate::{Error, Result};

/// A place for one connection to a site.
#[derive(Debug)]
pub(super) struct Line {
    server: SocketAddr,
    client: Option<Client>,
}

impl Line {
    /// A line that connects when it is first needed.
    pub(super) const fn new(server: SocketAddr) -> Self {
        Self { server, client: None }
    }

    /// A line that is connected.
    pub(super) async fn connected(server: SocketAddr) -> Result<Self> {
        let client = Client::connect(server, Protocol::Http1).await?;
        Ok(Self { server, client: Some(client) })
    }

    /// Hangs up, and connects again.
    pub(super) async fn reconnect(&mut self) -> Result<()> {
        *self = Self::connected(self.server).await?;
        Ok(())
    }

    /// Logs in. What is not answered by `deadline` is broken, and so is its connection: the answer
    /// would otherwise be taken for the next login's.
    pub(super) async fn log_in(&mut self, login: &Login, deadline: Instant) -> Answer {
        let mut client = self.client.take();
        let answering = async {
            let client = match &mut client {
                Some(client) if client.is_open() => client,
                place => place.insert(Client::connect(self.server, Protocol::Http1).await?),
            };
            Ok::<_, Error>(client.log_in(login).await)
        };
        let answer = match timeout_at(deadline.into(), answering).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Answer::Broken,
        };
        if answer != Answer::Broken {
            self.client = client;
        }
        answer
    }
}
