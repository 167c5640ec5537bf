//! A site's side of ratification: it signs one charter per version, whatever it is asked
//! (docs/protocol.md §2).

use ripieno_study::{Check, Digest, Refusal, SiteIndex};
use thiserror::Error;

use crate::charter::Charter;
use crate::keys::SigningKey;
use crate::ratification::{CharterConsent, RatifiedCharter, check_succession, consent_digest};

/// Where a site keeps which charter it signed per version. It must outlive the process: a site
/// that forgets could be led to sign a second successor.
pub trait ConsentRecord {
    /// What goes wrong in keeping the record.
    type Error;

    /// Settles which charter this site signs as `version` of `federation`: keeps `digest` if there
    /// is none yet, and returns the one that is kept. What it returns is on disk.
    ///
    /// # Errors
    /// Where the record cannot be read or durably written; then nothing is signed.
    fn settle(
        &mut self,
        federation: &str,
        version: u32,
        digest: Digest,
    ) -> Result<Digest, Self::Error>;
}

/// Why a site does not sign a charter.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConsentError<E> {
    /// A rule forbids it.
    #[error(transparent)]
    Refused(Refusal),
    /// The record could not be kept.
    #[error("the record of signed charters could not be kept; nothing was signed")]
    Record(#[source] E),
}

impl<E> From<Refusal> for ConsentError<E> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Signs charters for one site, after its steward compared the fingerprint with the other
/// stewards.
#[derive(Debug)]
pub struct Consenter<'a, R> {
    site: SiteIndex,
    key: &'a SigningKey,
    record: R,
}

impl<'a, R: ConsentRecord> Consenter<'a, R> {
    /// For the site with this index and key.
    pub fn new(site: SiteIndex, key: &'a SigningKey, record: R) -> Self {
        Self { site, key, record }
    }

    /// Signs version 1 of a charter.
    ///
    /// # Errors
    /// Where it is not version 1, does not list this site with its key, or another version 1 of
    /// this federation was signed before.
    pub fn found(&mut self, charter: &Charter) -> Result<CharterConsent, ConsentError<R::Error>> {
        if charter.fields().version != 1 {
            let reason = "only version 1 of a charter founds a federation";
            return Err(Refusal::coordinator(Check::H1, reason).into());
        }
        self.check_own(charter)?;
        self.sign(charter)
    }

    /// Signs the successor of the charter in force. Until it is ratified the site goes on under
    /// `current`; it never signs another successor of the same version.
    ///
    /// # Errors
    /// Where this site has no say, the proposal cannot follow `current`, or another successor was
    /// signed before.
    pub fn succeed(
        &mut self,
        current: &RatifiedCharter,
        proposed: &Charter,
    ) -> Result<CharterConsent, ConsentError<R::Error>> {
        self.check_own(current.charter())?;
        check_succession(current.charter(), proposed).map_err(Refusal::from)?;
        self.sign(proposed)
    }

    fn check_own(&self, electorate: &Charter) -> Result<(), Refusal> {
        match electorate.site(self.site) {
            Some(own) if own.key == self.key.public() => Ok(()),
            _ => {
                let reason = format!("{} with this key has no say on the charter", self.site);
                Err(Refusal::own(Check::H1, reason))
            }
        }
    }

    fn sign(&mut self, charter: &Charter) -> Result<CharterConsent, ConsentError<R::Error>> {
        let fields = charter.fields();
        let settled = self
            .record
            .settle(&fields.federation, fields.version, charter.digest())
            .map_err(ConsentError::Record)?;
        if settled != charter.digest() {
            let reason = format!(
                "this site signed another version {} of the charter, {}",
                fields.version,
                settled.short()
            );
            return Err(Refusal::coordinator(Check::H1, reason).into());
        }
        let signature = self.key.sign(&consent_digest(charter, self.site));
        Ok(CharterConsent { site: self.site, signature })
    }
}
