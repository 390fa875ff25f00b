//! What the server keeps for each subject, beside what django-defender keeps for the same failures.

use std::error::Error;
use std::sync::Arc;

use lockout_core::{Attempt, Guard, Policy, Rule, Scope};
use lockout_redis::redis::pipe;
use lockout_testkit::servers::RedisServer;

use super::{TASKS, connect, store};
use crate::call::{Call, WORKS, admitted, for_all};
use crate::row::Row;

/// How many there are: nearly as many as the server's tables then have places for.
const SUBJECTS: u32 = 120_000;

/// The most bytes for a name that is not locked.
const AT_MOST: f64 = 165.0;

/// The bytes for a name that has failed once, and for one that this has locked.
///
/// # Errors
/// If a server cannot be used.
pub async fn rows() -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for (name, locks) in [("tracked", false), ("locked", true)] {
        let figures = [bytes(locks, defender).await?, bytes(locks, ours).await?];
        let what = format!("redis: used_memory, {name} name of 14 bytes");
        let at_most = (!locks).then_some(AT_MOST / figures[0]);
        rows.push(Row { at_most, ..Row::new(what, "django-defender's keys", figures, "B") });
    }
    Ok(rows)
}

/// How names fail on the server of a URL, and whether that locks them.
type Fail = fn(&str, bool) -> Result<Call, Box<dyn Error>>;

/// The bytes for each name on a server of its own.
async fn bytes(locks: bool, fail: Fail) -> Result<f64, Box<dyn Error>> {
    let server = RedisServer::start()?;
    let fail = fail(&server.url(), locks)?;
    // What the connection and the scripts take is there before.
    fail(SUBJECTS).await;
    let before = used(&server)?;
    for_all(&fail, SUBJECTS, TASKS).await?;
    Ok((used(&server)? - before) / f64::from(SUBJECTS))
}

fn used(server: &RedisServer) -> Result<f64, Box<dyn Error>> {
    let info = server.cli(&["INFO", "memory"])?;
    let bytes = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(bytes.ok_or("INFO without used_memory")?.trim().parse()?)
}

fn name(number: u32) -> String {
    format!("user-{number:09}")
}

fn ours(url: &str, locks: bool) -> Result<Call, Box<dyn Error>> {
    let rule = Rule::builder(Scope::Username).failure_limit(if locks { 0 } else { 3 });
    let policy = Policy::builder().rule(rule).build()?;
    let guard = Guard::new(store(&connect(url)?, "lockout")?, policy);
    Ok(Arc::new(move |number| {
        let guard = guard.clone();
        Box::pin(async move {
            let attempt = Attempt::new().username(&name(number));
            admitted(&guard, &attempt).await.fail().await.expect(WORKS);
        })
    }))
}

/// `record_failed_attempt` of django-defender 0.9.8 with its defaults, but for the address.
fn defender(url: &str, locks: bool) -> Result<Call, Box<dyn Error>> {
    let connection = connect(url)?;
    Ok(Arc::new(move |number| {
        let mut connection = connection.clone();
        Box::pin(async move {
            let failed = format!("defender:failed:username:{}", name(number));
            let blocked = format!("defender:blocked:username:{}", name(number));
            let mut commands = pipe();
            commands.incr(&failed, 1).expire(&failed, 300);
            if locks {
                commands.set_ex(&blocked, "blocked", 300);
            }
            commands.exec_async(&mut connection).await.expect(WORKS);
        })
    }))
}
