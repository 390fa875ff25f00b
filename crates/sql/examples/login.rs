//! Two nodes guard one login in one database.
//!
//! `cargo run -p lockout-sql --all-features --example login [sqlite | postgres | mysql | URL]`:
//! without a URL, SQLite in a temporary file, or a throw-away server.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lockout_core::{Attempt, Decision, Guard, LockedQuery, Policy, StoreError, SystemClock};
use lockout_sql::{Dialect, SqlStore};

/// What a login handler does: asks first, looks at the password, says what came of it.
async fn login(guard: &Guard, username: &str, password: &str) -> Result<String, StoreError> {
    let attempt = Attempt::new().username(username).ip([203, 0, 113, 7]);
    match guard.begin(&attempt).await? {
        Decision::Refused(refusal) => {
            Ok(format!("refused, try again in {:?}", refusal.retry_after()))
        }
        Decision::Admitted(permit) if is_right(password).await => {
            permit.succeed().await.map(|_| "welcome".into())
        }
        Decision::Admitted(permit) => permit.fail().await.map(|_| "wrong password".into()),
    }
}

static VERIFIED: AtomicU32 = AtomicU32::new(0);

/// Stands in for a password hash; it counts how often it was asked.
async fn is_right(password: &str) -> bool {
    VERIFIED.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(5)).await;
    password == "correct horse"
}

/// A node of a service, which makes its tables if they are not there. Its own clock is put right by
/// the server's.
async fn node<D: Dialect>(url: &str) -> Result<Guard, Box<dyn Error>> {
    let store = SqlStore::<D>::builder()
        .table("lockout_example")
        .timeout(Duration::from_secs(5))
        .open(url)?;
    store.migrate().await?;
    let clock = store.clock(SystemClock).await?;
    Ok(Guard::builder(store, Policy::default()).clock(clock).build())
}

async fn attack<D: Dialect>(url: &str) -> Result<(), Box<dyn Error>> {
    let nodes = [Arc::new(node::<D>(url).await?), Arc::new(node::<D>(url).await?)];
    println!("alice: {}", login(&nodes[0], "alice", "correct horse").await?);

    VERIFIED.store(0, Ordering::Relaxed);
    let mut guesses = tokio::task::JoinSet::new();
    for guess in 0..500 {
        let node = Arc::clone(&nodes[guess % 2]);
        guesses.spawn(async move { login(&node, "alice", &guess.to_string()).await });
    }
    while let Some(guess) = guesses.join_next().await {
        guess??;
    }
    println!("verified: {} of 500 guesses through two nodes", VERIFIED.load(Ordering::Relaxed));
    println!("alice: {}", login(&nodes[1], "alice", "correct horse").await?);

    for lockout in nodes[1].locked(&LockedQuery::default()).await?.items {
        println!("locked: {:?}, {:?} left", lockout.subject, lockout.remaining(nodes[1].now()));
        nodes[1].unlock(&lockout.subject).await?;
    }
    println!("alice: {}", login(&nodes[0], "alice", "correct horse").await?);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let database = std::env::args().nth(1).unwrap_or_else(|| "sqlite".to_owned());
    match database.split(':').next().unwrap_or_default() {
        #[cfg(feature = "sqlite")]
        "sqlite" if database == "sqlite" => {
            let folder = tempfile::tempdir()?;
            let file = folder.path().join("lockout.db");
            attack::<lockout_sql::sqlx::Sqlite>(&format!("sqlite://{}", file.display())).await
        }
        #[cfg(feature = "sqlite")]
        "sqlite" => attack::<lockout_sql::sqlx::Sqlite>(&database).await,
        #[cfg(feature = "postgres")]
        "postgres" if database == "postgres" => {
            let server = lockout_testkit::servers::PostgresServer::start()?;
            attack::<lockout_sql::sqlx::Postgres>(&server.url()).await
        }
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => attack::<lockout_sql::sqlx::Postgres>(&database).await,
        #[cfg(feature = "mysql")]
        "mysql" if database == "mysql" => {
            let server = lockout_testkit::servers::MariaDbServer::start()?;
            attack::<lockout_sql::sqlx::MySql>(&server.url()).await
        }
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => attack::<lockout_sql::sqlx::MySql>(&database).await,
        _ => Err("expected sqlite, postgres, mysql or a URL, with its feature turned on".into()),
    }
}
