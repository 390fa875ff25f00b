//! As much of Redis' protocol as it takes to ask a server for one thing.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read, Write};

/// Sends commands and reads one reply for each.
#[derive(Debug)]
pub(super) struct Client<S> {
    stream: BufReader<S>,
}

impl<S: Read + Write> Client<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    /// The reply as text, or the error reply as `Err` inside.
    pub(super) fn call(&mut self, arguments: &[&str]) -> io::Result<Result<String, String>> {
        let mut request = format!("*{}\r\n", arguments.len());
        for argument in arguments {
            request.push_str(&format!("${}\r\n{argument}\r\n", argument.len()));
        }
        self.stream.get_mut().write_all(request.as_bytes())?;
        read_reply(&mut self.stream)
    }
}

fn read_reply(stream: &mut impl BufRead) -> io::Result<Result<String, String>> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    if line.is_empty() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let line = line.trim_end();
    let Some((kind, rest)) = line.split_at_checked(1) else { return Err(unreadable()) };
    match kind {
        "+" | ":" => Ok(Ok(rest.to_owned())),
        "-" => Ok(Err(rest.to_owned())),
        "$" => read_bulk(stream, rest).map(Ok),
        "*" => read_array(stream, rest).map(Ok),
        _ => Err(unreadable()),
    }
}

fn read_bulk(stream: &mut impl BufRead, length: &str) -> io::Result<String> {
    let Some(length) = parse_length(length)? else { return Ok(String::new()) };
    let mut bytes = vec![0; length + 2];
    stream.read_exact(&mut bytes)?;
    bytes.truncate(length);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_array(stream: &mut impl BufRead, length: &str) -> io::Result<String> {
    let mut items = Vec::new();
    for _ in 0..parse_length(length)?.unwrap_or(0) {
        items.push(read_reply(stream)?.unwrap_or_else(|error| error));
    }
    Ok(items.join("\n"))
}

/// `None` for nil.
fn parse_length(length: &str) -> io::Result<Option<usize>> {
    let length: i64 = length.parse().map_err(|_| unreadable())?;
    Ok(usize::try_from(length).ok())
}

fn unreadable() -> Error {
    Error::new(ErrorKind::InvalidData, "not a reply of Redis")
}

#[cfg(test)]
mod tests {
    use super::read_reply;

    #[test]
    fn replies_are_read_as_text() {
        let read = |reply: &str| read_reply(&mut reply.as_bytes()).unwrap();
        assert_eq!(read("+OK\r\n"), Ok("OK".to_owned()));
        assert_eq!(read(":-7\r\n"), Ok("-7".to_owned()));
        assert_eq!(read("$4\r\na\r\nb\r\n"), Ok("a\r\nb".to_owned()));
        assert_eq!(read("$-1\r\n"), Ok(String::new()));
        assert_eq!(read("*2\r\n$1\r\na\r\n*2\r\n:1\r\n-ERR no\r\n"), Ok("a\n1\nERR no".to_owned()));
        assert_eq!(read("-NOAUTH go away\r\n"), Err("NOAUTH go away".to_owned()));
    }

    #[test]
    fn half_a_reply_is_an_error() {
        for reply in ["", "\r\n", "$4\r\na", "*2\r\n:1\r\n", "?\r\n", "é\r\n", "$x\r\n"] {
            assert!(read_reply(&mut reply.as_bytes()).is_err(), "{reply:?}");
        }
    }
}
