//! A contender, running.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use lockout_testkit::servers::OtherServer;

use crate::contender::{Contender, Family, Hash};
use crate::peers::Tools;
use crate::store::Store;
use crate::usage::Usage;
use crate::{Error, Result};

/// How long an app may take to say how many passwords it has looked at.
const PATIENCE: Duration = Duration::from_secs(10);

/// What sites are started with.
#[derive(Clone, Debug)]
pub struct Programs {
    /// This package's program, which is the sample app too.
    pub own: PathBuf,
    /// What other apps run on.
    pub tools: Tools,
}

impl Programs {
    /// Those of a run of this package's program. What is needed for these contenders is installed if
    /// it is missing, which blocks the thread.
    ///
    /// # Errors
    /// If the program has been removed meanwhile, or the installing fails.
    pub fn here(contenders: &[Contender]) -> Result<Self> {
        let is_peer = |contender: &Contender| contender.family() != Family::Axum;
        let tools = match contenders.iter().any(is_peer) {
            true => Tools::fetch()?,
            false => Tools::default(),
        };
        Ok(Self { own: std::env::current_exe()?, tools })
    }
}

/// A login app in processes of its own, with an empty store of its own. All of it ends when this is
/// dropped, and however this process ends.
#[derive(Debug)]
pub struct Site {
    contender: Contender,
    // Ends before its store does.
    server: OtherServer,
    store: Store,
}

impl Site {
    /// Starts the app and what it keeps its counts in.
    ///
    /// # Errors
    /// If a server or a tool that it needs is not installed, or it does not answer.
    pub fn start(contender: Contender, hash: Hash, programs: &Programs) -> Result<Self> {
        let explained =
            |error: Error| Error::from(format!("{contender} cannot be started: {error}"));
        Self::started(contender, hash, programs).map_err(explained)
    }

    fn started(contender: Contender, hash: Hash, programs: &Programs) -> Result<Self> {
        let store = Store::start(contender.storage())?;
        let url = store.url();
        let command = match contender.family() {
            Family::Axum => own(contender, hash, url.as_deref(), programs),
            Family::Django | Family::Node => {
                Box::new(programs.tools.app(contender, hash, url.as_deref())?)
            }
        };
        let answers = |address| verified(address).is_ok();
        let server = OtherServer::start(contender.name(), command, answers)?;
        Ok(Self { contender, server, store })
    }

    /// Who it is.
    #[must_use]
    pub const fn contender(&self) -> Contender {
        self.contender
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// How many passwords it has looked at since it started.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn verified(&self) -> Result<u64> {
        verified(self.address())
    }

    /// What the app's processes have used.
    ///
    /// # Errors
    /// If they do not run.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of_tree(self.server.pid())
    }

    /// The numbers of the first processes of the app and of its store's server.
    pub fn pids(&self) -> impl Iterator<Item = u32> {
        [Some(self.server.pid()), self.store.pid()].into_iter().flatten()
    }

    /// What it keeps its counts in.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The same, to be killed and started again.
    pub const fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }
}

type Command = Box<dyn FnOnce(SocketAddr) -> Vec<String>>;

/// This package's program, as the sample app.
fn own(contender: Contender, hash: Hash, url: Option<&str>, programs: &Programs) -> Command {
    let mut command = vec![programs.own.display().to_string(), "serve".to_owned()];
    command.extend([contender.name(), "--hash", hash.name()].map(str::to_owned));
    command.extend(url.map(|url| format!("--url={url}")));
    Box::new(move |address: SocketAddr| {
        command.push(format!("--port={}", address.port()));
        command
    })
}

/// Asks the app at this address. Blocks the thread.
fn verified(address: SocketAddr) -> Result<u64> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /verified HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("half an answer")?;
    // Chunks have their lengths on lines of their own, which are shorter than no number here.
    let body = if answer.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body.split("\r\n").nth(1).unwrap_or_default()
    } else {
        body
    };
    body.trim().parse().map_err(|_| format!("{body:?} is not a number of passwords").into())
}
