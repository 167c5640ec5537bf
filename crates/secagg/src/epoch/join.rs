//! E4: a site learns who accepted whom, and holds an epoch of one-time slots.

use std::collections::BTreeMap;

use ripieno_study::{Check, Refusal, SiteIndex, SiteSet};

use crate::epoch::accept::{Acceptance, Accepted, Proofs};
use crate::epoch::transcript::Transcript;
use crate::party::Party;
use crate::roster::Roster;
use crate::round::slot::Slot;
use crate::round::start::Fresh;

/// An epoch at a site: public facts, secrets of its slots, and what became of each slot. It lives
/// in this process alone; a site that restarts joins the next epoch.
#[derive(Debug)]
pub struct Epoch {
    pub(crate) facts: Facts,
    pub(crate) slots: Vec<Slot>,
    pub(crate) proofs: Proofs,
}

/// What every step of a round needs to know of the epoch.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) party: Party,
    pub(crate) transcript: Transcript,
    pub(crate) acceptances: BTreeMap<SiteIndex, SiteSet>,
}

impl Accepted {
    /// Takes the acceptances of all holders, as the coordinator relays them.
    ///
    /// # Errors
    /// Check A3 where one is not signed by its holder, is of another epoch, or doubled.
    pub fn join(self, acceptances: Vec<Acceptance>) -> Result<Epoch, Refusal> {
        let Self { party, transcript, slots, proofs, acceptance } = self;
        let acceptances = verify_acceptances(party.roster(), &transcript, acceptances)?;
        if acceptances.get(&party.index()) != Some(&acceptance.dealers) {
            let reason = "this site's own acceptance is missing or was changed";
            return Err(Refusal::coordinator(Check::A3, reason));
        }
        let slots = slots.into_iter().map(|secrets| Slot::Fresh(Fresh::new(secrets))).collect();
        Ok(Epoch { facts: Facts { party, transcript, acceptances }, slots, proofs })
    }
}

/// Verifies acceptances, whoever the verifier is.
///
/// # Errors
/// Check A3; the culprit is the holder where its signed acceptance shows the fault, else the
/// coordinator.
pub(crate) fn verify_acceptances(
    roster: &Roster,
    transcript: &Transcript,
    acceptances: Vec<Acceptance>,
) -> Result<BTreeMap<SiteIndex, SiteSet>, Refusal> {
    let holders = transcript.holders();
    let mut verified = BTreeMap::new();
    for acceptance in acceptances {
        let from = acceptance.from;
        roster.verify_relayed(Check::A3, from, &acceptance.digest(), &acceptance.signature)?;
        if acceptance.transcript != transcript.digest() || !holders.contains(from) {
            let reason = format!("the acceptance of {from} is for another epoch");
            return Err(Refusal::coordinator(Check::A3, reason));
        }
        if !acceptance.dealers.is_subset(&holders) {
            let reason = "the acceptance names a dealer that is not in the epoch";
            return Err(Refusal::site(Check::A3, from, reason));
        }
        if !acceptance.dealers.contains(from) {
            let reason = "the acceptance leaves out its own holder";
            return Err(Refusal::site(Check::A3, from, reason));
        }
        if verified.insert(from, acceptance.dealers).is_some() {
            let reason = format!("there are two acceptances of {from}");
            return Err(Refusal::coordinator(Check::A3, reason));
        }
    }
    Ok(verified)
}

/// E4: why `participants` may not take part, or `None` where all may: each was accepted by at
/// least t holders and by every participant.
pub(crate) fn not_accepted(
    transcript: &Transcript,
    acceptances: &BTreeMap<SiteIndex, SiteSet>,
    participants: &SiteSet,
) -> Option<String> {
    let threshold = usize::from(transcript.params().threshold());
    participants.iter().find_map(|dealer| {
        let accepts = |holder: &SiteIndex| {
            acceptances.get(holder).is_some_and(|dealers| dealers.contains(dealer))
        };
        let holders = acceptances.keys().filter(|holder| accepts(holder)).count();
        if holders < threshold {
            return Some(format!(
                "{dealer} was accepted by {holders} of {threshold} needed holders"
            ));
        }
        let without = participants.iter().find(|member| !accepts(member))?;
        Some(format!("{dealer} was not accepted by {without}"))
    })
}

impl Epoch {
    /// The epoch's public facts.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        &self.facts.transcript
    }

    /// The site whose epoch this is.
    #[must_use]
    pub fn party(&self) -> &Party {
        &self.facts.party
    }
}
