//! R4 at the coordinator: shares come in, secrets are reconstructed and checked (check R2).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use curve25519_dalek::Scalar;
use ripieno_study::{Check, Contract, Refusal, SiteIndex, SiteSet};

use crate::coordinator::collect::Leaves;
use crate::coordinator::publish::Opened;
use crate::coordinator::spool::Spool;
use crate::epoch::Transcript;
use crate::epoch::secrets::Kind;
use crate::roster::Roster;
use crate::round::open::{Release, ShareProof, SiteSecret};
use crate::round::outcome::{Certificate, Proposal};
use crate::round::start::missing;
use crate::round::unmask;
use crate::shamir::{self, Interpolation};

/// The releases for one certified outcome.
#[derive(Debug)]
pub struct Opening {
    leaves: Leaves,
    pub(super) proposal: Proposal,
    pub(super) certificate: Certificate,
    releases: BTreeMap<SiteIndex, Release>,
    proven: BTreeSet<(SiteIndex, SiteIndex, Kind)>,
    disputed: BTreeSet<(SiteIndex, Kind)>,
    asked: BTreeSet<(SiteIndex, SiteIndex, Kind)>,
}

/// A share that a holder is to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disputed {
    /// The holder that released it.
    pub holder: SiteIndex,
    /// The dealer whose secret it is a share of.
    pub dealer: SiteIndex,
    /// Which secret.
    pub kind: Kind,
}

/// All secrets that open the sum, each equal to what its owner published.
#[derive(Debug)]
pub struct Secrets {
    pub(super) selfs: Vec<SiteSecret>,
    pub(super) roots: Vec<SiteSecret>,
}

/// How far a reconstruction came.
#[derive(Debug)]
pub enum Reconstruction {
    /// Every secret is there and checked.
    Complete(Secrets),
    /// For some site fewer than t usable shares came: more holders must release.
    MoreReleases,
    /// These sites' shares give a wrong secret: ask every holder that released for the proofs.
    Proofs(Vec<(SiteIndex, Kind)>),
    /// A dealer's shares are all as it signed them and still give a wrong secret: it is to blame,
    /// and the slot is lost. No part of the sum is ever published.
    Lost(Refusal),
}

impl Opening {
    pub(super) fn new(proposal: Proposal, leaves: Leaves, certificate: Certificate) -> Self {
        Self {
            leaves,
            proposal,
            certificate,
            releases: BTreeMap::new(),
            proven: BTreeSet::new(),
            disputed: BTreeSet::new(),
            asked: BTreeSet::new(),
        }
    }

    /// The certificate that goes to every holder.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The proposal, for holders that have not signed it.
    #[must_use]
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// The holders that have released.
    #[must_use]
    pub fn holders(&self) -> SiteSet {
        self.releases.keys().copied().collect()
    }

    /// Takes a holder's shares.
    ///
    /// # Errors
    /// Check R2 with the holder as culprit: a wrong signature, another slot, a share that is not
    /// canonical, or of the wrong kind.
    pub fn release(
        &mut self,
        roster: &Roster,
        transcript: &Transcript,
        release: Release,
    ) -> Result<(), Refusal> {
        let from = release.from;
        let refuse = |reason: &str| Err(Refusal::site(Check::R2, from, reason));
        roster.verify_site(Check::R2, from, &release.digest(), &release.signature)?;
        let outcome = &self.certificate.outcome;
        if release.id != outcome.id || release.ctx != outcome.ctx {
            return refuse("its shares are for another slot");
        }
        if transcript.position(from).is_none() {
            return refuse("it is no holder of the epoch");
        }
        let lost = missing(self.contract(), &outcome.survivors);
        if !distinct(&release.selfs, &outcome.survivors) || !distinct(&release.roots, &lost) {
            return refuse("it released shares of a kind or of a site that was not asked for");
        }
        let mut all = release.selfs.iter().chain(&release.roots);
        if all.any(|share| shamir::canonical(&share.scalar).is_none()) {
            return refuse("a share is not a canonical scalar");
        }
        match self.releases.get(&from) {
            Some(known) if *known != release => refuse("it released twice, and not the same"),
            _ => {
                self.releases.insert(from, release);
                Ok(())
            }
        }
    }

    /// Takes the proof of a disputed share.
    ///
    /// # Errors
    /// Check R2 with the holder as culprit: its share is no longer used.
    pub fn proof(
        &mut self,
        roster: &Roster,
        transcript: &Transcript,
        proof: &ShareProof,
    ) -> Result<(), Refusal> {
        let holder = proof.holder;
        let released = self.releases.get(&holder).and_then(|release| {
            release.of(proof.kind).iter().find(|share| share.site == proof.dealer)
        });
        if released != Some(&proof.share) || proof.id != self.certificate.outcome.id {
            let reason = "it proves another share than the one that it released";
            return Err(Refusal::site(Check::R2, holder, reason));
        }
        proof.verify(roster, transcript)?;
        self.proven.insert((holder, proof.dealer, proof.kind));
        Ok(())
    }

    /// Reconstructs every secret and checks it against E1 (check R2).
    #[must_use]
    pub fn reconstruct(&mut self, transcript: &Transcript) -> Reconstruction {
        let survivors = self.certificate.outcome.survivors.clone();
        let lost = missing(self.contract(), &survivors);
        let mut weights = BTreeMap::new();
        let mut secrets = Secrets { selfs: Vec::new(), roots: Vec::new() };
        let mut disputes = Vec::new();
        for (sites, kind) in [(&survivors, Kind::Own), (&lost, Kind::Root)] {
            for dealer in sites.iter() {
                match self.secret(transcript, dealer, kind, &mut weights) {
                    Found::Secret(secret) if kind == Kind::Own => secrets.selfs.push(secret),
                    Found::Secret(secret) => secrets.roots.push(secret),
                    Found::TooFew => return Reconstruction::MoreReleases,
                    Found::Wrong => disputes.push((dealer, kind)),
                    Found::Inconsistent(refusal) => return Reconstruction::Lost(refusal),
                }
            }
        }
        if disputes.is_empty() {
            return Reconstruction::Complete(secrets);
        }
        self.disputed.extend(disputes.iter().copied());
        Reconstruction::Proofs(disputes)
    }

    /// Disputed shares whose proof was not asked for yet, also those of holders that released after
    /// the dispute began.
    #[must_use]
    pub fn proofs_wanted(&mut self) -> Vec<Disputed> {
        let mut wanted = Vec::new();
        for (dealer, kind) in &self.disputed {
            for (holder, release) in &self.releases {
                let (holder, dealer, kind) = (*holder, *dealer, *kind);
                let released = release.of(kind).iter().any(|share| share.site == dealer);
                if released && self.asked.insert((holder, dealer, kind)) {
                    wanted.push(Disputed { holder, dealer, kind });
                }
            }
        }
        wanted
    }

    /// Holders that released a share which does not fit to the proven ones, and have not proved it.
    /// (One whose proof is merely on its way released a share that fits.)
    #[must_use]
    pub fn misfits(&self, transcript: &Transcript) -> SiteSet {
        let unproven = self.asked.difference(&self.proven);
        unproven
            .filter(|share| !self.fits(transcript, **share))
            .map(|(holder, ..)| *holder)
            .collect()
    }

    /// Sums the uploads and takes the masks off.
    ///
    /// # Errors
    /// The spool's failure, or R2.
    pub fn unmask(
        self,
        transcript: &Transcript,
        secrets: Secrets,
        spool: &(impl Spool + ?Sized),
    ) -> Result<Opened, super::collect::CollectError> {
        let Self { proposal, leaves, certificate, .. } = self;
        Opened::new((proposal, leaves), certificate, transcript, secrets, spool)
    }

    fn contract(&self) -> &Contract {
        &self.proposal.contract.contract
    }

    /// Whether a holder's share of a disputed secret may be used: only with its proof.
    fn usable(&self, holder: SiteIndex, dealer: SiteIndex, kind: Kind) -> bool {
        !self.disputed.contains(&(dealer, kind)) || self.proven.contains(&(holder, dealer, kind))
    }

    fn secret(
        &self,
        transcript: &Transcript,
        dealer: SiteIndex,
        kind: Kind,
        weights: &mut BTreeMap<Vec<SiteIndex>, Interpolation>,
    ) -> Found {
        let threshold = usize::from(transcript.params().threshold());
        let share = |holder: &SiteIndex| {
            let scalar = self.share(*holder, dealer, kind)?;
            self.usable(*holder, dealer, kind).then_some((*holder, scalar))
        };
        let (holders, shares): (Vec<SiteIndex>, Vec<Scalar>) =
            self.releases.keys().filter_map(share).take(threshold).unzip();
        if holders.len() < threshold {
            return Found::TooFew;
        }
        // The weights depend on the holders alone, and these are mostly the same for all secrets.
        let weights = match weights.entry(holders) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => match Interpolation::at_zero(new.key()) {
                Ok(weights) => new.insert(weights),
                Err(_) => return Found::TooFew,
            },
        };
        let Ok(scalar) = weights.combine(&shares) else { return Found::TooFew };
        let secret = SiteSecret { site: dealer, scalar: scalar.to_bytes() };
        match self.check(transcript, kind, &secret) {
            Ok(()) => Found::Secret(secret),
            Err(refusal) if self.disputed.contains(&(dealer, kind)) => Found::Inconsistent(refusal),
            Err(_) => Found::Wrong,
        }
    }

    /// Whether a share gives its dealer's secret together with t − 1 proven ones.
    fn fits(&self, transcript: &Transcript, share: (SiteIndex, SiteIndex, Kind)) -> bool {
        let (holder, dealer, kind) = share;
        let others = usize::from(transcript.params().threshold()).saturating_sub(1);
        let proven =
            |other: &SiteIndex| *other != holder && self.proven.contains(&(*other, dealer, kind));
        let mut holders: Vec<SiteIndex> =
            self.releases.keys().copied().filter(proven).take(others).collect();
        if holders.len() < others {
            return true;
        }
        holders.push(holder);
        let shares: Vec<Scalar> =
            holders.iter().filter_map(|holder| self.share(*holder, dealer, kind)).collect();
        let weights = Interpolation::at_zero(&holders);
        let Ok(scalar) = weights.and_then(|weights| weights.combine(&shares)) else { return false };
        let secret = SiteSecret { site: dealer, scalar: scalar.to_bytes() };
        self.check(transcript, kind, &secret).is_ok()
    }

    fn share(&self, holder: SiteIndex, dealer: SiteIndex, kind: Kind) -> Option<Scalar> {
        let shares = self.releases.get(&holder)?.of(kind);
        let share = shares.iter().find(|share| share.site == dealer)?;
        shamir::canonical(&share.scalar).map(|scalar| *scalar)
    }

    /// Whether a secret is what its owner published at E1.
    fn check(
        &self,
        transcript: &Transcript,
        kind: Kind,
        secret: &SiteSecret,
    ) -> Result<(), Refusal> {
        let slot = self.contract().slot;
        match kind {
            Kind::Own => unmask::check_self(transcript, slot, secret),
            Kind::Root => unmask::check_root(transcript, slot, secret).map(|_| ()),
        }
    }
}

enum Found {
    Secret(SiteSecret),
    TooFew,
    Wrong,
    Inconsistent(Refusal),
}

/// Whether the shares are of distinct sites of `sites`, in order.
fn distinct(shares: &[SiteSecret], sites: &SiteSet) -> bool {
    let list = shares.iter().map(|share| share.site).collect();
    SiteSet::from_increasing(list).is_ok_and(|set| set.is_subset(sites))
}
