//! What the adversary knows: everything that went out, the votes and shares of corrupt holders, and
//! what t shares reveal.

use crate::message::{Contract, MAX_HONEST, Outcome, Sites, Transcript};
use crate::model::Model;
use crate::rules::Rule;
use crate::state::{MAX_SLOTS, State};

/// What went out, read as the adversary can.
#[derive(Clone, Copy)]
pub struct Knowledge<'a> {
    model: &'a Model,
    state: &'a State,
}

/// A sum that the adversary can compute: of these honest sites' vectors and known numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The contract whose masks came off.
    pub contract: Contract,
    /// The honest sites whose vectors are in it.
    pub sites: Sites,
    /// Those of them whose second version of rows it is over.
    pub changed: Sites,
}

/// The secrets of honest sites that the adversary has, for one slot of one transcript.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    /// `root` is known: all masks with others come off.
    pub roots: Sites,
    /// `self` is known.
    pub selfs: Sites,
}

impl<'a> Knowledge<'a> {
    pub(crate) fn new(model: &'a Model, state: &'a State) -> Self {
        Self { model, state }
    }

    /// Every transcript that somebody joined, each once.
    #[must_use]
    pub fn transcripts(&self) -> Vec<Transcript> {
        let mut found = Vec::with_capacity(4);
        for epoch in self.state.sites.iter().flat_map(|site| &site.epochs) {
            if epoch.transcript != Transcript::default() && !found.contains(&epoch.transcript) {
                found.push(epoch.transcript);
            }
        }
        found
    }

    /// Every outcome that an honest site has signed for a slot, each once.
    #[must_use]
    pub fn voted(&self, transcript: Transcript, slot: usize) -> Vec<Outcome> {
        let mut found = Vec::with_capacity(4);
        for site in &self.state.sites {
            let Some(slot) = site.slot(transcript, slot) else { continue };
            for ballot in slot.ballots.into_iter().filter(|ballot| !ballot.is_none()) {
                if !found.contains(&ballot) {
                    found.push(ballot);
                }
            }
        }
        found
    }

    /// Whether a certificate for an outcome can be shown: corrupt holders sign everything.
    #[must_use]
    pub fn is_certified(&self, transcript: Transcript, slot: usize, outcome: Outcome) -> bool {
        let Some(numbers) = self.model.numbers(transcript) else { return false };
        let needed = if outcome == Outcome::VOID { numbers.void } else { numbers.threshold };
        let signed = |site: &&crate::state::Site| {
            site.slot(transcript, slot).is_some_and(|slot| slot.ballots.contains(&outcome))
        };
        let votes = self.state.sites.iter().filter(signed).count() as u8;
        votes + self.theirs(transcript) >= needed
    }

    /// What t shares reveal of the secrets of honest sites. A secret has as many polynomials as
    /// transcripts it was dealt in; shares of different ones do not add up.
    #[must_use]
    pub fn secrets(&self, transcript: Transcript, slot: usize) -> Secrets {
        let mut known = Secrets::default();
        for other in self.transcripts() {
            let (roots, selfs) = self.revealed(other, slot);
            let same = |site: &usize| {
                other == transcript
                    || (transcript.holders().contains(*site)
                        && transcript.draw(*site) == other.draw(*site))
            };
            known.roots.0 |= roots.iter().filter(same).fold(0, |bits, site| bits | 1 << site);
            known.selfs.0 |= selfs.iter().filter(same).fold(0, |bits, site| bits | 1 << site);
        }
        known
    }

    fn revealed(&self, transcript: Transcript, slot: usize) -> (Sites, Sites) {
        let (mut roots, mut selfs) = (Sites::default(), Sites::default());
        let Some(numbers) = self.model.numbers(transcript) else { return (roots, selfs) };
        let mut counts = [[self.theirs(transcript); 2]; MAX_HONEST];
        let both = self.model.rules.off(Rule::OneKind);
        for holder in &self.state.sites {
            let Some(slot) = holder.slot(transcript, slot) else { continue };
            // Two releases of one holder hold the same share, not two.
            let mut shares = [[false; 2]; MAX_HONEST];
            for release in slot.releases.into_iter().filter(|release| !release.is_none()) {
                let (survivors, all) = (release.survivors(), release.contract().participants());
                for (dealer, share) in shares.iter_mut().enumerate() {
                    let lost = all.contains(dealer) && !survivors.contains(dealer);
                    let kept = survivors.contains(dealer);
                    share[0] |= lost || (both && kept);
                    share[1] |= kept || (both && lost);
                }
            }
            for (count, share) in counts.iter_mut().flatten().zip(shares.as_flattened()) {
                *count += u8::from(*share);
            }
        }
        for dealer in self.model.honest(transcript.holders()).iter() {
            // Who never joined has dealt nothing.
            if self.state.sites[dealer].slot(transcript, slot).is_some() {
                roots.0 |= u8::from(counts[dealer][0] >= numbers.threshold) << dealer;
                selfs.0 |= u8::from(counts[dealer][1] >= numbers.threshold) << dealer;
            }
        }
        (roots, selfs)
    }

    /// The sums that come free of masks in a slot. Honest participants whose `root` is unknown
    /// share masks that nobody else knows: their uploads open together, or not at all. One whose
    /// `root` is known stands alone.
    #[must_use]
    pub fn opened(&self, transcript: Transcript, slot: usize) -> Vec<Opened> {
        let secrets = self.secrets(transcript, slot);
        if secrets.selfs.is_empty() {
            return Vec::new();
        }
        let mut sums = Vec::new();
        for contract in self.uploaded(transcript, slot) {
            let honest = self.model.honest(contract.participants());
            let together = honest.without(secrets.roots);
            let alone = honest.and(secrets.roots).iter().map(|site| Sites(1 << site));
            for sites in alone.chain([together]).filter(|sites| !sites.is_empty()) {
                sums.extend(self.sum(transcript, slot, contract, sites, secrets));
            }
        }
        sums
    }

    fn sum(
        &self,
        transcript: Transcript,
        slot: usize,
        contract: Contract,
        sites: Sites,
        secrets: Secrets,
    ) -> Option<Opened> {
        let mut changed = Sites::default();
        for site in sites.iter() {
            let upload = self.state.sites[site].slot(transcript, slot)?.upload(contract)?;
            changed.0 |= upload.data << site;
        }
        sites.is_subset(secrets.selfs).then_some(Opened { contract, sites, changed })
    }

    /// Every contract that an honest site has uploaded under, each once.
    #[must_use]
    pub fn uploaded(&self, transcript: Transcript, slot: usize) -> Vec<Contract> {
        let mut found = Vec::with_capacity(2);
        for site in &self.state.sites {
            let Some(slot) = site.slot(transcript, slot) else { continue };
            for upload in slot.uploads.into_iter().filter(|upload| !upload.contract.is_none()) {
                if !found.contains(&upload.contract) {
                    found.push(upload.contract);
                }
            }
        }
        found
    }

    /// Every slot of every transcript.
    pub fn slots(&self) -> impl Iterator<Item = (Transcript, usize)> {
        let slots = |t| self.model.bounds.slots_of(t).min(MAX_SLOTS);
        self.transcripts().into_iter().flat_map(move |t| (0..slots(t)).map(move |slot| (t, slot)))
    }

    /// Holders that are the adversary's: corrupt or invented.
    fn theirs(&self, transcript: Transcript) -> u8 {
        let holders = transcript.holders();
        holders.without(self.model.honest(holders)).len()
    }
}
