//! Certificates that count, what sites have said of them, and how some end before their time.

use ripieno_study::Digest;
use sqlx::SqliteConnection;

use crate::store::Store;
use crate::store::error::StoreError;

/// A certificate that is to be kept for an enrolled site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCertificate {
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// Digest of the request that it answers.
    pub request: Digest,
    /// Its serial number.
    pub serial: String,
    /// When it ends, in seconds since 1970-01-01 UTC.
    pub ends: u64,
}

/// A certificate of a site that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveCertificate {
    /// The site's name.
    pub site: String,
    /// Its serial number.
    pub serial: String,
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// Digest of the request that it answers; none where it came with an enrolment.
    pub request: Option<Digest>,
    /// Whether the site has shown it, or has said that it is on its disk.
    pub held: bool,
}

impl Store {
    /// All certificates of this site, or of all, that have not ended at `now` (seconds since
    /// 1970-01-01 UTC) and were not withdrawn, the oldest first. Revoked sites have none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn live_certificates(
        &self,
        site: Option<&str>,
        now: u64,
    ) -> Result<Vec<LiveCertificate>, StoreError> {
        const LIVE: &str = "SELECT site, serial, certificate, asked, held FROM certificates \
             JOIN sites ON sites.name = site \
             WHERE withdrawn IS NULL AND revoked IS NULL AND ends >= $1 \
             AND ($2 IS NULL OR site = $2) ORDER BY certificates.rowid";
        type Row = (String, String, Vec<u8>, Option<Vec<u8>>, i64);
        let rows: Vec<Row> = sqlx::query_as(LIVE)
            .bind(self.number("certificates", now)?)
            .bind(site)
            .fetch_all(&mut *self.connection().await)
            .await
            .map_err(self.failed("certificates"))?;
        let of = |(site, serial, der, request, held): Row| {
            let request = request.map(|bytes| self.digest("certificates", &bytes)).transpose()?;
            Ok(LiveCertificate { site, serial, der, request, held: held == 1 })
        };
        rows.into_iter().map(of).collect()
    }

    /// Notes what a site holds: the number of its list of authorities, and the serial number of a
    /// certificate of its own. What is not given stays as it was. Says whether it is news; what was
    /// known already is not written again.
    ///
    /// # Errors
    /// [`StoreError::NoSite`].
    pub async fn note_holdings(
        &self,
        site: &str,
        list: Option<u64>,
        serial: Option<&str>,
    ) -> Result<bool, StoreError> {
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        let there: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sites WHERE name = $1")
            .bind(site)
            .fetch_one(&mut *transaction)
            .await
            .map_err(self.failed("sites"))?;
        self.must_be_a_site(site, there.unsigned_abs())?;
        let news = self.note_what_it_holds(&mut transaction, site, (list, serial)).await?;
        if news {
            self.finish(transaction).await?;
        }
        Ok(news)
    }

    /// The same within a transaction.
    pub(super) async fn note_what_it_holds(
        &self,
        transaction: &mut SqliteConnection,
        site: &str,
        (list, serial): (Option<u64>, Option<&str>),
    ) -> Result<bool, StoreError> {
        const LIST: &str = "UPDATE sites SET authorities = $2 \
                            WHERE name = $1 AND authorities <> $2";
        const HELD: &str = "UPDATE certificates SET held = 1 \
                            WHERE site = $1 AND serial = $2 AND held = 0";
        let list = list.map(|number| self.number("sites", number)).transpose()?;
        // Neither is true of what is not given.
        let listed = sqlx::query(LIST)
            .bind(site)
            .bind(list)
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("sites"))?;
        let held = sqlx::query(HELD)
            .bind(site)
            .bind(serial)
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("certificates"))?;
        Ok(listed.rows_affected() + held.rows_affected() > 0)
    }

    /// Withdraws certificates at that time (seconds since 1970-01-01 UTC), all or none. Their
    /// sites stay what they are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn withdraw(&self, serials: &[String], at: u64) -> Result<(), StoreError> {
        const WITHDRAW: &str =
            "UPDATE certificates SET withdrawn = $2 WHERE serial = $1 AND withdrawn IS NULL";
        let at = self.number("certificates", at)?;
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        for serial in serials {
            sqlx::query(WITHDRAW)
                .bind(serial)
                .bind(at)
                .execute(&mut *transaction)
                .await
                .map_err(self.failed("certificates"))?;
        }
        self.finish(transaction).await
    }
}
