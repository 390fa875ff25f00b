//! The client programs of databases.

use std::io;
use std::process::Command;

use super::ServerError;

/// How long a statement may take, in seconds.
const ANSWER_LIMIT: &str = "60";

/// Exit status of `timeout`, which Debian always has.
const TIMED_OUT: i32 = 124;

/// Runs a client program without the settings of whoever runs the tests, with the statement as its
/// last argument, and gives what it writes. `is_reply` tells from the exit status and the message
/// whether an error is the server's.
pub(super) fn ask(
    client: &mut Command,
    statement: &str,
    is_reply: impl Fn(i32, &str) -> bool,
) -> Result<String, ServerError> {
    let output = Command::new("timeout")
        .arg(ANSWER_LIMIT)
        .arg(client.get_program())
        .args(client.get_args())
        .arg(statement)
        .env_clear()
        .output()
        .map_err(ServerError::io("run a database's client"))?;
    let answer = String::from_utf8_lossy(&output.stdout);
    let message = String::from_utf8_lossy(&output.stderr);
    // Before it may stand the statement, which is not to be repeated.
    let message = message[message.find("ERROR").unwrap_or(0)..].trim_end();
    let failed = |source| ServerError::io("talk to the server")(source);
    match output.status.code() {
        Some(0) => Ok(answer.strip_suffix('\n').unwrap_or(&answer).to_owned()),
        Some(TIMED_OUT) => Err(failed(io::ErrorKind::TimedOut.into())),
        Some(status) if status < TIMED_OUT && is_reply(status, message) => {
            let command = statement.split_whitespace().next().unwrap_or_default().to_owned();
            Err(ServerError::Reply { command, message: message.to_owned() })
        }
        _ => Err(failed(io::Error::other(message.to_owned()))),
    }
}
