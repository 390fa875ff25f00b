//! The Redis store, beside bare commands with keys and values of the same sizes.
//!
//! Floor and ours share one connection, made as [`RedisStore::open`] makes its own.

mod bare;
pub mod memory;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lockout_core::{Attempt, FakeClock, Guard, Timestamp};
use lockout_layers::LockCache;
use lockout_redis::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use lockout_redis::redis::io::tcp::TcpSettings;
use lockout_redis::redis::{Client, IntoConnectionInfo as _, ProtocolVersion, RedisResult};
use lockout_redis::{BuildError, RedisStore};

use self::bare::Bare;
use crate::call::{
    Call, Figure, Scenario, Target, WORKS, admitted, for_all, guarded, index, refuse,
};
use crate::scenario::{SUBJECTS, attempts, policy, subjects};

/// How many tasks call at once where throughput is measured.
pub const TASKS: u32 = 64;

/// How many attempts meet locked subjects: few enough for all of these to stay in a [`LockCache`].
const LOCKED: u32 = 1_000;

/// Every scenario, on the server of `url`, whose subjects are known and have places left, but for
/// those that are to be locked.
///
/// # Errors
/// If the server cannot be used.
///
/// # Panics
/// Never: it is the calls that may.
pub async fn scenarios(url: &str) -> Result<Vec<Scenario>, Box<dyn Error>> {
    use Figure::{Latency, ServerCpu, Throughput};
    use Target::{AtLeast, AtMost, Open};

    let connection = connect(url)?;
    let attempts = attempts();
    let open_policy = policy(3, u32::MAX);
    let bare = Bare::load(connection.clone(), &subjects(&open_policy, &attempts)).await?;
    let ping = bare.call(1, |_, _| Bare::ping());
    let script = bare.call(1, Bare::count);
    let scripts = bare.call(2, Bare::count);
    let mget = bare.call(1, |_, keys| Bare::read(keys));

    let open = Guard::new(store(&connection, "lockout")?, open_policy);
    let refusing = store(&connection, "refused")?;
    let locked = Guard::new(refusing.clone(), policy(3, 0));
    let cache = LockCache::new(refusing).max_stale(Duration::from_secs(300));
    let remembered = Guard::new(cache, policy(3, 0));
    let some = &attempts[..index(LOCKED)];
    let begin = guarded(&open, &attempts, |guard, attempt| async move {
        drop(admitted(&guard, &attempt).await);
    });
    let seldom = seldom(store(&connection, "seldom-")?, &attempts);
    let succeed = guarded(&open, &attempts, |guard, attempt| async move {
        admitted(&guard, &attempt).await.succeed().await.expect(WORKS);
    });
    let check = guarded(&open, &attempts, |guard, attempt| async move {
        assert!(guard.check(&attempt).await.expect(WORKS).is_none(), "{attempt:?} is locked");
    });
    let lock = guarded(&locked, some, |guard, attempt| async move {
        admitted(&guard, &attempt).await.fail().await.expect(WORKS);
    });
    let refused = guarded(&locked, some, refuse);
    let from_memory = guarded(&remembered, some, refuse);
    for_all(&script, SUBJECTS, TASKS).await?;
    for_all(&begin, SUBJECTS, TASKS).await?;
    for_all(&seldom, SUBJECTS, TASKS).await?;
    for_all(&lock, LOCKED, TASKS).await?;
    for_all(&from_memory, LOCKED, TASKS).await?;

    let ping = ("PING", &ping);
    let script = ("bare script", &script);
    let begin = ("begin", &begin);
    let refused = ("begin refused", &refused);
    let all_open = [(Latency, Open), (Throughput, Open), (ServerCpu, Open)];
    Ok(vec![
        Scenario::new(
            script,
            begin,
            &[(Latency, AtMost(1.15)), (Throughput, AtLeast(0.87)), (ServerCpu, AtMost(1.3))],
        ),
        Scenario::new(
            ("MGET of as many keys", &mget),
            ("check", &check),
            &[(Latency, AtMost(1.15)), (Throughput, Open)],
        ),
        Scenario::new(script, ("begin after 100 s", &seldom), &all_open),
        Scenario::new(script, refused, &all_open),
        Scenario::new(refused, ("refused by LockCache", &from_memory), &[(Latency, Open)]),
        Scenario::new(ping, script, &all_open[..2]),
        Scenario::new(ping, begin, &all_open[..2]),
        // Last, since it forgets what the others have counted.
        Scenario::new(("two bare scripts", &scripts), ("begin + succeed", &succeed), &all_open),
    ])
}

/// The connection that floor and ours share.
fn connect(url: &str) -> RedisResult<ConnectionManager> {
    let info = url.into_connection_info()?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let info = info.set_redis_settings(settings);
    let client = Client::open(info.set_tcp_settings(TcpSettings::default().set_nodelay(true)))?;
    // The store has a timeout of its own, which is part of what it costs; the floor has none.
    let config = ConnectionManagerConfig::new().set_response_timeout(None);
    ConnectionManager::new_lazy_with_config(client, config)
}

/// A store whose prefix is as long as the default one.
fn store(connection: &ConnectionManager, prefix: &str) -> Result<RedisStore, BuildError> {
    RedisStore::builder().prefix(prefix).manager(connection.clone())
}

/// A `begin` of subjects that come in turn, each 100 s after its last one: the time to live of what
/// is kept has to be set anew, unlike for subjects that come again and again.
fn seldom(store: RedisStore, attempts: &[Attempt]) -> Call {
    let clock = FakeClock::at(Timestamp::from_millis(1_000_000_000_000));
    let guard = Guard::builder(store, policy(3, u32::MAX)).clock(clock.clone()).build();
    let (attempts, turn) = (Arc::<[Attempt]>::from(attempts), AtomicU32::new(0));
    Arc::new(move |_| {
        clock.advance(Duration::from_secs(100) / SUBJECTS);
        let attempt = attempts[index(turn.fetch_add(1, Ordering::Relaxed) % SUBJECTS)].clone();
        let guard = guard.clone();
        Box::pin(async move { drop(admitted(&guard, &attempt).await) })
    })
}
