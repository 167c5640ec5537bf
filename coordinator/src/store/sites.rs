//! Who is, was, or is to be in the federation.

use std::collections::{BTreeMap, BTreeSet};

use ripieno_identity::PublicKey;
use ripieno_study::SiteIndex;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};

use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::issued::NewCertificate;

/// Seconds.
const DAY: i64 = 24 * 3600;

/// What a site is to the federation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It was invited and has not answered.
    Invited,
    /// It has a certificate, and no charter in force lists it.
    Enrolled,
    /// The charter in force lists it.
    Member,
    /// It was cut off.
    Revoked,
}

impl Standing {
    /// In a word: `invited`, `enrolled`, `member` or `revoked`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Enrolled => "enrolled",
            Self::Member => "member",
            Self::Revoked => "revoked",
        }
    }
}

/// A site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteRow {
    /// Its name, as charters list it.
    pub name: String,
    /// Its key; none before it has enrolled.
    pub key: Option<PublicKey>,
    /// The serial numbers of its certificates, the newest last. Of a site that was not revoked,
    /// none that was withdrawn.
    pub serials: Vec<String>,
    /// When its newest certificate ends, in seconds since 1970-01-01 UTC; 0 where it has none.
    pub certificate_ends: u64,
    /// The index that a charter gave it last, also where none lists it any more.
    pub index: Option<SiteIndex>,
    /// What it is to the federation.
    pub standing: Standing,
    /// When it was last heard, in seconds since 1970-01-01 UTC; 0 for never.
    pub seen: u64,
    /// Seconds by which its clock was ahead (+) or behind (-) at its last arrival.
    pub clock_offset: i64,
    /// Version of its program at its last arrival.
    pub program: String,
    /// Version of the charter that it held at its last arrival; 0 for none.
    pub charter_version: u32,
    /// Number of the list of authorities that it has said to hold; 0 for none.
    pub authorities: u64,
}

#[cfg(test)]
impl SiteRow {
    /// One that has enrolled and was never heard.
    pub(crate) fn enrolled(name: &str) -> Self {
        Self {
            name: name.into(),
            key: None,
            serials: Vec::new(),
            certificate_ends: 0,
            index: None,
            standing: Standing::Enrolled,
            seen: 0,
            clock_offset: 0,
            program: String::new(),
            charter_version: 0,
            authorities: 0,
        }
    }
}

/// A site came, or went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Its name.
    pub site: String,
    /// When, in seconds since 1970-01-01 UTC.
    pub seen: u64,
    /// Seconds by which its clock was ahead (+) or behind (-).
    pub clock_offset: i64,
    /// Version of its program.
    pub program: String,
    /// Version of the charter that it holds; 0 for none.
    pub charter_version: u32,
    /// Number of the list of authorities that it says to hold; what was known stays where there is
    /// none.
    pub list: Option<u64>,
    /// Serial number of the certificate that it has shown, if it has.
    pub serial: Option<String>,
}

impl Store {
    /// The site of this name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn site_by_name(&self, name: &str) -> Result<Option<SiteRow>, StoreError> {
        let mut connection = self.connection().await;
        self.find_site(&mut connection, name).await
    }

    /// All sites, in the order in which they were first invited.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sites(&self) -> Result<Vec<SiteRow>, StoreError> {
        let mut connection = self.connection().await;
        let rows: Vec<Row> = sqlx::query_as("SELECT * FROM sites ORDER BY rowid")
            .fetch_all(&mut *connection)
            .await
            .map_err(self.failed("sites"))?;
        let mut certificates = self.certificates(&mut connection, None).await?;
        let of = |row: Row| {
            let own = certificates.remove(&row.name).unwrap_or_default();
            self.site_row(row, own)
        };
        rows.into_iter().map(of).collect()
    }

    /// The site to which a certificate was given. There is none for a certificate that was
    /// withdrawn from a site that goes on without it; one that was revoked is found and says so.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn site_by_serial(&self, serial: &str) -> Result<Option<SiteRow>, StoreError> {
        const FIND: &str = "SELECT site FROM certificates JOIN sites ON sites.name = site \
             WHERE serial = $1 AND (withdrawn IS NULL OR revoked IS NOT NULL)";
        let mut connection = self.connection().await;
        let name: Option<String> = sqlx::query_scalar(FIND)
            .bind(serial)
            .fetch_optional(&mut *connection)
            .await
            .map_err(self.failed("certificates"))?;
        match name {
            Some(name) => self.find_site(&mut connection, &name).await,
            None => Ok(None),
        }
    }

    /// Notes that sites came or went, in order and in one transaction; the answer is how each of them
    /// stands now. Of their certificates those that ended longer than a day ago are forgotten, but
    /// never the newest; and so are, when a site is heard for the first time, its invitations that
    /// nobody has redeemed. (Later ones count with its own key only.)
    ///
    /// # Errors
    /// [`StoreError::NoSite`].
    pub async fn note_heard(&self, heard: &[Heard]) -> Result<Vec<SiteRow>, StoreError> {
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        for one in heard {
            self.note_one(&mut transaction, one).await?;
        }
        let names: BTreeSet<_> = heard.iter().map(|one| one.site.as_str()).collect();
        let mut rows = Vec::with_capacity(names.len());
        for name in names {
            rows.extend(self.find_site(&mut transaction, name).await?);
        }
        self.finish(transaction).await?;
        Ok(rows)
    }

    async fn note_one(
        &self,
        transaction: &mut SqliteConnection,
        heard: &Heard,
    ) -> Result<(), StoreError> {
        const NOTE: &str = "UPDATE sites SET seen = $2, clock_offset = $3, program = $4, \
                            charter_version = $5 WHERE name = $1";
        const FORGET: &str = "DELETE FROM certificates WHERE site = $1 AND ends < $2 \
             AND rowid <> (SELECT MAX(rowid) FROM certificates WHERE site = $1)";
        let (site, seen) = (heard.site.as_str(), self.number("sites", heard.seen)?);
        let first = sqlx::query_scalar("SELECT seen = 0 FROM sites WHERE name = $1")
            .bind(site)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(self.failed("sites"))?
            .unwrap_or(false);
        let noted = sqlx::query(NOTE)
            .bind(site)
            .bind(seen)
            .bind(heard.clock_offset)
            .bind(&heard.program)
            .bind(heard.charter_version)
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("sites"))?;
        self.must_be_a_site(site, noted.rows_affected())?;
        self.note_what_it_holds(transaction, site, (heard.list, heard.serial.as_deref())).await?;
        sqlx::query(FORGET)
            .bind(site)
            .bind(seen - DAY)
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("certificates"))?;
        match first {
            true => self.forget_invitations(transaction, site).await,
            false => Ok(()),
        }
    }

    /// Adds a certificate of an enrolled site. The ones before it stay known until they end.
    ///
    /// # Errors
    /// [`StoreError::NoSite`] where no site of this name is enrolled, or it was revoked.
    pub async fn renew(&self, site: &str, new: &NewCertificate) -> Result<(), StoreError> {
        const ADD: &str = "INSERT INTO certificates (serial, site, certificate, ends, asked) \
             SELECT $1, name, $3, $4, $5 FROM sites \
             WHERE name = $2 AND key IS NOT NULL AND revoked IS NULL";
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        let added = sqlx::query(ADD)
            .bind(&new.serial)
            .bind(site)
            .bind(new.der.as_slice())
            .bind(self.number("certificates", new.ends)?)
            .bind(new.request.as_bytes().as_slice())
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("certificates"))?;
        self.must_be_a_site(site, added.rows_affected())?;
        self.finish(transaction).await
    }

    pub(super) fn must_be_a_site(&self, name: &str, rows: u64) -> Result<(), StoreError> {
        match rows {
            0 => Err(StoreError::NoSite { path: self.path.clone(), name: name.to_owned() }),
            _ => Ok(()),
        }
    }

    pub(super) async fn find_site(
        &self,
        connection: &mut SqliteConnection,
        name: &str,
    ) -> Result<Option<SiteRow>, StoreError> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM sites WHERE name = $1")
            .bind(name)
            .fetch_optional(&mut *connection)
            .await
            .map_err(self.failed("sites"))?;
        let Some(row) = row else { return Ok(None) };
        let own = self.certificates(connection, Some(name)).await?.remove(name);
        self.site_row(row, own.unwrap_or_default()).map(Some)
    }

    /// Serial number and end of the certificates of a site or of all, the newest last.
    async fn certificates(
        &self,
        connection: &mut SqliteConnection,
        site: Option<&str>,
    ) -> Result<BTreeMap<String, Vec<(String, i64)>>, StoreError> {
        const ALL: &str = "SELECT site, serial, ends FROM certificates \
             JOIN sites ON sites.name = site \
             WHERE (withdrawn IS NULL OR revoked IS NOT NULL) AND ($1 IS NULL OR site = $1) \
             ORDER BY certificates.rowid";
        let rows: Vec<(String, String, i64)> = sqlx::query_as(ALL)
            .bind(site)
            .fetch_all(connection)
            .await
            .map_err(self.failed("certificates"))?;
        let mut of_sites = BTreeMap::<_, Vec<_>>::new();
        for (site, serial, ends) in rows {
            of_sites.entry(site).or_default().push((serial, ends));
        }
        Ok(of_sites)
    }

    fn site_row(&self, row: Row, certificates: Vec<(String, i64)>) -> Result<SiteRow, StoreError> {
        let standing = match (row.revoked, row.member, &row.key) {
            (Some(_), ..) => Standing::Revoked,
            (None, 1, _) => Standing::Member,
            (None, _, Some(_)) => Standing::Enrolled,
            (None, _, None) => Standing::Invited,
        };
        let ends = certificates.last().map_or(0, |(_, ends)| *ends);
        Ok(SiteRow {
            name: row.name,
            key: row.key.map(|key| self.key("sites", &key)).transpose()?,
            serials: certificates.into_iter().map(|(serial, _)| serial).collect(),
            certificate_ends: self.read("certificates", ends)?,
            index: row.charter_index.map(|index| self.site("sites", index)).transpose()?,
            standing,
            seen: self.read("sites", row.seen)?,
            clock_offset: row.clock_offset,
            program: row.program,
            charter_version: self.read("sites", row.charter_version)?,
            authorities: self.read("sites", row.authorities)?,
        })
    }
}

/// A row of `sites`.
struct Row {
    name: String,
    key: Option<Vec<u8>>,
    charter_index: Option<i64>,
    member: i64,
    seen: i64,
    clock_offset: i64,
    program: String,
    charter_version: i64,
    authorities: i64,
    revoked: Option<i64>,
}

impl FromRow<'_, SqliteRow> for Row {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            name: row.try_get("name")?,
            key: row.try_get("key")?,
            charter_index: row.try_get("charter_index")?,
            member: row.try_get("member")?,
            seen: row.try_get("seen")?,
            clock_offset: row.try_get("clock_offset")?,
            program: row.try_get("program")?,
            charter_version: row.try_get("charter_version")?,
            authorities: row.try_get("authorities")?,
            revoked: row.try_get("revoked")?,
        })
    }
}
