//! What the engine must not forget, written; and the events of studies.

use std::collections::BTreeSet;

use bytes::Bytes;
use ripieno_coordinator_engine::Change;
use ripieno_secagg::SlotId;
use ripieno_study::Digest;
use sqlx::SqliteConnection;
use tokio_stream::StreamExt as _;

use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::large::MAX_IN_DATABASE;
use crate::store::sealed::Place;

/// An event of a study, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// The study.
    pub study: Digest,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// What happened, without its number.
    pub record: Bytes,
}

/// An event that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// 1, 2, ... within the study.
    pub number: u64,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// What happened.
    pub record: Bytes,
}

/// Where a sum's record goes.
enum Record<'a> {
    Row(&'a Bytes),
    Object(String),
}

impl Store {
    /// Makes changes durable, in their order, and events with them: all or nothing. The answer has
    /// the events' numbers, each within its study.
    ///
    /// # Errors
    /// [`StoreError`]; the caller must not go on from what it wanted to be durable.
    pub async fn commit(
        &self,
        changes: &[Change],
        events: &[NewEvent],
    ) -> Result<Vec<u64>, StoreError> {
        let mut records = self.records_of_sums(changes).await?.into_iter();
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        let mut gone = BTreeSet::new();
        for change in changes {
            if let Change::Sum { study, round, .. } | Change::SumGone { study, round } = change {
                gone.extend(self.forget_sum(&mut transaction, study, *round).await?);
            }
            match change {
                Change::Sum { study, round, .. } => {
                    // One was made for each of these changes.
                    let Some(record) = records.next() else { continue };
                    self.add_sum(&mut transaction, (study, *round), record).await?;
                }
                other => self.apply(&mut transaction, other).await?,
            }
        }
        let mut numbers = Vec::with_capacity(events.len());
        for event in events {
            numbers.push(self.add_event(&mut transaction, event).await?);
        }
        self.finish(transaction).await?;
        self.remove_unnamed(&mut connection, gone).await;
        Ok(numbers)
    }

    /// The events of a study whose number is above `after`, in order, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn events(
        &self,
        study: &Digest,
        after: u64,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        const EVENTS: &str = "SELECT number, at_ms, record FROM events \
                              WHERE study = $1 AND number > $2 ORDER BY number LIMIT $3";
        let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(EVENTS)
            .bind(study.as_bytes().as_slice())
            .bind(i64::try_from(after).unwrap_or(i64::MAX))
            .bind(limit)
            .fetch_all(&mut *self.connection().await)
            .await
            .map_err(self.failed("events"))?;
        let of = |(number, at_ms, record): (i64, i64, Vec<u8>)| {
            let record = self.unseal(event_place(study.as_bytes(), number, at_ms), record)?;
            let number = self.read("events", number)?;
            Ok(StoredEvent { number, at_ms: self.read("events", at_ms)?, record })
        };
        rows.into_iter().map(of).collect()
    }

    /// Checks every event: nobody reads them before somebody watches.
    pub(super) async fn check_events(&self) -> Result<(), StoreError> {
        let mut connection = self.connection().await;
        let mut rows = sqlx::query_as("SELECT study, number, at_ms, record FROM events")
            .fetch(&mut *connection);
        while let Some(row) = rows.next().await {
            let (study, number, at_ms, record): (Vec<u8>, i64, i64, Vec<u8>) =
                row.map_err(self.failed("events"))?;
            self.unseal(event_place(&study, number, at_ms), record)?;
        }
        Ok(())
    }

    async fn records_of_sums<'a>(
        &self,
        changes: &'a [Change],
    ) -> Result<Vec<Record<'a>>, StoreError> {
        let mut records = Vec::new();
        for change in changes {
            let Change::Sum { record, .. } = change else { continue };
            records.push(match record.len() {
                0..=MAX_IN_DATABASE => Record::Row(record),
                _ => Record::Object(self.put_large(record.clone()).await?),
            });
        }
        Ok(records)
    }

    async fn apply(
        &self,
        connection: &mut SqliteConnection,
        change: &Change,
    ) -> Result<(), StoreError> {
        let (table, query) = match change {
            Change::LastEpoch(number) => (
                "counters",
                sqlx::query("UPDATE counters SET value = $1 WHERE name = 'last_epoch'")
                    .bind(self.number("counters", *number)?),
            ),
            Change::Epoch { number, record } => (
                "epochs",
                sqlx::query(
                    "INSERT INTO epochs (number, record) VALUES ($1, $2) \
                     ON CONFLICT DO UPDATE SET record = excluded.record",
                )
                .bind(self.number("epochs", *number)?)
                .bind(Place::of("epochs").number(self.number("epochs", *number)?).seal(record)),
            ),
            Change::EpochGone { number } => (
                "epochs",
                sqlx::query("DELETE FROM epochs WHERE number = $1")
                    .bind(self.number("epochs", *number)?),
            ),
            Change::Study { study, record } => (
                "studies",
                sqlx::query(
                    "INSERT INTO studies (study, record) VALUES ($1, $2) \
                     ON CONFLICT DO UPDATE SET record = excluded.record",
                )
                .bind(study.as_bytes().as_slice())
                .bind(Place::of("studies").digest(study).seal(record)),
            ),
            Change::Outcome { study, slot, record } => (
                "outcomes",
                sqlx::query(
                    "INSERT INTO outcomes (study, transcript, slot, record) \
                     VALUES ($1, $2, $3, $4) ON CONFLICT DO UPDATE SET record = excluded.record",
                )
                .bind(study.as_bytes().as_slice())
                .bind(slot.transcript.as_bytes().as_slice())
                .bind(slot.slot)
                .bind(outcome_place(study, *slot).seal(record)),
            ),
            Change::Seen { site, record } => (
                "seen",
                sqlx::query(
                    "INSERT INTO seen (site, record) VALUES ($1, $2) \
                     ON CONFLICT DO UPDATE SET record = excluded.record",
                )
                .bind(site.get())
                .bind(Place::of("seen").number(site.get()).seal(record)),
            ),
            // Sums are forgotten before, and added beside.
            Change::Sum { .. } | Change::SumGone { .. } => return Ok(()),
        };
        query.execute(connection).await.map(drop).map_err(self.failed(table))
    }

    async fn add_sum(
        &self,
        connection: &mut SqliteConnection,
        (study, round): (&Digest, u32),
        record: Record<'_>,
    ) -> Result<(), StoreError> {
        let (record, object) = match record {
            Record::Row(record) => (Some(sum_place(study, round).seal(record)), None),
            Record::Object(name) => (None, Some(name)),
        };
        sqlx::query("INSERT INTO sums (study, round, record, object) VALUES ($1, $2, $3, $4)")
            .bind(study.as_bytes().as_slice())
            .bind(round)
            .bind(record)
            .bind(object)
            .execute(connection)
            .await
            .map(drop)
            .map_err(self.failed("sums"))
    }

    /// Takes a sum out, and says the object that its row named.
    async fn forget_sum(
        &self,
        connection: &mut SqliteConnection,
        study: &Digest,
        round: u32,
    ) -> Result<Option<String>, StoreError> {
        const FORGET: &str = "DELETE FROM sums WHERE study = $1 AND round = $2 RETURNING object";
        let object: Option<Option<String>> = sqlx::query_scalar(FORGET)
            .bind(study.as_bytes().as_slice())
            .bind(round)
            .fetch_optional(connection)
            .await
            .map_err(self.failed("sums"))?;
        Ok(object.flatten())
    }

    async fn add_event(
        &self,
        connection: &mut SqliteConnection,
        event: &NewEvent,
    ) -> Result<u64, StoreError> {
        const NEXT: &str = "SELECT COALESCE(MAX(number), 0) + 1 FROM events WHERE study = $1";
        const ADD: &str =
            "INSERT INTO events (study, number, at_ms, record) VALUES ($1, $2, $3, $4)";
        let number: i64 = sqlx::query_scalar(NEXT)
            .bind(event.study.as_bytes().as_slice())
            .fetch_one(&mut *connection)
            .await
            .map_err(self.failed("events"))?;
        let at_ms = self.number("events", event.at_ms)?;
        sqlx::query(ADD)
            .bind(event.study.as_bytes().as_slice())
            .bind(number)
            .bind(at_ms)
            .bind(event_place(event.study.as_bytes(), number, at_ms).seal(&event.record))
            .execute(connection)
            .await
            .map_err(self.failed("events"))?;
        self.read("events", number)
    }
}

/// Where the outcome of a slot is kept.
pub(super) fn outcome_place(study: &Digest, slot: SlotId) -> Place {
    Place::of("outcomes").digest(study).digest(&slot.transcript).number(slot.slot)
}

/// Where the sum of a round is kept.
pub(super) fn sum_place(study: &Digest, round: u32) -> Place {
    Place::of("sums").digest(study).number(round)
}

fn event_place(study: &[u8], number: i64, at_ms: i64) -> Place {
    Place::of("events").bytes(study).number(number).number(at_ms)
}
