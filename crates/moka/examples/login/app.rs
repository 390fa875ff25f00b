//! The guarded login itself: `login` is what to copy.
//!
//! What a service adds: TLS, a session for whoever is let in, and, behind a proxy of its own, the
//! client's address from that proxy's header instead of the peer's.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Form, State};
use axum::http::HeaderMap;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::middleware::map_response;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::get;
use lockout_core::{Attempt, CookieForm, Decision, Guard, StoreError};
use serde::Deserialize;

use crate::accounts::{Accounts, Password, VerifierError};
use crate::pages;

/// A username and a password need no more.
const MAX_BODY: usize = 8 * 1024;

/// The pages. Serve them with [`Router::into_make_service_with_connect_info`], since the login
/// counts for the client's address too.
pub(crate) fn router(guard: Guard, accounts: Arc<Accounts>) -> Router {
    Router::new()
        .route("/", get(pages::form))
        .route("/login", get(pages::form).post(login))
        .route("/style.css", get(pages::style))
        .route("/countdown.js", get(pages::countdown))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(map_response(pages::harden))
        .with_state(App { guard, accounts })
}

#[derive(Clone)]
struct App {
    guard: Guard,
    accounts: Arc<Accounts>,
}

#[derive(Debug, Deserialize)]
struct Credentials {
    username: String,
    password: Password,
}

async fn login(
    State(App { guard, accounts }): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(Credentials { username, password }): Form<Credentials>,
) -> Result<Response, Failure> {
    let mut attempt = Attempt::new().username(&username).ip(peer.ip());
    let cookies = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    if let Some(cookie) = CookieForm::default().find(cookies) {
        attempt = attempt.device_cookie(&cookie);
    }
    let permit = match guard.begin(&attempt).await? {
        Decision::Admitted(permit) => permit,
        Decision::Refused(refusal) => return Ok(pages::refused(&refusal)),
    };
    // From here on the attempt is charged: who hangs up now has used it up.
    match accounts.verify(username, password).await {
        Ok(true) => {
            // By this cookie the browser is known the next time, whatever strangers do to the name.
            let cookie = permit.succeed().await?.device_cookie;
            let cookie = cookie.map(|cookie| (SET_COOKIE, cookie.set_cookie()));
            Ok((AppendHeaders(cookie), pages::welcome()).into_response())
        }
        Ok(false) => {
            let began = permit.fail().await?.locked;
            // Who is locked by this failure learns at once what his next attempt would.
            let refusal = if began.is_empty() { None } else { guard.check(&attempt).await? };
            Ok(refusal.as_ref().map_or_else(pages::failed, pages::refused))
        }
        Err(error) => {
            permit.cancel().await?;
            Err(error.into())
        }
    }
}

/// What goes wrong on our side. A login that cannot be counted is not let through.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Verifier(#[from] VerifierError),
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        eprintln!("login: {self}");
        match self {
            Self::Store(_) => pages::unavailable(),
            Self::Verifier(_) => pages::broken(),
        }
    }
}
