//! Serves the app over HTTP/1.1 and, by prior knowledge, HTTP/2.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use super::App;
use crate::Result;

/// How many requests one connection may have under way. The usual 200 would let a burst through in
/// portions, and what is tested is that all of it comes at once.
const STREAMS: u32 = 4_096;

/// Serves until the process ends.
///
/// # Errors
/// If connections cannot be accepted.
pub async fn serve(app: App, listener: TcpListener) -> Result<()> {
    let router = app.router();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(STREAMS);
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (router, builder) = (router.clone(), builder.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| answer(router.clone(), request, peer));
            // A client that hangs up is nothing to report.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    router: axum::Router,
    request: Request<hyper::body::Incoming>,
    peer: SocketAddr,
) -> std::result::Result<axum::response::Response, Infallible> {
    use tower::ServiceExt as _;
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}
