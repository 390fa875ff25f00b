//! A proxy that breaks connections on purpose.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::relay::{Connection, Control};

/// A TCP proxy on a free loopback port. It passes everything on until it is told otherwise, for any
/// protocol in which the client asks and the server replies. Dropping it cuts all connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    control: Arc<Control>,
    listening: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy in front of `address`, where nobody needs to listen yet.
    ///
    /// # Errors
    /// If there is no port or no thread to be had.
    pub fn to(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let own_address = listener.local_addr()?;
        let control = Arc::<Control>::default();
        let listening = thread::Builder::new().name("lockout-test-proxy".into()).spawn({
            let control = Arc::clone(&control);
            move || accept(&listener, address, &control)
        })?;
        Ok(Self { address: own_address, control, listening: Some(listening) })
    }

    /// Where clients connect instead of to the server.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Passes the next request on, throws the server's reply to it away and then cuts the client's
    /// connection: the server has done what the client never hears of.
    ///
    /// The proxy does not know the protocol. On a connection with other requests under way, the
    /// replies that come at about the same time are lost with it.
    pub fn cut_next_reply(&self) {
        self.control.state().cut_next_reply = true;
    }

    /// While on, replies are held back; requests still reach the server. When off again they are
    /// delivered.
    pub fn stall(&self, on: bool) {
        self.control.change(|state| state.stalled = on);
    }

    /// While on, nobody gets through: connections are cut and new ones closed at once.
    pub fn refuse(&self, on: bool) {
        self.control.change(|state| {
            state.refusing = on;
            if on {
                state.cut_all();
            }
        });
    }

    /// How many connections came so far, those that were refused among them.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.control.state().accepted
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.control.change(|state| {
            state.closed = true;
            state.cut_all();
        });
        // It waits for the next connection before it sees that it is to end.
        if TcpStream::connect(self.address).is_ok() {
            let _ = self.listening.take().map(JoinHandle::join);
        }
    }
}

fn accept(listener: &TcpListener, server: SocketAddr, control: &Arc<Control>) {
    for client in listener.incoming() {
        let refusing = {
            let mut state = control.state();
            if state.closed {
                return;
            }
            state.accepted += 1;
            state.refusing
        };
        if let (false, Ok(client)) = (refusing, client) {
            let control = Arc::clone(control);
            thread::spawn(move || Connection::run(client, server, &control));
        }
    }
}
