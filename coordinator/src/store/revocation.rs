//! How a site goes out, and what a list of revoked certificates has to name.

use sqlx::SqliteConnection;

use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::sites::SiteRow;

/// A certificate that no longer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawnCertificate {
    /// Its serial number.
    pub serial: String,
    /// Since when, in seconds since 1970-01-01 UTC.
    pub at: u64,
    /// When it would have ended, in seconds since 1970-01-01 UTC.
    pub ends: u64,
}

impl Store {
    /// Revokes a site for good: its certificates are withdrawn at that time (seconds since
    /// 1970-01-01 UTC) and its invitation does not count. Of a site that was revoked before,
    /// nothing changes. The answer is the site as it is then.
    ///
    /// # Errors
    /// [`StoreError::NoSite`].
    pub async fn revoke(&self, site: &str, reason: &str, at: u64) -> Result<SiteRow, StoreError> {
        const REVOKE: &str = "UPDATE sites SET revoked = COALESCE(revoked, $2), \
                              reason = COALESCE(reason, $3) WHERE name = $1";
        let at = self.number("sites", at)?;
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        let revoked = sqlx::query(REVOKE)
            .bind(site)
            .bind(at)
            .bind(reason)
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("sites"))?;
        self.must_be_a_site(site, revoked.rows_affected())?;
        self.withdraw_all(&mut transaction, site, at).await?;
        self.forget_invitations(&mut transaction, site).await?;
        let row = self.find_site(&mut transaction, site).await?;
        self.finish(transaction).await?;
        row.ok_or_else(|| self.damaged("sites", "a site is gone"))
    }

    /// All certificates that were withdrawn, with those of revoked sites, the first first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn withdrawn(&self) -> Result<Vec<WithdrawnCertificate>, StoreError> {
        const ALL: &str = "SELECT serial, withdrawn, ends FROM certificates \
                           WHERE withdrawn IS NOT NULL ORDER BY withdrawn, rowid";
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(ALL)
            .fetch_all(&mut *self.connection().await)
            .await
            .map_err(self.failed("certificates"))?;
        let of = |(serial, at, ends): (String, i64, i64)| {
            let at = self.read("certificates", at)?;
            Ok(WithdrawnCertificate { serial, at, ends: self.read("certificates", ends)? })
        };
        rows.into_iter().map(of).collect()
    }

    /// The number of the newest list of revoked certificates; 0 where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn crl_number(&self) -> Result<u64, StoreError> {
        let value = sqlx::query_scalar("SELECT value FROM counters WHERE name = 'revocation_list'")
            .fetch_one(&mut *self.connection().await)
            .await
            .map_err(self.failed("counters"))?;
        self.read("counters", value)
    }

    /// The number for the next list of revoked certificates. It is never given again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_crl_number(&self) -> Result<u64, StoreError> {
        const NEXT: &str = "UPDATE counters SET value = value + 1 \
                            WHERE name = 'revocation_list' RETURNING value";
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        let value = sqlx::query_scalar(NEXT)
            .fetch_one(&mut *transaction)
            .await
            .map_err(self.failed("counters"))?;
        self.finish(transaction).await?;
        self.read("counters", value)
    }

    /// Lists of revoked certificates have had numbers up to this one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn raise_crl_number(&self, number: u64) -> Result<(), StoreError> {
        const RAISE: &str = "UPDATE counters SET value = MAX(value, $1) \
                             WHERE name = 'revocation_list'";
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        sqlx::query(RAISE)
            .bind(self.number("counters", number)?)
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("counters"))?;
        self.finish(transaction).await
    }

    pub(super) async fn withdraw_all(
        &self,
        connection: &mut SqliteConnection,
        site: &str,
        at: i64,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE certificates SET withdrawn = $2 WHERE site = $1 AND withdrawn IS NULL")
            .bind(site)
            .bind(at)
            .execute(connection)
            .await
            .map(drop)
            .map_err(self.failed("certificates"))
    }
}
