//! What a crash of the server may lose is what was said, and nothing more.

#![cfg(any(feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

#[cfg(feature = "postgres")]
mod postgres {
    use lockout_core::{Guard, LockoutStore as _, OnSuccess, Policy, Rule, Scope};
    use lockout_sql::{Durability, PostgresStore};
    use lockout_testkit::servers::PostgresServer;

    use super::common::{NOON, PATIENT, admit, answered, by_name, fail, subject};

    const ROUNDS: u32 = 4;

    /// A server that by itself writes to disk what nobody waits for only now and then.
    fn lazy() -> PostgresServer {
        let builder = PostgresServer::builder().durable();
        builder.config("wal_writer_delay", "'10s'").start().unwrap()
    }

    async fn store(server: &PostgresServer, durability: Durability) -> PostgresStore {
        let builder = PostgresStore::builder().durability(durability).timeout(PATIENT);
        let store = builder.open(&server.url()).unwrap();
        store.migrate().await.unwrap();
        store
    }

    /// Kills the server as soon as a lockout is told; how many of the locks are there afterwards.
    async fn survivors(durability: Durability) -> u32 {
        let mut server = lazy();
        let guard = by_name(&store(&server, durability).await, 3);
        let mut survivors = 0;
        for round in 0..ROUNDS {
            let name = format!("alice-{round}");
            // The server is awake.
            fail(&guard, &format!("warm-up-{round}")).await;
            for _ in 0..3 {
                fail(&guard, &name).await;
            }
            let told = admit(&guard, &name).await.fail().await.unwrap();
            server.kill();
            assert_eq!(told.locked.len(), 1);
            server.restart().unwrap();
            survivors += u32::from(answered(&guard, &name).await.admitted().is_err());
        }
        survivors
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lockout_that_was_told_outlives_a_kill_right_afterwards() {
        assert_eq!(survivors(Durability::default()).await, ROUNDS);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_relaxed_store_forgets_locks_so_the_kill_is_a_real_one() {
        assert!(survivors(Durability::Relaxed).await < ROUNDS);
    }

    /// Lets the table note how each write of a row would be committed.
    const NOTE: &str = "\
        CREATE TABLE seen (number serial, setting text); \
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            INSERT INTO seen (setting) VALUES (current_setting('synchronous_commit')); \
            RETURN NEW; \
        END $$; \
        GRANT ALL ON seen TO lockout; GRANT ALL ON SEQUENCE seen_number_seq TO lockout; \
        CREATE TRIGGER note BEFORE INSERT ON lockout FOR EACH ROW EXECUTE FUNCTION note()";

    #[tokio::test(flavor = "multi_thread")]
    async fn each_write_waits_for_the_disk_or_not_as_its_durability_says() {
        let server = PostgresServer::builder().durable().start().unwrap();
        store(&server, Durability::Full).await;
        server.sql(NOTE).unwrap();
        for (durability, charges, locks) in [
            (Durability::Full, "on", "on"),
            (Durability::Locks, "off", "on"),
            (Durability::Relaxed, "off", "off"),
        ] {
            let store = store(&server, durability).await;
            let name = Rule::builder(Scope::Username).failure_limit(1);
            let name = name.on_success(OnSuccess::Refund);
            let policy = Policy::builder().rule(name).build().unwrap();
            let guard = Guard::new(store.clone(), policy);
            let seen = || {
                let seen = server.sql("SELECT setting FROM seen ORDER BY number").unwrap();
                server.sql("DELETE FROM seen").unwrap();
                seen
            };
            let user = format!("{durability:?}");
            let permit = admit(&guard, &user).await;
            assert_eq!(seen(), charges, "{durability:?}: a charge");
            permit.succeed().await.unwrap();
            assert_eq!(seen(), charges, "{durability:?}: a refund");
            fail(&guard, &user).await;
            assert_eq!(seen(), charges, "{durability:?}: a failure");
            let permit = admit(&guard, &user).await;
            seen();
            assert_eq!(permit.fail().await.unwrap().locked.len(), 1);
            assert_eq!(seen(), locks, "{durability:?}: a lockout that is told");
            assert!(store.clear(&subject(&user), guard.now()).await.unwrap());
            assert_eq!(seen(), locks, "{durability:?}: an unlock by an operator");
            assert!(store.lock(&subject(&user), None, NOON).await.unwrap());
            assert_eq!(seen(), locks, "{durability:?}: a lock by an operator");
        }
    }
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread")]
async fn the_connections_of_sqlite_wait_for_the_disk_as_the_durability_says() {
    use common::Tested;
    use lockout_sql::sqlx::Sqlite;
    use lockout_sql::{Durability, SqliteStore};

    let place = Sqlite::place();
    for (durability, synchronous) in
        [(Durability::Full, 2), (Durability::Locks, 2), (Durability::Relaxed, 1)]
    {
        let builder = SqliteStore::builder().durability(durability).timeout(common::PATIENT);
        let store = builder.open(&place.url).unwrap();
        let mut connection = store.pool().acquire().await.unwrap();
        let set = Sqlite::numbers(&mut connection, "PRAGMA synchronous").await.unwrap();
        assert_eq!(set, [synchronous], "{durability:?}");
        let mode = Sqlite::texts(&mut connection, "PRAGMA journal_mode").await.unwrap();
        assert_eq!(mode, [Some("wal".to_owned())]);
    }
}
