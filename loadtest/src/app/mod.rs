//! The sample login: the same handler whatever protects it.
//!
//! - `POST /login` with `username` and `password`: 204 in, 401 wrong, 429 refused, 503 if the store
//!   failed. The client's address is in `X-Forwarded-For`; the proxy that says so is 127.0.0.1.
//! - `GET /verified`: how many passwords have been looked at.

pub mod accounts;
mod governor;
mod limitador;
mod protection;
mod serve;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use lockout_core::TrustedProxies;
use serde::Deserialize;

use self::accounts::Accounts;
use self::protection::Admission;
pub use self::protection::Protection;
pub use self::serve::serve;

/// The app as it is served.
#[derive(Clone, Debug)]
pub struct App {
    protection: Arc<Protection>,
    accounts: Arc<Accounts>,
    proxies: Arc<TrustedProxies>,
}

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

impl App {
    /// An app with these accounts behind this protection.
    #[must_use]
    pub fn new(protection: Protection, accounts: Accounts) -> Self {
        let loopback = "127.0.0.0/8".parse();
        Self {
            protection: Arc::new(protection),
            accounts: Arc::new(accounts),
            proxies: Arc::new(TrustedProxies::networks(loopback)),
        }
    }

    /// Its routes, for a server that says who connects.
    pub fn router(self) -> Router {
        Router::new()
            .route("/login", post(login))
            .route("/verified", get(verified))
            .with_state(self)
    }
}

async fn login(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(Credentials { username, password }): Form<Credentials>,
) -> StatusCode {
    let lines = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let Ok(client) = app.proxies.client_ip(Some(peer.ip()), lines) else {
        return StatusCode::BAD_REQUEST;
    };
    let permit = match app.protection.admit(&username, client).await {
        Ok(Admission::Admitted(permit)) => permit,
        Ok(Admission::Refused) => return StatusCode::TOO_MANY_REQUESTS,
        Err(_) => return StatusCode::SERVICE_UNAVAILABLE,
    };
    let Ok(is_right) = app.accounts.verify(&username, password).await else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    match permit.settle(&username, is_right).await {
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
        Ok(()) if is_right => StatusCode::NO_CONTENT,
        Ok(()) => StatusCode::UNAUTHORIZED,
    }
}

async fn verified(State(app): State<App>) -> String {
    app.accounts.verified().to_string()
}
