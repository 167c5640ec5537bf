//! The draw: sites commit to random bytes, reveal them, and compute one cut from all of them.

use std::collections::BTreeMap;
use std::fmt;

use rand::CryptoRng;
use ripieno_identity::Signature;
use ripieno_study::{Check, Digest, Hasher, Refusal, SiteIndex, SiteSet, Tag};
use zeroize::Zeroizing;

use crate::cohort::cut::cut;
use crate::params::MAX_HOLDERS;
use crate::party::Party;
use crate::roster::{Cohort, Roster};

/// A site's commitment to its random bytes. As received until it stands in a [`CommitList`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawCommit {
    /// The charter that the site holds.
    pub charter: Digest,
    /// The study that cohorts are drawn for.
    pub study: Digest,
    /// The site.
    pub from: SiteIndex,
    /// H("draw-nonce", charter, study, from, random bytes).
    pub commitment: Digest,
    /// Over [`DrawCommit::digest`].
    pub signature: Signature,
}

impl DrawCommit {
    /// What is signed: H("draw-commit", charter, study, from, commitment).
    #[must_use]
    pub fn digest(&self) -> Digest {
        Hasher::new(Tag::DrawCommit)
            .part(self.charter)
            .part(self.study)
            .number(self.from)
            .part(self.commitment)
            .finish()
    }
}

/// A site's random bytes. As received until the [`Draw`]: they need no signature, since nobody else
/// can open the commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reveal {
    /// The site.
    pub from: SiteIndex,
    /// What it drew.
    pub nonce: [u8; 32],
}

/// W1: a site that has committed. What it drew is hidden, and is revealed for one list alone.
pub struct Committed {
    party: Party,
    commit: DrawCommit,
    nonce: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Committed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Committed({}, <redacted>)", self.commit.from)
    }
}

impl Committed {
    /// Draws 32 random bytes for a study, and commits to them.
    #[must_use]
    pub fn new(party: Party, study: Digest, rng: &mut impl CryptoRng) -> Self {
        let mut nonce = Zeroizing::new([0; 32]);
        rng.fill_bytes(nonce.as_mut_slice());
        let (charter, from) = (party.roster().charter, party.index());
        let commitment = commitment(&charter, &study, from, &nonce);
        let signature = Signature::from_bytes([0; 64]);
        let mut commit = DrawCommit { charter, study, from, commitment, signature };
        commit.signature = party.sign(&commit.digest());
        Self { party, commit, nonce }
    }

    /// The commitment to send.
    #[must_use]
    pub fn commit(&self) -> &DrawCommit {
        &self.commit
    }

    /// W2: takes the list of all commitments. From here on the site takes part in a draw over this
    /// list and over no other.
    ///
    /// # Errors
    /// Check D1 where the list is of another draw, or lacks this site's commitment.
    pub fn reveal(self, list: &CommitList) -> Result<Revealed, Refusal> {
        let Self { party, commit, nonce } = self;
        if list.commits.get(&commit.from) != Some(&commit) {
            return Err(fault("this site's own commitment is missing or was changed"));
        }
        let reveal = Reveal { from: commit.from, nonce: *nonce };
        Ok(Revealed { party, list: list.digest, reveal })
    }
}

/// All commitments of a draw, each verified.
#[derive(Clone, Debug)]
pub struct CommitList {
    charter: Digest,
    study: Digest,
    digest: Digest,
    commits: BTreeMap<SiteIndex, DrawCommit>,
}

impl CommitList {
    /// Verifies a list of commitments for a study.
    ///
    /// # Errors
    /// Check D1: a commitment of another draw, or that its site did not sign; sites twice or out of
    /// order; 128 or fewer, which are one cohort. The culprit is the coordinator, which relays them.
    pub fn verify(
        roster: &Roster,
        study: Digest,
        commits: Vec<DrawCommit>,
    ) -> Result<Self, Refusal> {
        let sites = in_order(commits.iter().map(|commit| commit.from))?;
        for commit in &commits {
            let from = commit.from;
            roster.verify_relayed(Check::D1, from, &commit.digest(), &commit.signature)?;
            if commit.charter != roster.charter || commit.study != study {
                return Err(fault(format!("the commitment of {from} is for another draw")));
            }
        }
        check_enough(&sites)?;
        let add = |hasher: Hasher, commit: &DrawCommit| {
            hasher.part(commit.digest()).part(commit.signature)
        };
        let digest = Hasher::new(Tag::DrawList)
            .part(roster.charter)
            .part(study)
            .list(commits.iter(), add)
            .finish();
        let commits = commits.into_iter().map(|commit| (commit.from, commit)).collect();
        Ok(Self { charter: roster.charter, study, digest, commits })
    }

    /// L = H("draw-list", charter, study, commitments with signatures in index order).
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// W3: a site that has revealed.
#[derive(Debug)]
pub struct Revealed {
    party: Party,
    list: Digest,
    reveal: Reveal,
}

impl Revealed {
    /// The random bytes to send.
    #[must_use]
    pub fn reveal(&self) -> Reveal {
        self.reveal
    }

    /// W4: takes its place in the draw: the same site among the members of its cohort. Epochs of
    /// the cohort are set up with what this returns.
    ///
    /// # Errors
    /// Check D1 where the draw is over another list, or lacks this site.
    pub fn join(self, draw: &Draw) -> Result<Party, Refusal> {
        if draw.list != self.list {
            return Err(fault(
                "the draw is over other commitments than this site has revealed for",
            ));
        }
        let number = draw.cohort_of(self.party.index());
        let roster = number.and_then(|number| draw.roster(self.party.roster(), number));
        match roster {
            Some(roster) => self.party.under(roster.into()),
            None => Err(fault("this site's own reveal was left out")),
        }
    }
}

/// W4: who is in which cohort, as everybody computes it from the reveals.
#[derive(Clone, Debug)]
pub struct Draw {
    charter: Digest,
    study: Digest,
    list: Digest,
    seed: Digest,
    cohorts: Vec<SiteSet>,
}

impl Draw {
    /// Computes the cut from the reveals, `corrupt` being the charter's c. Who has committed and is
    /// not among them takes no part in the study.
    ///
    /// # Errors
    /// Check D1: a reveal that does not open its site's commitment; sites twice or out of order; 128
    /// or fewer. The culprit is the coordinator, which relays them.
    pub fn new(list: &CommitList, corrupt: u16, reveals: &[Reveal]) -> Result<Self, Refusal> {
        let sites = in_order(reveals.iter().map(|reveal| reveal.from))?;
        for reveal in reveals {
            let from = reveal.from;
            let opened = commitment(&list.charter, &list.study, from, &reveal.nonce);
            if list.commits.get(&from).map(|commit| commit.commitment) != Some(opened) {
                return Err(fault(format!("the reveal of {from} does not open its commitment")));
            }
        }
        check_enough(&sites)?;
        let add = |hasher: Hasher, reveal: &Reveal| hasher.number(reveal.from).part(reveal.nonce);
        let seed = Hasher::new(Tag::Draw).part(list.digest).list(reveals.iter(), add).finish();
        let cohorts = cut(&seed, &sites, corrupt);
        Ok(Self { charter: list.charter, study: list.study, list: list.digest, seed, cohorts })
    }

    /// H("draw", L, reveals): it names the draw.
    #[must_use]
    pub fn seed(&self) -> Digest {
        self.seed
    }

    /// The study.
    #[must_use]
    pub fn study(&self) -> Digest {
        self.study
    }

    /// The cohorts with their numbers, in order.
    pub fn cohorts(&self) -> impl ExactSizeIterator<Item = (u32, &SiteSet)> {
        // There are at most 2^16 sites.
        self.cohorts.iter().enumerate().map(|(number, sites)| (number as u32, sites))
    }

    /// The cohort of a site; `None` for one that has not revealed.
    #[must_use]
    pub fn cohort_of(&self, site: SiteIndex) -> Option<u32> {
        self.cohorts().find(|(_, sites)| sites.contains(site)).map(|(number, _)| number)
    }

    /// The members of a cohort as the protocol knows them: with their keys from the charter's
    /// roster, and nobody else's. `None` for a number that the draw lacks, or another charter.
    #[must_use]
    pub fn roster(&self, charter: &Roster, number: u32) -> Option<Roster> {
        let members = self.members(number)?;
        let Self { seed, study, .. } = *self;
        let listed = charter.sites.iter().filter(|(site, _)| members.contains(**site));
        (charter.charter == self.charter).then(|| Roster {
            sites: listed.map(|(site, key)| (*site, *key)).collect(),
            cohort: Some(Cohort { seed, study, number }),
            ..charter.clone()
        })
    }

    pub(super) fn members(&self, number: u32) -> Option<&SiteSet> {
        self.cohorts.get(usize::try_from(number).ok()?)
    }
}

fn commitment(charter: &Digest, study: &Digest, from: SiteIndex, nonce: &[u8; 32]) -> Digest {
    Hasher::new(Tag::DrawNonce).part(charter).part(study).number(from).part(nonce).finish()
}

fn in_order(sites: impl Iterator<Item = SiteIndex>) -> Result<SiteSet, Refusal> {
    SiteSet::from_increasing(sites.collect()).map_err(|error| fault(error.to_string()))
}

fn check_enough(sites: &SiteSet) -> Result<(), Refusal> {
    if sites.len() > MAX_HOLDERS {
        return Ok(());
    }
    let count = sites.len();
    let reason =
        format!("{count} sites are in the draw: up to {MAX_HOLDERS} are one cohort, undrawn");
    Err(fault(reason))
}

fn fault(reason: impl Into<String>) -> Refusal {
    Refusal::coordinator(Check::D1, reason)
}
