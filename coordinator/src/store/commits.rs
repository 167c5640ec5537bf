//! How many transactions there were: the audit log says it too, so a database that lost some is
//! told from one that has all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::SqliteConnection;

use crate::store::Store;
use crate::store::error::StoreError;

/// How many transactions of a store are durable. Clones count the same ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commits(Arc<AtomicU64>);

impl Commits {
    /// So many, at the least.
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn are(&self, count: u64) {
        self.0.fetch_max(count, Ordering::AcqRel);
    }
}

impl Store {
    /// How many transactions are durable, from now on too.
    pub(crate) fn commits(&self) -> Commits {
        self.commits.clone()
    }

    /// Goes on counting from here where fewer were counted: what is said of a later transaction
    /// must not fit one that was lost. That this was found is kept with it, and when (seconds since
    /// 1970-01-01 UTC).
    pub(crate) async fn raise_commits(&self, count: u64, now: u64) -> Result<(), StoreError> {
        const LOST: &str = "INSERT INTO counters (name, value) VALUES ('commits_lost', $1) \
                            ON CONFLICT DO UPDATE SET value = excluded.value";
        const RAISE: &str = "UPDATE counters SET value = MAX(value, $1) WHERE name = 'commits'";
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        sqlx::query(RAISE)
            .bind(self.number("counters", count)?)
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("counters"))?;
        sqlx::query(LOST)
            .bind(self.number("counters", now)?)
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("counters"))?;
        self.finish(transaction).await
    }

    /// When it was found last that transactions were lost, if ever.
    pub(crate) async fn commits_lost(&self) -> Result<Option<u64>, StoreError> {
        const READ: &str = "SELECT value FROM counters WHERE name = 'commits_lost'";
        let at: Option<i64> = sqlx::query_scalar(READ)
            .fetch_optional(&mut *self.connection().await)
            .await
            .map_err(self.failed("counters"))?;
        at.map(|at| self.read("counters", at)).transpose()
    }

    /// Counts one more, within it.
    pub(super) async fn count_commit(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<u64, StoreError> {
        const NEXT: &str =
            "UPDATE counters SET value = value + 1 WHERE name = 'commits' RETURNING value";
        self.one_counter(connection, NEXT).await
    }

    /// Reads how many there were.
    pub(super) async fn read_commits(&self) -> Result<(), StoreError> {
        const READ: &str = "SELECT value FROM counters WHERE name = 'commits'";
        let count = self.one_counter(&mut *self.connection().await, READ).await?;
        self.commits.are(count);
        Ok(())
    }

    async fn one_counter(
        &self,
        connection: &mut SqliteConnection,
        statement: &'static str,
    ) -> Result<u64, StoreError> {
        let value = sqlx::query_scalar(statement).fetch_one(connection).await;
        self.read("counters", value.map_err(self.failed("counters"))?)
    }
}
