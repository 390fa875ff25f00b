//! What a proxy does with one connection, and how all of them are told what to do.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How long a server has to be silent before its reply counts as complete.
const SILENCE: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(super) struct Control {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) closed: bool,
    pub(super) cut_next_reply: bool,
    pub(super) stalled: bool,
    pub(super) refusing: bool,
    pub(super) accepted: usize,
    open: Vec<Weak<Connection>>,
}

impl Control {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    fn wait_while_stalled(&self, connection: &Connection) {
        let held = |state: &mut State| state.stalled && !connection.cut.load(Ordering::SeqCst);
        drop(self.changed.wait_while(self.state(), held));
    }
}

impl State {
    pub(super) fn cut_all(&mut self) {
        self.open.drain(..).filter_map(|open| open.upgrade()).for_each(|open| open.cut());
    }

    /// Whether the connection may be used; if so it is cut together with the others.
    fn admit(&mut self, connection: &Arc<Connection>) -> bool {
        self.open.retain(|open| open.strong_count() > 0);
        self.open.push(Arc::downgrade(connection));
        !self.refusing && !self.closed
    }
}

#[derive(Debug)]
pub(super) struct Connection {
    client: TcpStream,
    server: TcpStream,
    /// The reply that comes next is to be thrown away.
    losing: AtomicBool,
    cut: AtomicBool,
}

impl Connection {
    /// Connects the client to the server until one of them, or the proxy, ends it.
    pub(super) fn run(client: TcpStream, server: SocketAddr, control: &Control) {
        let Ok(server) = TcpStream::connect_timeout(&server, CONNECT_LIMIT) else { return };
        let _ = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
        let (losing, cut) = (AtomicBool::new(false), AtomicBool::new(false));
        let connection = Arc::new(Self { client, server, losing, cut });
        if !control.state().admit(&connection) {
            return;
        }
        thread::scope(|scope| {
            scope.spawn(|| {
                if connection.pass_requests(control).is_err() {
                    connection.cut();
                }
            });
            // However the replies end, nobody has anything to wait for any more.
            let _ = connection.pass_replies(control);
            connection.cut();
        });
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        // What is closed already needs no cutting.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }

    fn pass_requests(&self, control: &Control) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = (&self.client).read(&mut buffer)?;
            if read == 0 {
                return self.server.shutdown(Shutdown::Write);
            }
            if std::mem::take(&mut control.state().cut_next_reply) {
                self.losing.store(true, Ordering::SeqCst);
            }
            (&self.server).write_all(&buffer[..read])?;
        }
    }

    fn pass_replies(&self, control: &Control) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = (&self.server).read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            control.wait_while_stalled(self);
            if self.losing.load(Ordering::SeqCst) {
                return self.swallow();
            }
            (&self.client).write_all(&buffer[..read])?;
        }
    }

    /// Reads until the server is silent, so that it has done all that it was asked.
    fn swallow(&self) -> io::Result<()> {
        self.server.set_read_timeout(Some(SILENCE))?;
        while (&self.server).read(&mut [0; 16 * 1024])? > 0 {}
        Ok(())
    }
}
