//! How a site comes in: it is invited, and redeems the invitation once.

use ripieno_identity::PublicKey;
use ripieno_study::Digest;
use sqlx::SqliteConnection;
use thiserror::Error;

use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::sites::{SiteRow, Standing};

/// An invitation, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvitation {
    /// Digest of the secret that only the site gets.
    pub secret: Digest,
    /// The site's name, as charters will list it.
    pub site: String,
    /// When, in seconds since 1970-01-01 UTC.
    pub created: u64,
    /// From when it does not count any more, in seconds since 1970-01-01 UTC.
    pub expires: u64,
}

/// What a site becomes by redeeming its invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// Its key.
    pub key: PublicKey,
    /// Digest of its certificate request.
    pub request: Digest,
    /// Its first certificate, in DER.
    pub certificate: Vec<u8>,
    /// That certificate's serial number.
    pub serial: String,
    /// When that certificate ends, in seconds since 1970-01-01 UTC.
    pub ends: u64,
}

/// Why a site cannot be invited.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InviteError {
    /// The site was revoked: its name is never given again.
    #[error("{0:?} was revoked, and its name is never given again; choose another name")]
    Revoked(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an invitation does not count. The site asks its coordinator's operator for another one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RedeemError {
    /// Nobody made it, or another one has taken its place.
    #[error("the coordinator knows no such invitation; ask its operator for a new one")]
    Unknown,
    /// Its time is over.
    #[error("the invitation of {0:?} has expired; ask the coordinator's operator for a new one")]
    Expired(String),
    /// It was redeemed.
    #[error(
        "the invitation of {0:?} was used before; if that was not you, tell the coordinator's \
         operator at once"
    )]
    Used(String),
    /// The site has come in already, with another key, and keeps that.
    #[error(
        "the federation knows {0:?} by another key: its invitation counts with that one only, in \
         the folder that has it (site.key). Without it the site comes back under another name; if \
         you never came in as {0:?}, tell the coordinator's operator at once"
    )]
    OtherKey(String),
    /// The key is that of a site with another name.
    #[error(
        "this is the key of the site {holder:?}, and the invitation is for {invited:?}: use the \
         folder of {invited:?}, or ask the coordinator's operator for an invitation of {holder:?}"
    )]
    WrongName {
        /// For whom the invitation is.
        invited: String,
        /// Whose key it is.
        holder: String,
    },
    /// The key is that of a site that was revoked.
    #[error(
        "this is the key of {holder:?}, which was revoked: a key is never given to another site; \
         make a new folder for {invited:?}, which draws its own"
    )]
    KeyTaken {
        /// For whom the invitation is.
        invited: String,
        /// Whose key it was.
        holder: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Keeps an invitation. It takes the place of an unused one of the same site. A site that has
    /// come in may be invited again, for it may have lost its certificate: then the answer is the
    /// key that it has, and the invitation counts with that one only. One that has enrolled but was
    /// never heard since, and is in no charter, may come with another: the answer to it was lost.
    ///
    /// # Errors
    /// [`InviteError`].
    pub async fn invite(
        &self,
        invitation: NewInvitation,
    ) -> Result<Option<PublicKey>, InviteError> {
        let site = invitation.site.as_str();
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        let bound = match self.find_site(&mut transaction, site).await? {
            Some(row) if row.standing == Standing::Revoked => {
                return Err(InviteError::Revoked(row.name));
            }
            Some(row) => {
                self.forget_invitations(&mut transaction, site).await?;
                row.key.filter(|_| has_come_in(&row))
            }
            None => {
                let added = sqlx::query("INSERT INTO sites (name) VALUES ($1)").bind(site);
                added.execute(&mut *transaction).await.map_err(self.failed("sites"))?;
                None
            }
        };
        self.add_invitation(&mut transaction, &invitation).await?;
        self.finish(transaction).await?;
        Ok(bound)
    }

    /// The site that an invitation is for, where it can be redeemed now (seconds since 1970-01-01
    /// UTC). Nothing is changed.
    ///
    /// # Errors
    /// [`RedeemError`].
    pub async fn peek(&self, secret: &Digest, now: u64) -> Result<String, RedeemError> {
        let mut connection = self.connection().await;
        self.open_invitation(&mut connection, secret, now).await
    }

    /// Redeems an invitation: the site has a key and a certificate from now on (seconds since
    /// 1970-01-01 UTC), and nobody can redeem the invitation again. What an enrolment before it had
    /// given to the same site is withdrawn. A site that was heard since, or is in a charter, keeps
    /// its key, and must show that it has it. The answer is the site's name.
    ///
    /// # Errors
    /// [`RedeemError`]; nothing was changed.
    pub async fn redeem(
        &self,
        secret: &Digest,
        now: u64,
        enrolment: Enrolment,
    ) -> Result<String, RedeemError> {
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        let site = self.open_invitation(&mut transaction, secret, now).await?;
        let row = self.find_site(&mut transaction, &site).await?;
        let row = row.filter(|row| row.standing != Standing::Revoked);
        let row = row.ok_or(RedeemError::Unknown)?;
        match self.holder_of(&mut transaction, &enrolment.key).await? {
            Some((holder, revoked)) if holder != site => {
                let invited = site;
                return Err(match revoked {
                    true => RedeemError::KeyTaken { invited, holder },
                    false => RedeemError::WrongName { invited, holder },
                });
            }
            _ => {}
        }
        if has_come_in(&row) && row.key != Some(enrolment.key) {
            return Err(RedeemError::OtherKey(site));
        }
        let now = self.number("invitations", now)?;
        self.enrol(&mut transaction, &site, now, &enrolment).await?;
        self.use_up(&mut transaction, secret, now, &enrolment).await?;
        self.finish(transaction).await?;
        Ok(site)
    }

    /// What the very same request got before, while its invitation has not expired: the answer to
    /// it may have been lost. Its site and certificate; nothing is changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn redeemed(
        &self,
        secret: &Digest,
        now: u64,
        (key, request): (&PublicKey, &Digest),
    ) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        const FIND: &str = "SELECT sites.name, certificate FROM invitations \
             JOIN sites ON sites.name = invitations.site \
             JOIN certificates ON certificates.serial = invitations.serial \
             WHERE secret = $1 AND request = $2 AND key = $3 AND expires > $4 \
             AND withdrawn IS NULL AND revoked IS NULL";
        sqlx::query_as(FIND)
            .bind(secret.as_bytes().as_slice())
            .bind(request.as_bytes().as_slice())
            .bind(key.as_bytes().as_slice())
            .bind(self.number("invitations", now)?)
            .fetch_optional(&mut *self.connection().await)
            .await
            .map_err(self.failed("invitations"))
    }

    /// Forgets every invitation that nobody has redeemed, and says how many they were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_all_invitations(&self) -> Result<u64, StoreError> {
        let mut connection = self.connection().await;
        let mut transaction = self.begin(&mut connection).await?;
        let done = sqlx::query("DELETE FROM invitations WHERE used IS NULL")
            .execute(&mut *transaction)
            .await
            .map_err(self.failed("invitations"))?;
        self.finish(transaction).await?;
        Ok(done.rows_affected())
    }

    /// Forgets the invitations of this site that nobody has redeemed.
    pub(super) async fn forget_invitations(
        &self,
        connection: &mut SqliteConnection,
        site: &str,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM invitations WHERE site = $1 AND used IS NULL")
            .bind(site)
            .execute(connection)
            .await
            .map(drop)
            .map_err(self.failed("invitations"))
    }

    async fn add_invitation(
        &self,
        connection: &mut SqliteConnection,
        invitation: &NewInvitation,
    ) -> Result<(), StoreError> {
        const ADD: &str =
            "INSERT INTO invitations (secret, site, created, expires) VALUES ($1, $2, $3, $4)";
        sqlx::query(ADD)
            .bind(invitation.secret.as_bytes().as_slice())
            .bind(&invitation.site)
            .bind(self.number("invitations", invitation.created)?)
            .bind(self.number("invitations", invitation.expires)?)
            .execute(connection)
            .await
            .map(drop)
            .map_err(self.failed("invitations"))
    }

    async fn open_invitation(
        &self,
        connection: &mut SqliteConnection,
        secret: &Digest,
        now: u64,
    ) -> Result<String, RedeemError> {
        let row: Option<(String, i64, Option<i64>)> =
            sqlx::query_as("SELECT site, expires, used FROM invitations WHERE secret = $1")
                .bind(secret.as_bytes().as_slice())
                .fetch_optional(connection)
                .await
                .map_err(self.failed("invitations"))?;
        let (site, expires, used) = row.ok_or(RedeemError::Unknown)?;
        if used.is_some() {
            return Err(RedeemError::Used(site));
        }
        if now >= self.read::<u64>("invitations", expires)? {
            return Err(RedeemError::Expired(site));
        }
        Ok(site)
    }

    /// Whose key it is, and whether that site was revoked.
    async fn holder_of(
        &self,
        connection: &mut SqliteConnection,
        key: &PublicKey,
    ) -> Result<Option<(String, bool)>, StoreError> {
        sqlx::query_as("SELECT name, revoked IS NOT NULL FROM sites WHERE key = $1")
            .bind(key.as_bytes().as_slice())
            .fetch_optional(connection)
            .await
            .map_err(self.failed("sites"))
    }

    async fn use_up(
        &self,
        connection: &mut SqliteConnection,
        secret: &Digest,
        now: i64,
        by: &Enrolment,
    ) -> Result<(), StoreError> {
        const USE: &str =
            "UPDATE invitations SET used = $2, request = $3, serial = $4 WHERE secret = $1";
        sqlx::query(USE)
            .bind(secret.as_bytes().as_slice())
            .bind(now)
            .bind(by.request.as_bytes().as_slice())
            .bind(&by.serial)
            .execute(connection)
            .await
            .map(drop)
            .map_err(self.failed("invitations"))
    }

    async fn enrol(
        &self,
        connection: &mut SqliteConnection,
        site: &str,
        now: i64,
        enrolment: &Enrolment,
    ) -> Result<(), StoreError> {
        const ADD: &str =
            "INSERT INTO certificates (serial, site, certificate, ends) VALUES ($1, $2, $3, $4)";
        self.withdraw_all(connection, site, now).await?;
        // Which list of authorities it holds now it says when it comes.
        sqlx::query("UPDATE sites SET key = $2, authorities = 0 WHERE name = $1")
            .bind(site)
            .bind(enrolment.key.as_bytes().as_slice())
            .execute(&mut *connection)
            .await
            .map_err(self.failed("sites"))?;
        sqlx::query(ADD)
            .bind(&enrolment.serial)
            .bind(site)
            .bind(enrolment.certificate.as_slice())
            .bind(self.number("certificates", enrolment.ends)?)
            .execute(connection)
            .await
            .map(drop)
            .map_err(self.failed("certificates"))
    }
}

/// Whether others know the site by its key: it was heard, or a charter lists it.
fn has_come_in(site: &SiteRow) -> bool {
    site.key.is_some() && (site.seen > 0 || site.index.is_some())
}
