//! How many statements a login costs, as the servers count them.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{NOON, Tested, policy};
use lockout_core::{Attempt, Decision, FakeClock, Guard, Permit, Refusal, Scope};
use lockout_sql::SqlStore;

/// Three subjects, each locked by the fourth failure.
fn three_rules<D: Tested>(store: &SqlStore<D>) -> Guard {
    let clock = FakeClock::at(NOON);
    Guard::builder(store.clone(), policy(&[Scope::Username, Scope::Ip, Scope::UsernameIp], 3))
        .clock(clock)
        .build()
}

fn from(name: &str, host: u8) -> Attempt {
    Attempt::new().username(name).ip([192, 0, 2, host])
}

async fn admit(guard: &Guard, attempt: &Attempt) -> Permit {
    guard.begin(attempt).await.unwrap().admitted().unwrap()
}

/// What a database says that it has done so far.
trait Statistics {
    async fn statements(&self) -> i64;
    /// Grows with whatever is written or locked.
    async fn writes(&self) -> i64;
}

/// Nobody else is there: whatever each login does is counted.
async fn costs<D: Tested>(store: &SqlStore<D>, statistics: &impl Statistics) {
    let guard = three_rules(store);
    let alice = from("alice", 1);
    admit(&guard, &from("warm-up", 9)).await.succeed().await.unwrap();
    let since = async |before: &mut i64| {
        let now = statistics.statements().await;
        std::mem::replace(before, now).abs_diff(now)
    };
    let mut seen = statistics.statements().await;
    admit(&guard, &alice).await.succeed().await.unwrap();
    assert_eq!(since(&mut seen).await, 3, "a login that succeeds");
    for _ in 0..3 {
        admit(&guard, &alice).await.fail().await.unwrap();
        assert_eq!(since(&mut seen).await, 2, "a login that fails");
    }
    let writes = statistics.writes().await;
    assert_eq!(admit(&guard, &alice).await.fail().await.unwrap().locked.len(), 3);
    assert_eq!(since(&mut seen).await, 3, "a login that fails and locks");
    let locked = statistics.writes().await;
    assert_ne!(locked, writes, "a write is seen");
    for _ in 0..5 {
        let decision = guard.begin(&alice).await.unwrap();
        assert!(matches!(decision, Decision::Refused(Refusal::Locked { .. })), "{decision:?}");
        assert_eq!(since(&mut seen).await, 1, "a login that is refused");
    }
    assert!(guard.check(&alice).await.unwrap().is_some());
    assert_eq!(since(&mut seen).await, 1, "a check");
    assert_eq!(statistics.writes().await, locked, "who is refused writes nothing");
}

#[cfg(any(feature = "mysql", feature = "postgres"))]
mod on_a_server {
    use super::common::Foreign;
    use super::{Tested, admit, costs, from, three_rules};

    /// A row that an attempt under way is charged to is nobody's.
    async fn no_row_is_held_while_a_password_is_looked_at<D: Tested>() {
        let place = D::place();
        let store = place.store::<D>().await;
        let guard = three_rules(&store);
        let foreign = Foreign::<D>::to(&place.url);
        let rows = format!("SELECT touched FROM {} FOR UPDATE NOWAIT", place.table);
        let noon = i64::try_from(super::NOON.as_millis()).unwrap();
        let permit = admit(&guard, &from("alice", 1)).await;
        assert_eq!(foreign.numbers(&rows).await, [noon; 3]);
        permit.fail().await.unwrap();
        assert_eq!(foreign.numbers(&rows).await, [noon; 3]);
        admit(&guard, &from("alice", 1)).await.succeed().await.unwrap();
        assert_eq!(foreign.numbers(&rows).await.len(), 3);
    }

    super::common::on_each_server!(no_row_is_held_while_a_password_is_looked_at);

    #[cfg(feature = "postgres")]
    mod postgres {
        use lockout_sql::PostgresStore;
        use lockout_testkit::servers::PostgresServer;

        impl super::super::Statistics for PostgresServer {
            async fn statements(&self) -> i64 {
                let calls = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements \
                             WHERE userid = 'lockout'::regrole";
                self.sql(calls).unwrap().parse().unwrap()
            }

            /// Whoever writes, or locks a row, needs a number for his transaction.
            async fn writes(&self) -> i64 {
                let next = "SELECT pg_snapshot_xmax(pg_current_snapshot())";
                self.sql(next).unwrap().parse().unwrap()
            }
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_login_costs_two_statements_three_if_it_ends_otherwise_one_if_it_is_refused() {
            let builder = PostgresServer::builder().config("autovacuum", "off");
            let server = builder
                .config("shared_preload_libraries", "'pg_stat_statements'")
                .config("pg_stat_statements.track", "'all'")
                .start()
                .unwrap();
            server.sql("CREATE EXTENSION pg_stat_statements").unwrap();
            let store = PostgresStore::builder().timeout(super::super::common::PATIENT);
            let store = store.open(&server.url()).unwrap();
            store.migrate().await.unwrap();
            super::costs(&store, &server).await;
        }
    }

    #[cfg(feature = "mysql")]
    mod mysql {
        use lockout_sql::MySqlStore;
        use lockout_testkit::servers::MariaDbServer;

        /// The sum of counters whose names are like one of these.
        fn sum(server: &MariaDbServer, names: &[&str]) -> i64 {
            let counter = |name: &&str| {
                let line = server.sql(&format!("SHOW GLOBAL STATUS LIKE '{name}'")).unwrap();
                line.split('\t').nth(1).unwrap().parse::<i64>().unwrap()
            };
            names.iter().map(counter).sum()
        }

        impl super::super::Statistics for MariaDbServer {
            async fn statements(&self) -> i64 {
                sum(self, &["Com_stmt_execute"])
            }

            async fn writes(&self) -> i64 {
                sum(self, &["Handler_write", "Handler_update", "Handler_delete"])
            }
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_login_costs_two_statements_three_if_it_ends_otherwise_one_if_it_is_refused() {
            let server = MariaDbServer::start().unwrap();
            let store = MySqlStore::builder().timeout(super::super::common::PATIENT);
            let store = store.open(&server.url()).unwrap();
            store.migrate().await.unwrap();
            super::costs(&store, &server).await;
        }
    }
}

/// SQLite counts no statements: counted is what its driver logs of each one that it has run.
#[cfg(feature = "sqlite")]
mod in_a_file {
    use std::sync::atomic::{AtomicI64, Ordering};

    use lockout_sql::sqlx::Sqlite;
    use tracing::{Event, Metadata, Subscriber, span};

    use super::common::{Foreign, Tested};
    use super::{admit, costs, from, three_rules};

    static STATEMENTS: AtomicI64 = AtomicI64::new(0);

    struct Counting;

    impl Subscriber for Counting {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "sqlx::query"
        }

        fn event(&self, event: &Event<'_>) {
            let mut is_of_store = IsOfStore(false);
            event.record(&mut is_of_store);
            if is_of_store.0 {
                STATEMENTS.fetch_add(1, Ordering::SeqCst);
            }
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    /// Whether a statement names the table that is counted.
    struct IsOfStore(bool);

    impl tracing::field::Visit for IsOfStore {
        fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
            self.0 |= format!("{value:?}").contains("counted_table");
        }
    }

    struct OfFile(Foreign<Sqlite>);

    impl super::Statistics for OfFile {
        async fn statements(&self) -> i64 {
            STATEMENTS.load(Ordering::SeqCst)
        }

        /// Another one each time that somebody else has changed the file.
        async fn writes(&self) -> i64 {
            self.0.number("PRAGMA data_version").await
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_login_costs_two_statements_three_if_it_ends_otherwise_one_if_it_is_refused() {
        tracing::subscriber::set_global_default(Counting).unwrap();
        let mut place = Sqlite::place();
        place.table = "counted_table".into();
        let store = place.store::<Sqlite>().await;
        costs(&store, &OfFile(Foreign::to(&place.url))).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_file_is_not_held_while_a_password_is_looked_at() {
        let place = Sqlite::place();
        let store = place.store::<Sqlite>().await;
        let guard = three_rules(&store);
        let foreign = Foreign::<Sqlite>::to(&place.url);
        foreign.run("PRAGMA busy_timeout = 0").await;
        let permit = admit(&guard, &from("alice", 1)).await;
        foreign.run("BEGIN EXCLUSIVE; ROLLBACK").await;
        permit.fail().await.unwrap();
        foreign.run("BEGIN EXCLUSIVE; ROLLBACK").await;
    }
}
