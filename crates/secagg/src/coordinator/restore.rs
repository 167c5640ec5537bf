//! The coordinator's steps again, after a restart: from what was made durable, and from uploads
//! that survived. An upload counts only where its tiles still hash to its signed trailer.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripieno_study::{Check, Digest, Refusal, SiteIndex};
use thiserror::Error;

use crate::coordinator::collect::{Collecting, Leaves};
use crate::coordinator::decide::Deciding;
use crate::coordinator::epoch::Epoch;
use crate::coordinator::open::{Opening, Secrets};
use crate::coordinator::publish::Opened;
use crate::coordinator::spool::{Spool, SpoolError};
use crate::epoch::join::verify_acceptances;
use crate::epoch::{Acceptance, Advert, Transcript};
use crate::lanes::Lanes;
use crate::merkle;
use crate::roster::Roster;
use crate::round::outcome::{Certificate, Outcome, Proposal};
use crate::round::publish::Receipt;
use crate::round::start::SignedContract;
use crate::round::tiles::{self, Content};
use crate::round::upload::Trailer;

/// An upload did not survive.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LostUpload {
    /// A tile cannot be read.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The tiles are other ones.
    #[error("the upload of {0} was changed: it is not what the site signed")]
    Changed(SiteIndex),
}

impl LostUpload {
    /// Whose upload it is.
    #[must_use]
    pub fn site(&self) -> SiteIndex {
        match self {
            Self::Spool(error) => error.site,
            Self::Changed(site) => *site,
        }
    }
}

impl Epoch {
    /// An epoch whose set-up had ended.
    ///
    /// # Errors
    /// Checks A1 to A3, as when its messages came.
    pub fn restore(
        roster: Arc<Roster>,
        (epoch, slots): (u64, u16),
        adverts: Vec<Advert>,
        acceptances: Vec<Acceptance>,
    ) -> Result<Self, Refusal> {
        let transcript = Transcript::from_adverts(&roster, epoch, slots, adverts)?;
        verify_acceptances(&roster, &transcript, acceptances.clone())?;
        let acceptances = acceptances.into_iter().map(|a| (a.from, a)).collect();
        Ok(Self { roster, transcript, acceptances })
    }
}

impl Collecting {
    /// R2 with the uploads that were complete, as far as they survived; and those that did not.
    /// Their sites send them again.
    #[must_use]
    pub fn restore(
        signed: SignedContract,
        trailers: Vec<Trailer>,
        spool: &(impl Spool + ?Sized),
    ) -> (Self, Vec<LostUpload>) {
        let mut step = Self::new(signed);
        let mut lost = Vec::new();
        for trailer in trailers {
            match leaves(step.signed(), &trailer, spool) {
                Ok(leaves) => step.resume(trailer, leaves),
                Err(error) => lost.push(error),
            }
        }
        (step, lost)
    }
}

impl Deciding {
    /// R3 from its start: the ballots are given again.
    ///
    /// # Errors
    /// The first upload that is lost: the slot is to be killed.
    pub fn restore(proposal: Proposal, spool: &(impl Spool + ?Sized)) -> Result<Self, LostUpload> {
        let leaves = all_leaves(&proposal, spool)?;
        Ok(Self::new(proposal, leaves))
    }
}

impl Opening {
    /// R4 from its start: the shares are released again.
    ///
    /// # Errors
    /// The first upload that is lost: so is the slot.
    pub fn restore(
        proposal: Proposal,
        certificate: Certificate,
        spool: &(impl Spool + ?Sized),
    ) -> Result<Self, LostUpload> {
        let leaves = all_leaves(&proposal, spool)?;
        Ok(Self::new(proposal, leaves, certificate))
    }
}

impl Opened {
    /// An opened sum, from what was published of it.
    ///
    /// # Errors
    /// The first upload that is lost: nobody can verify the sum any more.
    pub fn restore(
        signed: SignedContract,
        receipt: &Receipt,
        sum: Lanes,
        spool: &(impl Spool + ?Sized),
    ) -> Result<Self, LostUpload> {
        let survivors = receipt.survivors().clone();
        let trailers = receipt.trailers.clone();
        let proposal = Proposal { contract: signed, survivors, trailers };
        let leaves = all_leaves(&proposal, spool)?;
        let secrets = Secrets { selfs: receipt.selfs.clone(), roots: receipt.roots.clone() };
        Ok(Self::from_parts((proposal, leaves), receipt.certificate.clone(), secrets, sum))
    }
}

/// Whether a record of a slot fits together: the certificate is for the proposal.
///
/// # Errors
/// Check U1.
pub fn check_certified(proposal: &Proposal, certificate: &Certificate) -> Result<(), Refusal> {
    if certificate.outcome == Outcome::of(proposal) {
        return Ok(());
    }
    Err(Refusal::own(Check::U1, "the certificate is not for the proposal"))
}

fn all_leaves(proposal: &Proposal, spool: &(impl Spool + ?Sized)) -> Result<Leaves, LostUpload> {
    let of = |trailer: &Trailer| {
        leaves(&proposal.contract, trailer, spool).map(|leaves| (trailer.from, leaves))
    };
    proposal.trailers.iter().map(of).collect::<Result<BTreeMap<_, _>, _>>()
}

/// The leaves of an upload, one tile in memory at a time.
fn leaves(
    signed: &SignedContract,
    trailer: &Trailer,
    spool: &(impl Spool + ?Sized),
) -> Result<Vec<Digest>, LostUpload> {
    let from = trailer.from;
    let mut leaves = Vec::new();
    for tile in tiles::tiles(&signed.contract.plan) {
        let lanes = spool.get(from, tile.number)?;
        leaves.push(tiles::leaf(Content::Masked, tile.number, &lanes));
    }
    if merkle::root(Content::Masked.node(), &leaves) != trailer.root {
        return Err(LostUpload::Changed(from));
    }
    Ok(leaves)
}
