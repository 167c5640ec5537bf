//! E1–E4 at the coordinator: it gathers and relays, and names whoever sends nonsense.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripieno_study::{Check, Culprit, Refusal, SiteIndex, SiteSet};

use crate::epoch::advertise::Announcement;
use crate::epoch::join::{not_accepted, verify_acceptances};
use crate::epoch::{Acceptance, Advert, Bundle, Transcript};
use crate::roster::Roster;

/// E1: adverts come in.
#[derive(Debug)]
pub struct Gathering {
    roster: Arc<Roster>,
    announced: Announcement,
    adverts: BTreeMap<SiteIndex, Advert>,
}

impl Gathering {
    /// Opens an epoch.
    #[must_use]
    pub fn new(roster: Arc<Roster>, announced: Announcement) -> Self {
        Self { roster, announced, adverts: BTreeMap::new() }
    }

    /// What sites are told.
    #[must_use]
    pub fn announced(&self) -> Announcement {
        self.announced
    }

    /// The sites that have advertised.
    #[must_use]
    pub fn sites(&self) -> SiteSet {
        self.adverts.keys().copied().collect()
    }

    /// Takes an advert; the same one again changes nothing.
    ///
    /// # Errors
    /// Check A1 with the site as culprit; the adverts so far stay.
    pub fn receive(&mut self, advert: Advert) -> Result<(), Refusal> {
        if let Some(known) = self.adverts.get(&advert.from) {
            if *known == advert {
                return Ok(());
            }
            let reason = "it sent two adverts for one epoch";
            return Err(Refusal::site(Check::A1, advert.from, reason));
        }
        crate::epoch::share::verify_advert_among(
            &self.roster,
            self.announced,
            &advert,
            self.adverts.values(),
        )
        .map_err(|refusal| sent_by(advert.from, refusal))?;
        self.adverts.insert(advert.from, advert);
        Ok(())
    }

    /// Ends E1 with the adverts that came. They are relayed to every site that advertised.
    ///
    /// # Errors
    /// Check A2 where they are too few.
    pub fn close(self) -> Result<Sharing, Refusal> {
        let Self { roster, announced, adverts } = self;
        let list = adverts.into_values().collect();
        let Announcement { epoch, slots } = announced;
        let transcript = Transcript::from_adverts(&roster, epoch, slots, list)?;
        Ok(Sharing { roster, transcript, bundles: BTreeMap::new() })
    }
}

/// What came from a site itself is that site's fault, whoever a relayed copy would blame.
fn sent_by(site: SiteIndex, refusal: Refusal) -> Refusal {
    Refusal { culprit: Culprit::Site(site), ..refusal }
}

/// E2: sealed bundles come in, and go to their holders.
#[derive(Debug)]
pub struct Sharing {
    roster: Arc<Roster>,
    transcript: Transcript,
    bundles: BTreeMap<SiteIndex, BTreeMap<SiteIndex, Bundle>>,
}

impl Sharing {
    /// The epoch's public facts: its adverts are relayed to all holders.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The dealers whose bundles are here.
    #[must_use]
    pub fn dealers(&self) -> SiteSet {
        self.bundles.keys().copied().collect()
    }

    /// Takes the bundles of one dealer, one for each other holder.
    ///
    /// # Errors
    /// Check A3 with the dealer as culprit.
    pub fn receive(&mut self, from: SiteIndex, bundles: Vec<Bundle>) -> Result<(), Refusal> {
        let refuse = |reason: &str| Err(Refusal::site(Check::A3, from, reason));
        let others: SiteSet = self.transcript.holders().iter().filter(|h| *h != from).collect();
        let to: SiteSet = bundles.iter().map(|bundle| bundle.to).collect();
        let transcript = self.transcript.digest();
        if bundles.iter().any(|b| b.from != from || b.transcript != transcript) {
            return refuse("a bundle names another dealer or another epoch");
        }
        if to != others || bundles.len() != others.len() {
            return refuse("there is not one bundle for each other holder");
        }
        let map: BTreeMap<_, _> = bundles.into_iter().map(|b| (b.to, b)).collect();
        match self.bundles.get(&from) {
            Some(known) if *known == map => Ok(()),
            Some(_) => refuse("it dealt twice in one epoch"),
            None => {
                self.bundles.insert(from, map);
                Ok(())
            }
        }
    }

    /// The bundles for one holder.
    #[must_use]
    pub fn bundles_for(&self, holder: SiteIndex) -> Vec<Bundle> {
        self.bundles.values().filter_map(|bundles| bundles.get(&holder).cloned()).collect()
    }

    /// Ends E2.
    #[must_use]
    pub fn close(self) -> Accepting {
        let Self { roster, transcript, .. } = self;
        Accepting { roster, transcript, acceptances: BTreeMap::new() }
    }
}

/// E3: acceptances come in.
#[derive(Debug)]
pub struct Accepting {
    roster: Arc<Roster>,
    transcript: Transcript,
    acceptances: BTreeMap<SiteIndex, Acceptance>,
}

impl Accepting {
    /// The epoch's public facts.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The holders that have accepted.
    #[must_use]
    pub fn holders(&self) -> SiteSet {
        self.acceptances.keys().copied().collect()
    }

    /// Takes an acceptance; the same one again changes nothing.
    ///
    /// # Errors
    /// Check A3 with the holder as culprit.
    pub fn receive(&mut self, acceptance: Acceptance) -> Result<(), Refusal> {
        let from = acceptance.from;
        if self.acceptances.get(&from).is_some_and(|known| *known != acceptance) {
            return Err(Refusal::site(Check::A3, from, "two acceptances of one holder"));
        }
        verify_acceptances(&self.roster, &self.transcript, vec![acceptance.clone()])
            .map_err(|refusal| sent_by(from, refusal))?;
        self.acceptances.insert(from, acceptance);
        Ok(())
    }

    /// Ends E3. The acceptances are relayed to all.
    #[must_use]
    pub fn close(self) -> Epoch {
        let Self { roster, transcript, acceptances } = self;
        Epoch { roster, transcript, acceptances }
    }
}

/// E4: an epoch whose slots can be used.
#[derive(Debug)]
pub struct Epoch {
    pub(super) roster: Arc<Roster>,
    pub(super) transcript: Transcript,
    pub(super) acceptances: BTreeMap<SiteIndex, Acceptance>,
}

impl Epoch {
    /// The charter's members.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The epoch's public facts.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The acceptances to relay.
    #[must_use]
    pub fn acceptances(&self) -> Vec<Acceptance> {
        self.acceptances.values().cloned().collect()
    }

    /// The holders that have accepted: only they can be in the epoch. A site that was lost between
    /// E1 and E3 is named in the transcript, and holds nothing.
    #[must_use]
    pub fn joined(&self) -> SiteSet {
        self.acceptances.keys().copied().collect()
    }

    /// Candidates that may take part together (E4). Whoever is not accepted by enough holders, or
    /// not by another candidate, is left out, one after the other, the one with most disputes
    /// first.
    #[must_use]
    pub fn eligible(&self, candidates: &SiteSet) -> SiteSet {
        let dealers: BTreeMap<_, _> =
            self.acceptances.iter().map(|(holder, a)| (*holder, a.dealers.clone())).collect();
        let mut chosen: SiteSet =
            candidates.iter().filter(|site| dealers.contains_key(site)).collect();
        while not_accepted(&self.transcript, &dealers, &chosen).is_some() {
            let disputes = |site: &SiteIndex| {
                let refused = |holder: SiteIndex, dealer: SiteIndex| {
                    dealers.get(&holder).is_none_or(|accepted| !accepted.contains(dealer))
                };
                let pair = |other: &SiteIndex| refused(*other, *site) || refused(*site, *other);
                let holders = dealers.values().filter(|accepted| accepted.contains(*site)).count();
                let short = holders < usize::from(self.transcript.params().threshold());
                // Who of two lies cannot be told: it is not always the same that must go.
                let turn = self.transcript.epoch().wrapping_add(u64::from(*site)) % 2;
                (short, chosen.iter().filter(pair).count(), turn)
            };
            let Some(worst) = chosen.iter().max_by_key(disputes) else { break };
            chosen = chosen.iter().filter(|site| *site != worst).collect();
        }
        chosen
    }
}
