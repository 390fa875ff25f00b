//! Many wrong passwords for one account at once, each from another address.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// What the server answered.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// How many answers there were of each HTTP status.
    pub(crate) by_status: BTreeMap<u16, usize>,
    /// Whether every guess came from an address of its own.
    pub(crate) many_addresses: bool,
}

/// Sends `guesses` wrong passwords, all released in the same moment.
pub(crate) async fn run(server: SocketAddr, username: &str, guesses: u16) -> io::Result<Answers> {
    let mut answers = Answers { many_addresses: true, ..Answers::default() };
    let mut streams = Vec::with_capacity(guesses.into());
    for guess in 0..guesses {
        let (stream, own_address) = connect(server, guess).await.map_err(|error| {
            let advice = "every guess needs two open files (`ulimit -n`)";
            let message = format!("connection {guess} of {guesses}: {error}; {advice}");
            io::Error::new(error.kind(), message)
        })?;
        answers.many_addresses &= own_address;
        streams.push(stream);
    }

    // Everybody is connected before anybody guesses.
    let start = Arc::new(Barrier::new(streams.len()));
    let mut tasks = JoinSet::new();
    for (number, stream) in streams.into_iter().enumerate() {
        let start = Arc::clone(&start);
        let body = format!("username={username}&password=wrong-{number}");
        tasks.spawn(async move {
            start.wait().await;
            post(stream, &body, None).await
        });
    }
    while let Some(task) = tasks.join_next().await {
        *answers.by_status.entry(task??.status).or_default() += 1;
    }
    Ok(answers)
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The cookie that it sets, as a browser sends it back.
    pub(crate) cookie: Option<String>,
}

/// Logs in from 127.0.0.1, in a browser that has this cookie.
pub(crate) async fn log_in(
    server: SocketAddr,
    username: &str,
    password: &str,
    cookie: Option<&str>,
) -> io::Result<Reply> {
    let stream = TcpStream::connect(server).await?;
    post(stream, &format!("username={username}&password={password}"), cookie).await
}

/// Connects from the loopback address of this number, where the system has more than 127.0.0.1.
async fn connect(server: SocketAddr, number: u16) -> io::Result<(TcpStream, bool)> {
    let [high, low] = number.to_be_bytes();
    let socket = TcpSocket::new_v4()?;
    match socket.bind((Ipv4Addr::new(127, 1, high, low), 0).into()) {
        Ok(()) => Ok((socket.connect(server).await?, true)),
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
            Ok((TcpStream::connect(server).await?, false))
        }
        Err(error) => Err(error),
    }
}

/// Posts a form to `/login`.
async fn post(mut stream: TcpStream, form: &str, cookie: Option<&str>) -> io::Result<Reply> {
    let cookie = cookie.map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
    let request = format!(
        "POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{cookie}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split_ascii_whitespace().nth(1).and_then(|status| status.parse().ok());
    let cookie = answer
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .and_then(|cookie| cookie.split(';').next())
        .map(str::to_owned);
    let none = || io::Error::new(io::ErrorKind::InvalidData, "no HTTP status in the answer");
    Ok(Reply { status: status.ok_or_else(none)?, cookie })
}
