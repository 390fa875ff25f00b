//! Bare commands, with keys and values as long as the store's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lockout_core::Subject;
use lockout_redis::redis::aio::ConnectionManager;
use lockout_redis::redis::{Cmd, RedisResult, Script, Value, cmd};

use crate::call::{Call, WORKS, index};

/// The least that a script can do to count: read and write each key once.
const COUNT: &str = "
for i = 1, #KEYS do
  redis.call('GET', KEYS[i])
  redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[2])
end";

/// As long as the record of a subject that was never locked, and as different: the server keeps one
/// copy of a string that comes again and again.
fn value() -> [u8; 27] {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mut value = [7; 27];
    value[..8].copy_from_slice(&NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    value
}

/// As long as a record of the default policy is kept.
const LIVES: u32 = 387_500;

pub(super) struct Bare {
    connection: ConnectionManager,
    count: Script,
    keys: Vec<Vec<String>>,
}

impl Bare {
    pub(super) async fn load(
        mut connection: ConnectionManager,
        subjects: &[Vec<Subject>],
    ) -> RedisResult<Arc<Self>> {
        let count = Script::new(COUNT);
        count.load_async(&mut connection).await?;
        let keys = subjects.iter().map(|subjects| subjects.iter().map(key).collect()).collect();
        Ok(Arc::new(Self { connection, count, keys }))
    }

    /// Sends a command so many times, one after the other.
    pub(super) fn call(
        self: &Arc<Self>,
        times: usize,
        command: fn(&Self, &[String]) -> Cmd,
    ) -> Call {
        let bare = Arc::clone(self);
        Arc::new(move |number| {
            let bare = Arc::clone(&bare);
            Box::pin(async move {
                for _ in 0..times {
                    let command = command(&bare, &bare.keys[index(number)]);
                    let answer = command.query_async::<Value>(&mut bare.connection.clone()).await;
                    answer.expect(WORKS);
                }
            })
        })
    }

    pub(super) fn count(&self, keys: &[String]) -> Cmd {
        let mut command = cmd("EVALSHA");
        command.arg(self.count.get_hash()).arg(keys.len()).arg(keys).arg(&value()).arg(LIVES);
        command
    }

    pub(super) fn read(keys: &[String]) -> Cmd {
        let mut command = cmd("MGET");
        command.arg(keys);
        command
    }

    pub(super) fn ping() -> Cmd {
        cmd("PING")
    }
}

/// A key as long as the store's, `PREFIX:{BUCKET}:SUBJECT` with a letter for the scope.
fn key(subject: &Subject) -> String {
    let text = subject.to_string();
    let (_, value) = text.split_once(':').unwrap_or_default();
    format!("minimum:{{00}}:s:{value}")
}

#[cfg(test)]
mod tests {
    use lockout_core::{Attempt, Guard};
    use lockout_redis::RedisStore;
    use lockout_testkit::servers::RedisServer;

    use super::*;
    use crate::scenario::policy;

    fn sizes(texts: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut sizes: Vec<_> = texts.collect();
        sizes.sort_unstable();
        sizes
    }

    #[tokio::test]
    async fn keys_and_values_are_as_long_as_the_stores() {
        let server = RedisServer::start().unwrap();
        let policy = policy(3, 9);
        let attempt = Attempt::new().username("user-000042").ip([10, 1, 2, 3]);
        let claims = policy.claims(&attempt);
        let guard = Guard::new(RedisStore::open(&server.url()).unwrap(), policy);
        drop(guard.begin(&attempt).await.unwrap().admitted().unwrap());

        let kept = server.cli(&["KEYS", "*"]).unwrap();
        let ours = sizes(kept.lines().map(str::len));
        assert_eq!(ours, sizes(claims.iter().map(|claim| key(claim.subject()).len())));
        for key in kept.lines() {
            assert_eq!(server.cli(&["STRLEN", key]).unwrap(), value().len().to_string());
        }
    }
}
