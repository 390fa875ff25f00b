//! The SQL stores, beside bare statements over rows of the same sizes.
//!
//! Floor and ours have pools with the same settings on the same server.

mod bare;
pub mod bytes;

use std::error::Error;
use std::sync::Arc;

use lockout_core::{Attempt, Guard};
use lockout_sql::{Dialect, SqlStore};

pub use self::bare::Bare;
use crate::call::{
    Call, Figure, Scenario, Target, WORKS, admitted, for_all, guarded, index, refuse,
};
use crate::scenario::{attempts, policy, subjects};

/// How many tasks call at once where throughput is measured.
pub const TASKS: u32 = 32;

/// How many connections a pool has.
pub const CONNECTIONS: u32 = 10;

/// How many attempts there are: each has three subjects.
const ATTEMPTS: u32 = 10_000;

/// How many attempts meet locked subjects.
const LOCKED: u32 = 1_000;

/// What is asked of the store that is measured.
#[derive(Clone, Copy, Debug)]
pub struct Targets {
    /// `begin` beside the bare read and the bare write.
    pub begin: Target,
    /// `begin` beside the bare write alone.
    pub begin_beside_write: Target,
    /// A refusal beside the bare read.
    pub refused: Target,
    /// `begin` of one address beside that of many.
    pub hot: Target,
}

/// Every scenario, for `store` and for tables of `bare` beside its own.
///
/// # Errors
/// If the database cannot be used.
///
/// # Panics
/// Never: it is the calls that may.
pub async fn scenarios<D: Dialect>(
    store: SqlStore<D>,
    bare: impl Bare,
    targets: Targets,
) -> Result<Vec<Scenario>, Box<dyn Error>> {
    use Figure::{Latency, Throughput};
    use Target::Open;

    store.migrate().await?;
    let mut attempts = attempts();
    attempts.truncate(index(ATTEMPTS));
    let one_address: Vec<_> =
        attempts.iter().map(|attempt| attempt.clone().ip([192, 0, 2, 1])).collect();
    let open_policy = policy(3, u32::MAX);
    let bare = Arc::new(bare);
    bare.create().await?;
    let keys: Arc<[Vec<String>]> = subjects(&open_policy, &attempts)
        .iter()
        .map(|subjects| subjects.iter().map(ToString::to_string).collect())
        .collect();
    let read = bare_call(&bare, &keys, |bare, keys| async move { bare.read(&keys).await });
    let write = bare_call(&bare, &keys, |bare, keys| async move { bare.write(&keys).await });
    let both = bare_call(&bare, &keys, |bare, keys| async move {
        bare.read(&keys).await;
        bare.write(&keys).await;
    });
    let all = bare_call(&bare, &keys, |bare, keys| async move {
        bare.read(&keys).await;
        bare.write(&keys).await;
        bare.write(&keys).await;
    });

    let open = Guard::new(store.clone(), open_policy);
    let locked = Guard::new(store, policy(3, 0));
    let some: Vec<_> = (0..LOCKED)
        .map(|number| {
            let address = std::net::Ipv4Addr::from_bits(0xc612_0000 + number);
            Attempt::new().username(&format!("locked-{number:05}")).ip(address)
        })
        .collect();
    let begin = guarded(&open, &attempts, |guard, attempt| async move {
        drop(admitted(&guard, &attempt).await);
    });
    let hot = guarded(&open, &one_address, |guard, attempt| async move {
        drop(admitted(&guard, &attempt).await);
    });
    let succeed = guarded(&open, &attempts, |guard, attempt| async move {
        admitted(&guard, &attempt).await.succeed().await.expect(WORKS);
    });
    let check = guarded(&open, &attempts, |guard, attempt| async move {
        assert!(guard.check(&attempt).await.expect(WORKS).is_none(), "{attempt:?} is locked");
    });
    let lock = guarded(&locked, &some, |guard, attempt| async move {
        admitted(&guard, &attempt).await.fail().await.expect(WORKS);
    });
    let refused = guarded(&locked, &some, refuse);
    for_all(&write, ATTEMPTS, TASKS).await?;
    for_all(&begin, ATTEMPTS, TASKS).await?;
    for_all(&lock, LOCKED, TASKS).await?;
    bare.analyze().await?;

    let both = ("bare SELECT + upsert", &both);
    let begin = ("begin", &begin);
    Ok(vec![
        Scenario::new(both, begin, &[(Latency, targets.begin), (Throughput, Open)]),
        Scenario::new(
            ("bare upsert", &write),
            begin,
            &[(Latency, targets.begin_beside_write), (Throughput, Open)],
        ),
        Scenario::new(
            ("bare SELECT", &read),
            ("begin refused", &refused),
            &[(Latency, targets.refused), (Throughput, Open)],
        ),
        Scenario::new(
            ("bare SELECT", &read),
            ("check", &check),
            &[(Latency, targets.refused), (Throughput, Open)],
        ),
        Scenario::new(begin, ("begin, one address", &hot), &[(Throughput, targets.hot)]),
        // Last, since it forgets what the others have counted.
        Scenario::new(
            ("bare SELECT + 2 upserts", &all),
            ("begin + succeed", &succeed),
            &[(Latency, Open), (Throughput, Open)],
        ),
    ])
}

fn bare_call<B: Bare, F>(
    bare: &Arc<B>,
    keys: &Arc<[Vec<String>]>,
    call: fn(Arc<B>, Vec<String>) -> F,
) -> Call
where
    F: Future<Output = ()> + Send + 'static,
{
    let (bare, keys) = (Arc::clone(bare), Arc::clone(keys));
    Arc::new(move |number| {
        Box::pin(call(Arc::clone(&bare), keys[index(number) % keys.len()].clone()))
    })
}
