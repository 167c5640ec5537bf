//! How a charter comes into force: version 1 by all its sites, each later one by a quorum of the
//! sites of the version before (docs/protocol.md §2, check H1).

use ripieno_study::{Check, Digest, Hasher, Refusal, SiteIndex, SiteSet, Tag};
use thiserror::Error;

use crate::charter::{Charter, CharterSite};
use crate::keys::{PublicKey, Signature};

/// A site's signature under a charter, not yet verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CharterConsent {
    /// Who signed: by its index in the signed charter for version 1, in the version before else.
    pub site: SiteIndex,
    /// Its signature over [`consent_digest`].
    pub signature: Signature,
}

/// What a site signs when it consents to a charter.
#[must_use]
pub fn consent_digest(charter: &Charter, site: SiteIndex) -> Digest {
    Hasher::new(Tag::CharterConsent)
        .part(&charter.fields().federation)
        .number(charter.fields().version)
        .part(charter.digest())
        .number(site)
        .finish()
}

/// A charter in force. Sites know their peers from it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatifiedCharter {
    charter: Charter,
    consents: Vec<CharterConsent>,
}

/// Why a charter cannot follow another, whoever signs it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadSuccession {
    /// Another federation.
    #[error("it names the federation {0:?}, which is another one")]
    Federation(String),
    /// Not the next version.
    #[error("version {0} is not the one after the charter in force")]
    Version(u32),
    /// It does not follow the charter in force.
    #[error("its previous digest is not that of the charter in force")]
    Previous,
    /// The counter of indices goes back: a retired index could be given again.
    #[error("next_index goes back from {from} to {to}")]
    NextIndex {
        /// In the charter in force.
        from: u16,
        /// In the proposal.
        to: u16,
    },
    /// An index that was used before names a site that is not the one that had it last.
    #[error("{0} has an index that belongs or belonged to another site")]
    ReusedIndex(SiteIndex),
}

/// Whoever passed the charter on is to blame: it comes through the coordinator.
impl From<BadSuccession> for Refusal {
    fn from(bad: BadSuccession) -> Self {
        Refusal::coordinator(Check::H1, format!("the proposed charter: {bad}"))
    }
}

impl RatifiedCharter {
    /// Version 1, with the signature of every one of its sites.
    ///
    /// # Errors
    /// A [`Refusal`] by H1 that names the site whose consent is bad, doubled or missing.
    pub fn found(charter: Charter, consents: Vec<CharterConsent>) -> Result<Self, Refusal> {
        if charter.fields().version != 1 {
            let reason = "only version 1 of a charter founds a federation";
            return Err(Refusal::coordinator(Check::H1, reason));
        }
        let signers = verify_consents(&charter, &charter, &consents)?;
        match charter.fields().sites.iter().find(|site| !signers.contains(site.index)) {
            Some(missing) => Err(Refusal::site(
                Check::H1,
                missing.index,
                "it has not signed version 1 of the charter; all its sites must",
            )),
            None => Ok(Self { charter, consents }),
        }
    }

    /// The version after this one, with the signatures of a quorum of the sites of this one.
    ///
    /// # Errors
    /// A [`Refusal`] by H1: the proposal cannot follow this charter, a consent is bad or doubled
    /// (naming the site), or there are fewer than q.
    pub fn succeed(
        &self,
        proposed: Charter,
        consents: Vec<CharterConsent>,
    ) -> Result<Self, Refusal> {
        check_succession(&self.charter, &proposed)?;
        let signers = verify_consents(&self.charter, &proposed, &consents)?;
        let quorum = usize::from(self.charter.fields().quorum);
        if signers.len() < quorum {
            let reason = format!(
                "version {} of the charter has {} of the {quorum} signatures that it needs",
                proposed.fields().version,
                signers.len()
            );
            return Err(Refusal::coordinator(Check::H1, reason));
        }
        Ok(Self { charter: proposed, consents })
    }

    /// Whether `proposed` may follow this charter, whoever signs it.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn check_successor(&self, proposed: &Charter) -> Result<(), BadSuccession> {
        check_succession(&self.charter, proposed)
    }

    /// The charter.
    #[must_use]
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// The signatures that put it in force.
    #[must_use]
    pub fn consents(&self) -> &[CharterConsent] {
        &self.consents
    }

    /// The digest of the charter.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.charter.digest()
    }

    /// The name of the federation.
    #[must_use]
    pub fn federation(&self) -> &str {
        &self.charter.fields().federation
    }

    /// The coordinator's key.
    #[must_use]
    pub fn coordinator(&self) -> PublicKey {
        self.charter.fields().coordinator
    }

    /// c: how many sites may be corrupt.
    #[must_use]
    pub fn corrupt(&self) -> u16 {
        self.charter.fields().corrupt
    }

    /// The sites by increasing index.
    #[must_use]
    pub fn sites(&self) -> &[CharterSite] {
        &self.charter.fields().sites
    }

    /// The key of a site of this charter.
    #[must_use]
    pub fn key(&self, site: SiteIndex) -> Option<PublicKey> {
        self.charter.site(site).map(|site| site.key)
    }
}

/// Whether `proposed` may follow `current`, signatures aside.
///
/// # Errors
/// The first rule broken.
pub(crate) fn check_succession(current: &Charter, proposed: &Charter) -> Result<(), BadSuccession> {
    let (old, new) = (current.fields(), proposed.fields());
    if new.federation != old.federation {
        return Err(BadSuccession::Federation(new.federation.clone()));
    }
    if old.version.checked_add(1) != Some(new.version) {
        return Err(BadSuccession::Version(new.version));
    }
    if new.previous != Some(current.digest()) {
        return Err(BadSuccession::Previous);
    }
    if new.next_index < old.next_index {
        return Err(BadSuccession::NextIndex { from: old.next_index, to: new.next_index });
    }
    let reused = |site: &&CharterSite| {
        site.index.get() < old.next_index && current.site(site.index) != Some(*site)
    };
    match new.sites.iter().find(reused) {
        Some(site) => Err(BadSuccession::ReusedIndex(site.index)),
        None => Ok(()),
    }
}

/// The sites of `electorate` that signed `charter`; every signature must be good.
fn verify_consents(
    electorate: &Charter,
    charter: &Charter,
    consents: &[CharterConsent],
) -> Result<SiteSet, Refusal> {
    let mut signers: Vec<SiteIndex> = Vec::with_capacity(consents.len());
    for consent in consents {
        let refuse = |reason: String| Refusal::site(Check::H1, consent.site, reason);
        let site = electorate
            .site(consent.site)
            .ok_or_else(|| refuse("it consents to a charter on which it has no say".into()))?;
        if signers.contains(&consent.site) {
            return Err(refuse("its consent to the charter is given twice".into()));
        }
        site.key
            .verify(&consent_digest(charter, consent.site), &consent.signature)
            .map_err(|bad| refuse(format!("its consent to the charter: {bad}")))?;
        signers.push(consent.site);
    }
    Ok(signers.into_iter().collect())
}
