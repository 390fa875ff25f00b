//! Guesses that wait, all but sent, for a gate to open.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::client::conn::{http1, http2};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::Result;
use crate::driver::{Answer, Protocol};

/// Everything of a request has arrived at the server but its form; the forms are sent when the gate
/// opens, all at once. What the network does to the order of requests does not matter then.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    open: watch::Sender<bool>,
    waiting: Arc<AtomicU32>,
}

impl Gate {
    /// A closed one.
    pub(super) fn new() -> Self {
        Self { open: watch::Sender::new(false), waiting: Arc::default() }
    }

    /// How many requests have been sent up to their forms.
    pub(super) fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Sends the forms.
    pub(super) fn open(&self) {
        self.open.send_replace(true);
    }

    fn form(&self, form: String) -> Form {
        let (mut open, waiting) = (self.open.subscribe(), Arc::clone(&self.waiting));
        let opened = async move {
            waiting.fetch_add(1, Ordering::SeqCst);
            // A gate that is gone is an open one.
            let _ = open.wait_for(|open| *open).await;
        };
        Form { opened: Box::pin(opened), text: Some(form.into()) }
    }
}

/// A form behind a gate.
pub(super) struct Form {
    opened: Pin<Box<dyn Future<Output = ()> + Send>>,
    text: Option<Bytes>,
}

impl Body for Form {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.text.is_some() {
            ready!(self.opened.as_mut().poll(context));
        }
        Poll::Ready(self.text.take().map(|text| Ok(Frame::data(text))))
    }

    fn is_end_stream(&self) -> bool {
        self.text.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.text.as_ref().map_or(0, Bytes::len).try_into().unwrap_or(0))
    }
}

/// A connection for such guesses: one for each with HTTP/1.1, one for many with HTTP/2.
pub(super) enum Held {
    Http1(http1::SendRequest<Form>),
    Http2(http2::SendRequest<Form>),
}

impl Held {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens there.
    pub(super) async fn connect(server: SocketAddr, protocol: Protocol) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let io = TokioIo::new(stream);
        match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(io).await?;
                tokio::spawn(connection);
                Ok(Self::Http1(sender))
            }
            Protocol::Http2 => {
                // Until the server has said how many it allows, hyper would hold back all but 100.
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.initial_max_send_streams(4_096);
                let (sender, connection) = builder.handshake(io).await?;
                tokio::spawn(connection);
                Ok(Self::Http2(sender))
            }
        }
    }

    /// Another sender on the same connection, if the protocol has several requests on one.
    pub(super) fn another(&self) -> Option<Self> {
        let Self::Http2(sender) = self else { return None };
        Some(Self::Http2(sender.clone()))
    }

    /// Guesses when the gate opens.
    pub(super) async fn guess(&mut self, server: SocketAddr, from: IpAddr, gate: &Gate) -> Answer {
        match self.status(server, from, gate).await {
            Ok(status) => status.into(),
            Err(_) => Answer::Broken,
        }
    }

    async fn status(
        &mut self,
        server: SocketAddr,
        from: IpAddr,
        gate: &Gate,
    ) -> Result<StatusCode> {
        let form = gate.form("username=user0&password=wrong".to_owned());
        let request = Request::builder()
            .method(Method::POST)
            .header("x-forwarded-for", from.to_string())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = match self {
            Self::Http1(sender) => {
                let request = request.uri("/login").header(HOST, server.to_string());
                sender.send_request(request.body(form)?).await?
            }
            Self::Http2(sender) => {
                let request = request.uri(format!("http://{server}/login"));
                sender.send_request(request.body(form)?).await?
            }
        };
        Ok(response.status())
    }
}
