//! A connection that logs in.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use crate::Result;

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// HTTP/1.1, one request at a time on a connection.
    Http1,
    /// HTTP/2 by prior knowledge, as many at a time as the server allows.
    Http2,
}

/// A try to log in.
#[derive(Clone, Debug)]
pub struct Login {
    /// Whose account.
    pub username: Arc<str>,
    /// A password without characters that a form would escape, but spaces.
    pub password: &'static str,
    /// Whose address the proxy names.
    pub from: IpAddr,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Let in.
    Welcome,
    /// The password is wrong.
    Wrong,
    /// Refused by the lockout.
    Refused,
    /// The store failed.
    Unavailable,
    /// Anything else, a broken connection included.
    Broken,
}

impl From<StatusCode> for Answer {
    fn from(status: StatusCode) -> Self {
        match status {
            StatusCode::NO_CONTENT => Self::Welcome,
            StatusCode::UNAUTHORIZED => Self::Wrong,
            StatusCode::TOO_MANY_REQUESTS => Self::Refused,
            StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable,
            _ => Self::Broken,
        }
    }
}

/// A connection to a login app.
#[derive(Debug)]
pub struct Client {
    sender: Sender,
    host: HeaderValue,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens there, or it is not HTTP.
    pub async fn connect(server: SocketAddr, protocol: Protocol) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let io = TokioIo::new(stream);
        // The connections end with their senders, or with the server: the sender tells.
        let sender = match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(io).await?;
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
            Protocol::Http2 => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
                tokio::spawn(connection);
                Sender::Http2(sender)
            }
        };
        Ok(Self { sender, host: HeaderValue::from_str(&server.to_string())? })
    }

    /// Another sender on the same connection, if the protocol has several requests on one.
    #[must_use]
    pub fn another(&self) -> Option<Self> {
        let Sender::Http2(sender) = &self.sender else { return None };
        Some(Self { sender: Sender::Http2(sender.clone()), host: self.host.clone() })
    }

    /// Logs in. A connection that broke stays broken.
    pub async fn log_in(&mut self, login: &Login) -> Answer {
        match self.status(login).await {
            Ok(status) => status.into(),
            Err(_) => Answer::Broken,
        }
    }

    /// Whether another login can be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => !sender.is_closed(),
            Sender::Http2(sender) => !sender.is_closed(),
        }
    }

    async fn status(&mut self, login: &Login) -> Result<StatusCode> {
        let password = login.password.replace(' ', "+");
        let form = format!("username={}&password={password}", login.username);
        let request = Request::builder()
            .method(Method::POST)
            .uri("/login")
            .header(HOST, self.host.clone())
            .header("x-forwarded-for", login.from.to_string())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request.body(Full::from(form))?).await?
            }
            Sender::Http2(sender) => {
                let uri = format!("http://{}/login", self.host.to_str()?);
                sender.ready().await?;
                sender.send_request(request.uri(uri).body(Full::from(form))?).await?
            }
        };
        let status = response.status();
        // Only then is the connection free for the next one.
        response.into_body().collect().await?;
        Ok(status)
    }
}
