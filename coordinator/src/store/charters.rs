//! The charters in force, and the one that is proposed.

use bytes::Bytes;
use ripieno_study::{Digest, SiteIndex};
use sqlx::SqliteConnection;
use thiserror::Error;

use crate::store::Store;
use crate::store::error::StoreError;

/// A charter that is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its digest, which sites sign.
    pub digest: Digest,
    /// The encoded charter.
    pub charter: Bytes,
    /// Who has signed it, in index order, and the encoded consents.
    pub consents: Vec<(SiteIndex, Bytes)>,
}

/// Why a charter does not come into force.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RatifyError {
    /// It is not the successor of the one in force.
    #[error("charter {version} cannot follow charter {held}")]
    NotNext {
        /// Its version.
        version: u32,
        /// The version in force; 0 for none.
        held: u32,
    },
    /// It lists a site that never enrolled here.
    #[error("the charter lists {0:?}, which is not enrolled here")]
    UnknownSite(String),
    /// It gives a site an index that was another one's.
    #[error("the index of {index} was given to another site before: {site:?} cannot have it")]
    IndexTaken {
        /// The site that is to have it.
        site: String,
        /// The index.
        index: SiteIndex,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// All charters that ever came into force, encoded with their signatures, version 1 first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn charters(&self) -> Result<Vec<Bytes>, StoreError> {
        let rows: Vec<Vec<u8>> = sqlx::query_scalar("SELECT record FROM charters ORDER BY version")
            .fetch_all(&mut *self.connection().await)
            .await
            .map_err(self.failed("charters"))?;
        Ok(rows.into_iter().map(Bytes::from).collect())
    }

    /// Sites that have signed a successor of the charter in force that is proposed no more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bound(&self) -> Result<Vec<SiteIndex>, StoreError> {
        let rows: Vec<i64> = sqlx::query_scalar("SELECT site FROM bound ORDER BY site")
            .fetch_all(&mut *self.connection().await)
            .await
            .map_err(self.failed("bound"))?;
        rows.into_iter().map(|site| self.site("bound", site)).collect()
    }

    /// Proposes a charter in place of any other, whose signatories stay bound. The same one again
    /// keeps its signatures.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn propose(&self, charter: Bytes, digest: Digest) -> Result<(), StoreError> {
        const ADD: &str = "INSERT INTO proposal (one, digest, charter) VALUES (1, $1, $2) \
                           ON CONFLICT (digest) DO NOTHING";
        let digest = digest.as_bytes().as_slice();
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        sqlx::query("INSERT OR IGNORE INTO bound SELECT site FROM consents WHERE digest <> $1")
            .bind(digest)
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("bound"))?;
        sqlx::query("DELETE FROM proposal WHERE digest <> $1")
            .bind(digest)
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("proposal"))?;
        sqlx::query(ADD)
            .bind(digest)
            .bind(charter.as_ref())
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("proposal"))?;
        self.finish(transaction).await
    }

    /// The charter that is proposed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn proposal(&self) -> Result<Option<Proposal>, StoreError> {
        let mut connection = self.connection().await;
        let row: Option<(Vec<u8>, Vec<u8>)> =
            sqlx::query_as("SELECT digest, charter FROM proposal")
                .fetch_optional(&mut *connection)
                .await
                .map_err(self.failed("proposal"))?;
        let Some((digest, charter)) = row else { return Ok(None) };
        let consents: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT site, consent FROM consents ORDER BY site")
                .fetch_all(&mut *connection)
                .await
                .map_err(self.failed("consents"))?;
        let of =
            |(site, consent): (i64, Vec<u8>)| Ok((self.site("consents", site)?, consent.into()));
        let consents = consents.into_iter().map(of).collect::<Result<_, StoreError>>()?;
        let digest = self.digest("proposal", &digest)?;
        Ok(Some(Proposal { digest, charter: charter.into(), consents }))
    }

    /// Keeps a site's signature, if the charter with this digest is the one that is proposed; says
    /// whether it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn consent(
        &self,
        digest: &Digest,
        site: SiteIndex,
        consent: Bytes,
    ) -> Result<bool, StoreError> {
        const ADD: &str = "INSERT INTO consents (digest, site, consent) \
             SELECT digest, $2, $3 FROM proposal WHERE digest = $1 \
             ON CONFLICT DO UPDATE SET consent = excluded.consent";
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        let added = sqlx::query(ADD)
            .bind(digest.as_bytes().as_slice())
            .bind(site.get())
            .bind(consent.as_ref())
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("consents"))?;
        self.finish(transaction).await?;
        Ok(added.rows_affected() > 0)
    }

    /// Brings a charter into force: it is the newest one, no charter is proposed any more, and
    /// exactly `members` are members, under their indices. An index that was given once is never another site's.
    ///
    /// # Errors
    /// [`RatifyError`]; nothing was changed.
    pub async fn ratify(
        &self,
        ratified: Bytes,
        version: u32,
        members: &[(String, SiteIndex)],
    ) -> Result<(), RatifyError> {
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        self.check_next(&mut transaction, version).await?;
        sqlx::query("INSERT INTO charters (version, record) VALUES ($1, $2)")
            .bind(version)
            .bind(ratified.as_ref())
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("charters"))?;
        const DONE: [&str; 3] =
            ["DELETE FROM proposal", "DELETE FROM bound", "UPDATE sites SET member = 0"];
        for statement in DONE {
            let done = sqlx::query(statement).execute(&mut *transaction).await;
            done.map_err(self.failed("sites and proposal"))?;
        }
        for (site, index) in members {
            self.make_member(&mut transaction, site, *index).await?;
        }
        Ok(self.finish(transaction).await?)
    }

    async fn check_next(
        &self,
        connection: &mut SqliteConnection,
        version: u32,
    ) -> Result<(), RatifyError> {
        let held: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM charters")
            .fetch_one(connection)
            .await
            .map_err(self.failed("charters"))?;
        let held: u32 = self.read("charters", held)?;
        match held.checked_add(1) == Some(version) {
            true => Ok(()),
            false => Err(RatifyError::NotNext { version, held }),
        }
    }

    async fn make_member(
        &self,
        connection: &mut SqliteConnection,
        site: &str,
        index: SiteIndex,
    ) -> Result<(), RatifyError> {
        const GIVE: &str = "INSERT INTO indices (number, site) VALUES ($2, $1) \
             ON CONFLICT DO UPDATE SET site = site RETURNING site";
        const JOIN: &str = "UPDATE sites SET member = 1, charter_index = $2 WHERE name = $1";
        let row = self.find_site(connection, site).await?;
        if row.is_none_or(|row| row.key.is_none()) {
            return Err(RatifyError::UnknownSite(site.to_owned()));
        }
        let owner: String = sqlx::query_scalar(GIVE)
            .bind(site)
            .bind(index.get())
            .fetch_one(&mut *connection)
            .await
            .map_err(self.failed("indices"))?;
        if owner != site {
            return Err(RatifyError::IndexTaken { site: site.to_owned(), index });
        }
        let joined = sqlx::query(JOIN).bind(site).bind(index.get()).execute(connection).await;
        Ok(joined.map(drop).map_err(self.failed("sites"))?)
    }
}
