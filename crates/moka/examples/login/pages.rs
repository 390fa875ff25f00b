//! The pages. Nothing that a client sent is shown again, so there is nothing to escape.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use lockout_core::Refusal;

const FORM: &str = r#"<form method="post" action="/login">
  <label>Username
    <input name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus>
  </label>
  <label>Password
    <input name="password" type="password" autocomplete="current-password" required>
  </label>
  <button>Log in</button>
</form>"#;

const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// Adds to every answer what keeps it out of caches and foreign frames.
pub(crate) async fn harden(mut response: Response) -> Response {
    response.headers_mut().extend(HEADERS);
    response
}

pub(crate) async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("style.css"))
}

pub(crate) async fn countdown() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("countdown.js"))
}

pub(crate) async fn form() -> Response {
    page(StatusCode::OK, "Log in", FORM)
}

pub(crate) fn welcome() -> Response {
    let body = r#"<p>You are logged in.</p>
<p><a href="/">Log in as somebody else</a></p>"#;
    page(StatusCode::OK, "Welcome", body)
}

/// The same whether the account exists or not.
pub(crate) fn failed() -> Response {
    let body = format!(
        r#"<p class="note" role="alert">The username or the password is wrong. Check both and
try again, or ask an administrator for a new password: after a few failures you must wait.</p>
{FORM}"#
    );
    page(StatusCode::UNAUTHORIZED, "Log in", &body)
}

/// Says when to come back, but not who is locked nor why: a stranger may be reading.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    let mut response = match (refusal, refusal.retry_after_secs()) {
        (Refusal::Busy { .. }, _) => busy(),
        (_, Some(seconds)) => locked(seconds),
        (_, None) => locked_for_good(),
    };
    if let Some(seconds) = refusal.retry_after_secs() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn locked(seconds: u64) -> Response {
    let body = format!(
        r#"<script src="/countdown.js" defer></script>
<p>There were too many failed logins. Until the time is up no password is accepted,
not even the right one.</p>
<p class="clock" id="left"><time datetime="PT{seconds}S" data-seconds="{seconds}">{clock}</time>
<small>until you can try again</small></p>
<noscript><p>Come back in {seconds} seconds.</p></noscript>
<p id="back"><a class="button" href="/">Back to the login</a></p>"#,
        clock = clock(seconds),
    );
    page(StatusCode::TOO_MANY_REQUESTS, "Please wait", &body)
}

fn locked_for_good() -> Response {
    let body = "<p>There were too many failed logins, and waiting does not help. Please ask an
administrator to unlock the login.</p>";
    page(StatusCode::TOO_MANY_REQUESTS, "Locked", body)
}

fn busy() -> Response {
    let body = r#"<p>Other logins are being checked just now. Please try again in a moment.</p>
<p><a class="button" href="/">Back to the login</a></p>"#;
    page(StatusCode::TOO_MANY_REQUESTS, "One moment", body)
}

pub(crate) fn unavailable() -> Response {
    let body = "<p>Nobody can log in at the moment. Please try again later.</p>";
    page(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", body)
}

pub(crate) fn broken() -> Response {
    let body = "<p>Your password could not be checked. This was our fault and does not count as a
failed login. Please try again later.</p>";
    page(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", body)
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="stylesheet" href="/style.css">
<main>
<h1>{title}</h1>
{body}
</main>
"#
    );
    (status, Html(html)).into_response()
}

/// As `countdown.js` writes it: `4:59`, or `1:04:59` from an hour on.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours == 0 {
        format!("{minutes}:{seconds:02}")
    } else {
        format!("{hours}:{minutes:02}:{seconds:02}")
    }
}
