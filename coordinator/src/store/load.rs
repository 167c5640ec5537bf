//! What the engine must not forget, read.

use bytes::Bytes;
use ripieno_coordinator_engine::Saved;
use ripieno_secagg::SlotId;
use ripieno_study::{Digest, SiteIndex};
use sqlx::SqliteConnection;

use crate::store::Store;
use crate::store::changes::{outcome_place, sum_place};
use crate::store::error::StoreError;
use crate::store::sealed::Place;

type OutcomeRow = (Vec<u8>, Vec<u8>, i64, Vec<u8>);
type SumRow = (Vec<u8>, i64, Option<Vec<u8>>, Option<String>);

impl Store {
    /// Everything that was committed of the engine's changes. Studies come in the order in which
    /// they came first, all else by its keys.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where something is there but is not what was written.
    pub async fn load(&self) -> Result<Saved, StoreError> {
        let mut connection = self.connection().await;
        let connection = &mut *connection;
        Ok(Saved {
            last_epoch: self.last_epoch(connection).await?,
            epochs: self.epochs(connection).await?,
            studies: self.studies(connection).await?,
            outcomes: self.outcomes(connection).await?,
            sums: self.sums(connection).await?,
            seen: self.seen(connection).await?,
        })
    }

    /// The last record of a study, where there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn study(&self, study: &Digest) -> Result<Option<Bytes>, StoreError> {
        let record: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT record FROM studies WHERE study = $1")
                .bind(study.as_bytes().as_slice())
                .fetch_optional(&mut *self.connection().await)
                .await
                .map_err(self.failed("studies"))?;
        let place = || Place::of("studies").digest(study);
        record.map(|record| self.unseal(place(), record)).transpose()
    }

    /// What is stored of the outcome of a slot, where it has one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outcome(&self, id: SlotId) -> Result<Option<Bytes>, StoreError> {
        const OUTCOME: &str =
            "SELECT study, record FROM outcomes WHERE transcript = $1 AND slot = $2";
        let row: Option<(Vec<u8>, Vec<u8>)> = sqlx::query_as(OUTCOME)
            .bind(id.transcript.as_bytes().as_slice())
            .bind(i64::from(id.slot))
            .fetch_optional(&mut *self.connection().await)
            .await
            .map_err(self.failed("outcomes"))?;
        let Some((study, record)) = row else { return Ok(None) };
        let study = self.digest("outcomes", &study)?;
        self.unseal(outcome_place(&study, id), record).map(Some)
    }

    async fn last_epoch(&self, connection: &mut SqliteConnection) -> Result<u64, StoreError> {
        let value = sqlx::query_scalar("SELECT value FROM counters WHERE name = 'last_epoch'")
            .fetch_one(connection)
            .await
            .map_err(self.failed("counters"))?;
        self.read("counters", value)
    }

    async fn epochs(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<(u64, Bytes)>, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT number, record FROM epochs ORDER BY number")
                .fetch_all(connection)
                .await
                .map_err(self.failed("epochs"))?;
        let of = |(number, record): (i64, Vec<u8>)| {
            let place = Place::of("epochs").number(number);
            Ok((self.read("epochs", number)?, self.unseal(place, record)?))
        };
        rows.into_iter().map(of).collect()
    }

    async fn studies(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<(Digest, Bytes)>, StoreError> {
        let rows: Vec<(Vec<u8>, Vec<u8>)> =
            sqlx::query_as("SELECT study, record FROM studies ORDER BY rowid")
                .fetch_all(connection)
                .await
                .map_err(self.failed("studies"))?;
        let of = |(study, record): (Vec<u8>, Vec<u8>)| {
            let study = self.digest("studies", &study)?;
            Ok((study, self.unseal(Place::of("studies").digest(&study), record)?))
        };
        rows.into_iter().map(of).collect()
    }

    async fn outcomes(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<(Digest, SlotId, Bytes)>, StoreError> {
        const ALL: &str = "SELECT study, transcript, slot, record FROM outcomes \
                           ORDER BY study, transcript, slot";
        let rows: Vec<OutcomeRow> =
            sqlx::query_as(ALL).fetch_all(connection).await.map_err(self.failed("outcomes"))?;
        let of = |(study, transcript, slot, record): OutcomeRow| {
            let transcript = self.digest("outcomes", &transcript)?;
            let slot = SlotId { transcript, slot: self.read("outcomes", slot)? };
            let study = self.digest("outcomes", &study)?;
            Ok((study, slot, self.unseal(outcome_place(&study, slot), record)?))
        };
        rows.into_iter().map(of).collect()
    }

    async fn sums(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<(Digest, u32, Bytes)>, StoreError> {
        const ALL: &str = "SELECT study, round, record, object FROM sums ORDER BY study, round";
        let rows: Vec<SumRow> =
            sqlx::query_as(ALL).fetch_all(connection).await.map_err(self.failed("sums"))?;
        let mut sums = Vec::with_capacity(rows.len());
        for (study, round, record, object) in rows {
            let (study, round) = (self.digest("sums", &study)?, self.read("sums", round)?);
            let record = match (record, object) {
                (Some(record), None) => self.unseal(sum_place(&study, round), record)?,
                (None, Some(name)) => self.get_large(name).await?,
                _ => return Err(self.damaged("sums", "a sum has two records or none")),
            };
            sums.push((study, round, record));
        }
        Ok(sums)
    }

    async fn seen(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<(SiteIndex, Bytes)>, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT site, record FROM seen ORDER BY site")
                .fetch_all(connection)
                .await
                .map_err(self.failed("seen"))?;
        let of = |(site, record): (i64, Vec<u8>)| {
            let record = self.unseal(Place::of("seen").number(site), record)?;
            Ok((self.site("seen", site)?, record))
        };
        rows.into_iter().map(of).collect()
    }
}
