//! What is set up wrongly is an error that says what to do, and never the password.

#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::error::Error;
use std::time::Duration;

use common::{
    Foreign, Kind, NOON, Tested, admit, at_noon, by_name, error, errors, fail, on_each_database,
    subject,
};
use lockout_core::{LockedQuery, LockoutStore as _, StoreError, StoreErrorKind};
use lockout_sql::{BuildError, SqlStore};

const SECRET: &str = "s3cr3t-w0rd";

fn is_config(error: &StoreError, text: &str) {
    assert_eq!(error.kind(), StoreErrorKind::Config, "{error:?}");
    assert!(error.to_string().contains(text), "{error}");
}

/// Whatever a log could show of `error` and of its causes.
fn tell(told: &mut String, error: &(dyn Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        told.push_str(&format!("{error} {error:?} {error:#?}\n"));
        next = error.source();
    }
}

/// Everything that a store can be asked needs its tables.
async fn all_say<D: Tested>(store: &SqlStore<D>, text: &str) {
    for error in errors(&by_name(store, 3), "alice", None).await {
        is_config(&error, text);
    }
    is_config(&store.locked(&LockedQuery::default(), NOON).await.unwrap_err(), text);
}

async fn without_tables_every_call_says_migrate<D: Tested>() {
    let place = D::place();
    let store = place.builder::<D>().open(&place.url).unwrap();
    is_config(&store.check().await.unwrap_err(), "migrate()");
    all_say(&store, "migrate()").await;
    is_config(&store.sweep(None, 10, NOON).await.unwrap_err(), "migrate()");
    store.migrate().await.unwrap();
    store.check().await.unwrap();
    assert_eq!(admit(&by_name(&store, 3), "alice").await.failures_left(), Some(2));
}

async fn tables_of_an_older_version_say_migrate<D: Tested>() {
    let place = D::place();
    let store = place.store::<D>().await;
    let foreign = Foreign::<D>::to(&place.url);
    foreign.run(&format!("DELETE FROM {}_migrations", place.table)).await;
    is_config(&store.check().await.unwrap_err(), "migrate()");
    // Not every column is there yet.
    foreign.run(&format!("ALTER TABLE {} RENAME COLUMN state TO former", place.table)).await;
    let another = place.builder::<D>().open(&place.url).unwrap();
    all_say(&another, "migrate()").await;
}

async fn tables_of_a_newer_version_ask_for_a_newer_program_and_are_left_alone<D: Tested>() {
    let place = D::place();
    let store = place.store::<D>().await;
    let foreign = Foreign::<D>::to(&place.url);
    let table = &place.table;
    foreign.run(&format!("INSERT INTO {table}_migrations (version) VALUES (99)")).await;
    for result in [store.check().await, store.migrate().await] {
        is_config(&result.unwrap_err(), "use a later version of lockout");
    }
    let versions = format!("SELECT version + 0 * count(*) OVER () FROM {table}_migrations");
    assert_eq!(foreign.numbers(&versions).await.iter().max(), Some(&99));
    assert_eq!(foreign.numbers(&versions).await.len(), 3);
}

async fn a_row_that_is_no_record_is_corrupt_and_stays_as_it_is<D: Tested>() {
    let place = D::place();
    let store = place.store::<D>().await;
    let foreign = Foreign::<D>::to(&place.url);
    let table = &place.table;
    let version = "version = abs(version) + 1";
    for (number, junk) in [
        "failures = -1",
        "charged = -9000000000000000000",
        "touched = -1",
        "expires_at = -7",
        "state = '{'",
        "state = '5'",
        "state = 'null'",
        "state = '{\"of_a_later_version\":1}'",
        "locked_until = 5000000000000",
        "locked_until = -1, state = '{\"locked_since\":1,\"lock_charge\":1}'",
    ]
    .into_iter()
    .enumerate()
    {
        println!("{junk}");
        let name = format!("alice-{number}");
        let guard = at_noon(&store, 3);
        let permit = admit(&guard, &name).await;
        let row = format!("WHERE subject = 'username:{name}'");
        foreign.run(&format!("UPDATE {table} SET {junk}, {version} {row}")).await;
        for error in errors(&guard, &name, Some(permit)).await {
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{junk}: {error:?}");
        }
        let as_it_was = junk.replace(", state", " AND state");
        let left = format!("SELECT count(*) FROM {table} {row} AND {as_it_was}");
        assert_eq!(foreign.number(&left).await, 1, "{junk}");
        // Others are not concerned.
        fail(&guard, &format!("bob-{number}")).await;
    }
    let listed = store.locked(&LockedQuery::default(), NOON).await;
    assert_eq!(listed.unwrap_err().kind(), StoreErrorKind::Corrupt);
    assert!(store.lock(&subject("carol"), None, NOON).await.unwrap());
}

async fn a_url_that_is_not_of_this_database_is_an_error_without_its_secret<D: Tested>() {
    let mut told = String::new();
    for url in [
        String::new(),
        format!("app:{SECRET}@127.0.0.1"),
        format!("redis://app:{SECRET}@127.0.0.1/0"),
        format!("http://app:{SECRET}@127.0.0.1/"),
        format!("postgresq://app:{SECRET}@127.0.0.1/"),
        format!("/tmp/{SECRET}"),
    ] {
        let error = SqlStore::<D>::open(&url).expect_err(&url);
        assert!(matches!(error, BuildError::Url(_)), "{url}: {error}");
        assert!(error.to_string().starts_with("url: "), "{error}");
        tell(&mut told, &error);
    }
    let scheme = match D::KIND {
        Kind::Postgres => "postgres",
        Kind::MySql => "mysql",
        Kind::Sqlite => "sqlite",
    };
    for url in [
        format!("{scheme}://app:{SECRET}@127.0.0.1:port/x?mode=none"),
        format!("{scheme}://app:1/{SECRET}@127.0.0.1:99999999/x?cache=none"),
        format!(
            "{scheme}://app:{SECRET}@127.0.0.1:1/x?mode={SECRET}&ssl-mode={SECRET}&sslmode={SECRET}"
        ),
    ] {
        match SqlStore::<D>::builder().timeout(Duration::from_millis(300)).open(&url) {
            Ok(store) => {
                told.push_str(&format!("{store:?}"));
                tell(&mut told, &error(&by_name(&store, 3), "alice", Duration::ZERO).await);
            }
            Err(error) => tell(&mut told, &error),
        }
    }
    assert!(!told.contains(SECRET), "{told}");
}

async fn a_setting_that_is_wrong_is_an_error_that_names_it<D: Tested>() {
    let url = D::place().url;
    let builder = SqlStore::<D>::builder;
    for table in ["", "a b", "a\"", "a`", "a;b", "Lockout", "1a", &"x".repeat(49)] {
        let error = builder().table(table).open(&url).unwrap_err();
        assert!(matches!(&error, BuildError::Table(wrong) if wrong == table), "{error}");
        assert!(error.to_string().starts_with("table: "), "{error}");
    }
    let error = builder().timeout(Duration::ZERO).open(&url).unwrap_err();
    assert!(error.to_string().starts_with("timeout: "), "{error}");
    let error = builder().max_connections(0).open(&url).unwrap_err();
    assert!(error.to_string().starts_with("max_connections: "), "{error}");
}

on_each_database!(
    without_tables_every_call_says_migrate,
    tables_of_an_older_version_say_migrate,
    tables_of_a_newer_version_ask_for_a_newer_program_and_are_left_alone,
    a_row_that_is_no_record_is_corrupt_and_stays_as_it_is,
    a_url_that_is_not_of_this_database_is_an_error_without_its_secret,
    a_setting_that_is_wrong_is_an_error_that_names_it,
);

/// What only servers have: users, rights, and more than one node.
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod on_a_server {
    use lockout_core::Effect;

    use super::common::server::{Served, Server, turn};
    use super::{
        Duration, Foreign, Kind, SECRET, SqlStore, StoreErrorKind, by_name, error, is_config, tell,
    };

    const TIMEOUT: Duration = Duration::from_secs(5);

    /// Lets nobody in without a password.
    fn with_passwords<D: Served>(server: &D::Server) {
        if D::KIND == Kind::Postgres {
            server.sql("ALTER ROLE lockout PASSWORD 'right'").unwrap();
            let file = server.sql("SHOW hba_file").unwrap();
            let lines = "local all all trust\nhost all lockout 127.0.0.1/32 scram-sha-256\n";
            std::fs::write(file, lines).unwrap();
            server.sql("SELECT pg_reload_conf()").unwrap();
            while server
                .sql("SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'scram-sha-256'")
                .unwrap()
                != "1"
            {}
        } else {
            server
                .sql("ALTER USER lockout@'127.0.0.1' IDENTIFIED BY 'right'; FLUSH PRIVILEGES")
                .unwrap();
        }
    }

    async fn wrong_credentials_are_a_matter_of_configuration_and_are_not_told<D: Served>() {
        let _turn = turn().await;
        let server = D::Server::durable();
        with_passwords::<D>(&server);
        let scheme = if D::KIND == Kind::Postgres { "postgres" } else { "mysql" };
        let address = server.address();
        let mut told = String::new();
        for rest in [
            format!("lockout:{SECRET}@{address}/lockout"),
            format!("nobody:{SECRET}@{address}/lockout"),
            format!("lockout:right@{address}/another"),
        ] {
            let store = SqlStore::<D>::builder().timeout(TIMEOUT);
            let store = store.open(&format!("{scheme}://{rest}")).unwrap();
            let failed = error(&by_name(&store, 3), "alice", TIMEOUT).await;
            is_config(&failed, "mend the URL");
            assert_eq!(failed.effect(), Effect::None, "{failed:?}");
            is_config(&store.migrate().await.unwrap_err(), "mend the URL");
            told.push_str(&format!("{store:?}{:?}", by_name(&store, 3)));
            tell(&mut told, &failed);
        }
        assert!(!told.contains(SECRET) && told.contains("mend the URL"), "{told}");
        let store = SqlStore::<D>::builder().timeout(TIMEOUT);
        let url = format!("{scheme}://lockout:right@{address}/lockout");
        store.open(&url).unwrap().migrate().await.unwrap();
    }

    async fn a_server_that_may_only_be_read_is_unavailable_for_logins_and_readable<D: Served>() {
        let _turn = turn().await;
        let server = D::Server::durable();
        let store = SqlStore::<D>::builder().timeout(TIMEOUT).open(&server.url()).unwrap();
        store.migrate().await.unwrap();
        let read_only = match D::KIND {
            Kind::Postgres => "ALTER ROLE lockout SET default_transaction_read_only = on",
            _ => "SET GLOBAL read_only = 1",
        };
        server.sql(read_only).unwrap();
        let store = SqlStore::<D>::builder().timeout(TIMEOUT).open(&server.url()).unwrap();
        let guard = by_name(&store, 3);
        let failed = error(&guard, "alice", TIMEOUT).await;
        assert_eq!((failed.kind(), failed.effect()), (StoreErrorKind::Unavailable, Effect::None));
        assert_eq!(guard.check(&super::common::named("alice")).await.unwrap(), None);
    }

    async fn a_user_without_rights_is_a_matter_of_configuration<D: Served>() {
        let _turn = turn().await;
        let server = D::Server::durable();
        let store = SqlStore::<D>::builder().timeout(TIMEOUT).open(&server.url()).unwrap();
        store.migrate().await.unwrap();
        if D::KIND == Kind::Postgres {
            server.sql("ALTER TABLE lockout OWNER TO postgres; REVOKE ALL ON lockout FROM lockout; GRANT SELECT ON lockout TO lockout").unwrap();
        } else {
            server
                .sql(
                    "REVOKE ALL ON lockout.* FROM lockout@'127.0.0.1'; \
                     GRANT SELECT ON lockout.* TO lockout@'127.0.0.1'",
                )
                .unwrap();
        }
        let store = SqlStore::<D>::builder().timeout(TIMEOUT).open(&server.url()).unwrap();
        let failed = error(&by_name(&store, 3), "alice", TIMEOUT).await;
        is_config(&failed, "give the user SELECT, INSERT, UPDATE and DELETE");
        assert_eq!(failed.effect(), Effect::None);
        let _ = Foreign::<D>::to(&server.url());
    }

    super::common::on_each_server!(
        wrong_credentials_are_a_matter_of_configuration_and_are_not_told,
        a_server_that_may_only_be_read_is_unavailable_for_logins_and_readable,
        a_user_without_rights_is_a_matter_of_configuration,
    );

    #[cfg(feature = "mysql")]
    #[tokio::test(flavor = "multi_thread")]
    async fn a_lost_race_is_found_without_strict_mode_too() {
        use lockout_sql::MySqlStore;
        use lockout_testkit::servers::MariaDbServer;

        let _turn = turn().await;
        let server = MariaDbServer::builder().config("sql-mode", "''").start().unwrap();
        assert_eq!(server.sql("SELECT @@GLOBAL.sql_mode").unwrap(), "");
        let open = || MySqlStore::builder().timeout(super::common::PATIENT).open(&server.url());
        let stores: Vec<_> = (0..4).map(|_| open().unwrap()).collect();
        stores[0].migrate().await.unwrap();
        assert_eq!(super::common::guess_at_once(&stores, 3, 80).await, 4);
    }
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_only_be_read_is_a_matter_of_configuration_and_readable() {
    let place = lockout_sql::sqlx::Sqlite::place();
    let store = place.store::<lockout_sql::sqlx::Sqlite>().await;
    fail(&at_noon(&store, 3), "bob").await;
    let url = format!("{}?mode=ro", place.url);
    let store = place.builder::<lockout_sql::sqlx::Sqlite>().open(&url).unwrap();
    let guard = at_noon(&store, 3);
    is_config(&guard.begin(&common::named("alice")).await.unwrap_err(), "mend the path");
    assert_eq!(guard.check(&common::named("alice")).await.unwrap(), None);
}
