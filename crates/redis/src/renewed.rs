//! A connection that is made anew when the one there is has become useless.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use redis::{RedisError, RedisResult};

use crate::connection::Connection;

/// Makes a connection, which calls what it is given if it finds out that it is lost.
type Make = dyn Fn(Lost) -> BoxFuture<'static, RedisResult<Connection>> + Send + Sync;

pub(crate) type Lost = Box<dyn Fn() + Send + Sync>;

/// A connection in the making, for which many may wait.
type Making = Shared<BoxFuture<'static, RedisResult<Connection>>>;

/// What is the matter with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It may lead to a server that has no say any more: it is used until there is another.
    Doubtful,
    /// It is of no use.
    Useless,
}

/// Clones share the connection.
#[derive(Clone)]
pub(crate) struct Renewed {
    make: Arc<Make>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Counts the connections there have been.
    number: u64,
    current: Option<Connection>,
    making: Option<Making>,
}

impl State {
    /// Gives up the connection with this number.
    fn lose(&mut self, number: u64) {
        if self.number == number {
            self.current = None;
        }
    }
}

impl Renewed {
    pub(crate) fn new<F>(make: impl Fn(Lost) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = RedisResult<Connection>> + Send + 'static,
    {
        Self { make: Arc::new(move |lost| make(lost).boxed()), state: Arc::default() }
    }

    /// The connection, and its number. Whoever comes while there is none waits for the same new one.
    pub(crate) async fn get(&self) -> RedisResult<(u64, Connection)> {
        let making = {
            let mut state = self.state();
            if let Some(connection) = &state.current {
                return Ok((state.number, connection.clone()));
            }
            self.begin(&mut state)
        };
        let connection = making.await?;
        Ok((self.number(), connection))
    }

    /// The number of the connection that there is.
    pub(crate) fn number(&self) -> u64 {
        self.state().number
    }

    /// Begins to make another connection than the one with this number.
    pub(crate) fn renew(&self, number: u64, fault: Fault) {
        let mut state = self.state();
        if fault == Fault::Useless {
            state.lose(number);
        }
        if state.number == number {
            drop(self.begin(&mut state));
        }
    }

    fn begin(&self, state: &mut State) -> Making {
        if let Some(making) = &state.making {
            return making.clone();
        }
        let (holder, number) = (Arc::downgrade(&self.state), state.number + 1);
        let lost = Box::new(move || {
            if let Some(state) = holder.upgrade() {
                lock(&state).lose(number);
            }
        });
        let (make, shared) = ((self.make)(lost), Arc::clone(&self.state));
        // A task: whoever waits may go away, the others still get it.
        let made = tokio::spawn(async move {
            let made = make.await;
            let mut state = lock(&shared);
            state.making = None;
            if let Ok(connection) = &made {
                state.number += 1;
                state.current = Some(connection.clone());
            }
            made
        });
        let making = async { made.await.unwrap_or_else(|_| Err(stopped())) }.boxed().shared();
        state.making = Some(making.clone());
        making
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn stopped() -> RedisError {
    std::io::Error::new(std::io::ErrorKind::NotConnected, "the runtime is shutting down").into()
}

impl fmt::Debug for Renewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Renewed").field(&self.state().current).finish()
    }
}
