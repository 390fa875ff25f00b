//! The store's tables: how they are made, and whether they are there.

use lockout_core::{
    AccessLists, AttemptLog as _, AttemptQuery, Effect, ListName, ListStore as _, Result,
    StoreError, StoreErrorKind, Timestamp,
};

use crate::dialect::{Dialect, Driver, Plan};
use crate::error::{Call, Verdict, judge};
use crate::store::SqlStore;

/// What the table of migrations is told when one is done.
const NOTE: &str = "\nINSERT INTO {migrations} (version) VALUES ({version});\n";

impl<D: Dialect> SqlStore<D> {
    /// Makes the store's tables, or brings them up to date. Any number of processes may do so at
    /// once: one does it, the others wait. It touches nothing but the tables of the store, and has no
    /// time limit.
    ///
    /// Needs the right to create tables, indexes and views, which the store otherwise does not.
    ///
    /// # Errors
    /// If the database cannot, or if the tables are of a later version of lockout.
    pub async fn migrate(&self) -> Result<()> {
        let names = &self.parts().names;
        let texts = &<D as Driver>::TEXTS;
        let steps = texts.migrations.iter().zip(1..).map(|(text, version)| {
            let note = NOTE.replace("{version}", &i64::to_string(&version));
            names.put_into(&format!("{text}{note}"))
        });
        let plan = Plan {
            lock: format!("lockout migration of {}", names.table),
            history: names.put_into(texts.history),
            version: names.put_into(texts.version),
            steps: steps.collect(),
        };
        D::migrate(&self.parts().pool, plan).await.map_err(told::<D>)?;
        self.check().await
    }

    /// Whether the tables are there and of this version; the error says what to do. For the start
    /// of a service whose tables somebody else makes.
    ///
    /// # Errors
    /// Of the kind `Config` if they are not; others if the database cannot answer.
    pub async fn check(&self) -> Result<()> {
        let parts = self.parts();
        let version = D::number(&parts.pool, parts.statements.version.clone());
        let version = self.within(Call::Reads, version).await?.map_err(told::<D>)?;
        let known = i64::try_from(<D as Driver>::TEXTS.migrations.len()).unwrap_or(i64::MAX);
        let message = match version.cmp(&known) {
            // Somebody may have dropped a table, or restored but some.
            std::cmp::Ordering::Equal => {
                self.read(&[String::new()]).await?;
                let newest = AttemptQuery { limit: 1, ..AttemptQuery::default() };
                self.log().recent(&newest).await?;
                let any: ListName = AccessLists::DEFAULT_NAME.parse()?;
                return self.entries(&any, None, 1, Timestamp::default()).await.map(drop);
            }
            std::cmp::Ordering::Less => format!(
                "its tables are of version {version}, this program needs {known}: call migrate()"
            ),
            std::cmp::Ordering::Greater => format!(
                "its tables are of version {version}, this program knows {known}: use a later \
                 version of lockout"
            ),
        };
        Err(StoreError::new(StoreErrorKind::Config, Effect::None, D::STORE, message))
    }
}

fn told<D: Driver>(error: sqlx::Error) -> StoreError {
    match judge::<D>(error, Call::Writes) {
        Verdict::Told(error) => error,
        Verdict::Overtaken | Verdict::Again => {
            let message = "somebody else uses the tables: try again";
            StoreError::new(StoreErrorKind::Contended, Effect::None, D::STORE, message)
        }
    }
}
