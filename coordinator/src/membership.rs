//! The next charter: who is in it, by which numbers, and who has signed it (docs/protocol.md §2).

use ripieno_identity::ratification::consent_digest;
use ripieno_identity::{
    BadCharter, BadSuccession, Charter, CharterConsent, CharterFields, CharterSite,
    FederationPolicy, PublicKey, RatifiedCharter,
};
use ripieno_study::{Check, Refusal, SiteIndex, SiteSet};
use thiserror::Error;

use crate::store::SiteRow;

/// From so many sites on one corrupt site is assumed where the operator does not say.
const CORRUPT_FROM: usize = 4;
/// The fewest sites of a charter: with c corrupt ones it takes c more.
const MIN_SITES: usize = 3;

/// A site that may be in the next charter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Its name.
    pub(crate) name: String,
    /// Its key.
    pub(crate) key: PublicKey,
}

/// Numbers that the operator asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// c.
    pub(crate) corrupt: Option<u16>,
    /// q.
    pub(crate) quorum: Option<u16>,
    /// The fewest sites of a sum.
    pub(crate) minimum_sites: Option<u16>,
}

/// Why there is no next charter to sign.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum NoProposal {
    /// The numbers do not fit the sites, or there are too few.
    #[error("{0}; invite more sites, or propose other numbers: charter propose --help")]
    Charter(#[from] BadCharter),
    /// Too few sites are left for as many corrupt ones as the charter in force assumes.
    #[error(
        "{sites} sites are too few where {corrupt} may be corrupt, as the charter in force has it (that \
         takes {}): invite and enrol another site, then type: charter propose. Or, if the stewards \
         agree to trust each other more, type: charter propose --corrupt {}",
        u32::from(*corrupt) + 3,
        sites.saturating_sub(3)
    )]
    TooFewLeft {
        /// Sites of the next charter, at least 3.
        sites: usize,
        /// c.
        corrupt: u16,
    },
    /// No charter has so few sites.
    #[error(
        "too few sites are left ({sites}), for a sum is over {MIN_SITES} at least: no study runs any \
         more until another site is invited and has enrolled, and a charter with it is proposed \
         (charter propose), signed and in force. Results that were opened stay"
    )]
    NoneLeft {
        /// Sites of the next charter.
        sites: usize,
    },
    /// The sites are those of the charter in force, and so are the numbers.
    #[error("the charter in force has these sites and numbers already: there is nothing to sign")]
    Unchanged,
    /// Every index was given.
    #[error("all 65534 indices of sites were given: found a new federation")]
    NoIndex,
    /// It cannot follow the charter in force.
    #[error("the next charter cannot follow the one in force: {0}")]
    Succession(#[from] BadSuccession),
    /// Some have signed version 1, all must, and a site signs one version 1 only.
    #[error(
        "{signed} of {needed} signatures are under version 1 already, all sites sign it, and a \
         site signs one version 1 of a federation only: have it signed by the others; to change \
         it, found a federation of another name (coordinator init in a new folder)"
    )]
    Founding {
        /// Signatures so far.
        signed: usize,
        /// Signatures that it needs.
        needed: usize,
    },
    /// Some have signed another proposal, and a site signs one successor only.
    #[error(
        "{signed} of {needed} signatures are under version {version} already, and a site signs \
         one such version only: too few are left for another one; have it signed by the others, \
         then propose the next one"
    )]
    Signed {
        /// The version that is being signed.
        version: u32,
        /// Signatures so far.
        signed: usize,
        /// Signatures that it needs.
        needed: usize,
    },
}

/// The charter after the one in force, with these sites.
pub(crate) fn propose(
    federation: &str,
    coordinator: PublicKey,
    in_force: Option<&RatifiedCharter>,
    mut candidates: Vec<Candidate>,
    wish: Wish,
) -> Result<Charter, NoProposal> {
    candidates.sort_by(|one, other| one.name.cmp(&other.name));
    let before = in_force.map(|charter| charter.charter().fields());
    let (sites, next_index) = number(before, candidates)?;
    let count = sites.len();
    if before.is_some() && count < MIN_SITES {
        return Err(NoProposal::NoneLeft { sites: count });
    }
    if let (None, Some(before)) = (wish.corrupt, before)
        && (MIN_SITES..usize::from(before.corrupt) + MIN_SITES).contains(&count)
    {
        return Err(NoProposal::TooFewLeft { sites: count, corrupt: before.corrupt });
    }
    let corrupt = wish.corrupt.or(before.map(|fields| fields.corrupt));
    let corrupt = corrupt.unwrap_or(u16::from(count >= CORRUPT_FROM));
    let fields = CharterFields {
        federation: federation.to_owned(),
        version: before.map_or(1, |fields| fields.version.saturating_add(1)),
        previous: in_force.map(RatifiedCharter::digest),
        sites,
        next_index,
        coordinator,
        corrupt,
        quorum: wish.quorum.unwrap_or(smallest_quorum(count, corrupt)),
        policy: FederationPolicy { minimum_sites: minimum(before, wish, corrupt, count) },
    };
    if before.is_some_and(|before| is_same(before, &fields)) {
        return Err(NoProposal::Unchanged);
    }
    let charter = Charter::new(fields)?;
    if let Some(in_force) = in_force {
        in_force.check_successor(&charter)?;
    }
    Ok(charter)
}

/// The sites of a charter in force that are here, with their indices. A site whose key is another one
/// is none of its members, whatever its name.
pub(crate) fn members(charter: &RatifiedCharter, rows: &[SiteRow]) -> Vec<(String, SiteIndex)> {
    let is_here = |site: &&CharterSite| {
        rows.iter().any(|row| row.name == site.name && row.key == Some(site.key))
    };
    charter.sites().iter().filter(is_here).map(|site| (site.name.clone(), site.index)).collect()
}

/// A charter that waits for signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) charter: Charter,
    pub(crate) consents: Vec<CharterConsent>,
    /// Who has signed a proposal before this one, in its place after the charter in force.
    pub(crate) bound: SiteSet,
}

impl Pending {
    /// The sites whose signatures count: its own for version 1, else those of the one in force.
    pub(crate) fn electorate<'a>(
        &'a self,
        in_force: Option<&'a RatifiedCharter>,
    ) -> &'a [CharterSite] {
        match in_force {
            Some(charter) => charter.sites(),
            None => &self.charter.fields().sites,
        }
    }

    /// Whether it lists a site by this key.
    pub(crate) fn lists(&self, key: Option<PublicKey>) -> bool {
        self.charter.fields().sites.iter().any(|site| Some(site.key) == key)
    }

    /// How many signatures it needs.
    pub(crate) fn needed(&self, in_force: Option<&RatifiedCharter>) -> usize {
        match in_force {
            Some(charter) => charter.charter().fields().quorum.into(),
            None => self.charter.fields().sites.len(),
        }
    }

    /// Whether a site has signed.
    pub(crate) fn has_signed(&self, site: SiteIndex) -> bool {
        self.consents.iter().any(|consent| consent.site == site)
    }

    /// Takes a signature; `false` where it was here before.
    pub(crate) fn take(
        &mut self,
        consent: CharterConsent,
        in_force: Option<&RatifiedCharter>,
    ) -> Result<bool, Refusal> {
        let refuse = |reason: &str| Refusal::site(Check::H1, consent.site, reason);
        let site = self.electorate(in_force).iter().find(|site| site.index == consent.site);
        let site = site.ok_or_else(|| refuse("it has no say on this charter"))?;
        let digest = consent_digest(&self.charter, consent.site);
        site.key.verify(&digest, &consent.signature).map_err(|_| {
            refuse("its signature is not for the charter that is proposed now; it gets that one")
        })?;
        let new = !self.has_signed(consent.site);
        if new {
            self.consents.push(consent);
            self.consents.sort_by_key(|consent| consent.site);
        }
        Ok(new)
    }

    /// The charter in force that it has become, if it has all signatures that it needs.
    pub(crate) fn ratified(&self, in_force: Option<&RatifiedCharter>) -> Option<RatifiedCharter> {
        if self.consents.len() < self.needed(in_force) {
            return None;
        }
        let (charter, consents) = (self.charter.clone(), self.consents.clone());
        match in_force {
            Some(before) => before.succeed(charter, consents).ok(),
            None => RatifiedCharter::found(charter, consents).ok(),
        }
    }

    /// Who has signed this or a proposal before it, and signs no other in its place.
    pub(crate) fn all_bound(&self) -> SiteSet {
        self.bound.iter().chain(self.consents.iter().map(|consent| consent.site)).collect()
    }

    /// Whether it may be replaced by another proposal: those that have signed none could still
    /// bring another one into force. Sites that were revoked sign nothing.
    pub(crate) fn may_be_replaced(
        &self,
        in_force: Option<&RatifiedCharter>,
        revoked: &SiteSet,
    ) -> Result<(), NoProposal> {
        let (signed, needed) = (self.consents.len(), self.needed(in_force));
        if in_force.is_none() {
            return match self.consents.iter().all(|consent| revoked.contains(consent.site)) {
                true => Ok(()),
                false => Err(NoProposal::Founding { signed, needed }),
            };
        }
        let bound = self.all_bound();
        let electors = self.electorate(in_force).iter().map(|site| site.index);
        let free = electors.filter(|site| !bound.contains(*site) && !revoked.contains(*site));
        if signed == 0 || free.count() >= needed {
            return Ok(());
        }
        Err(NoProposal::Signed { version: self.charter.fields().version, signed, needed })
    }
}

/// Gives each site its index: the one that it has, or the next that nobody ever had.
fn number(
    before: Option<&CharterFields>,
    candidates: Vec<Candidate>,
) -> Result<(Vec<CharterSite>, u16), NoProposal> {
    let mut next = before.map_or(1, |fields| fields.next_index);
    let mut sites = Vec::with_capacity(candidates.len());
    for Candidate { name, key } in candidates {
        let known = before.and_then(|fields| fields.sites.iter().find(|site| site.key == key));
        let index = match known {
            Some(site) => site.index,
            None => {
                let index = SiteIndex::new(next).ok_or(NoProposal::NoIndex)?;
                next = next.checked_add(1).ok_or(NoProposal::NoIndex)?;
                index
            }
        };
        sites.push(CharterSite { index, name, key });
    }
    sites.sort_by_key(|site| site.index);
    Ok((sites, next))
}

/// q: more than half of the sites and the corrupt ones together.
fn smallest_quorum(sites: usize, corrupt: u16) -> u16 {
    let quorum = sites.saturating_add(corrupt.into()) / 2 + 1;
    u16::try_from(quorum).unwrap_or(u16::MAX)
}

/// As asked for, as in the charter in force where that is still possible, or the smallest.
fn minimum(before: Option<&CharterFields>, wish: Wish, corrupt: u16, sites: usize) -> u16 {
    let smallest = corrupt.saturating_add(3);
    let kept = before.map(|fields| fields.policy.minimum_sites);
    let kept = kept.filter(|kept| *kept >= smallest && usize::from(*kept) <= sites);
    wish.minimum_sites.or(kept).unwrap_or(smallest)
}

fn is_same(before: &CharterFields, next: &CharterFields) -> bool {
    let numbers =
        |fields: &CharterFields| (fields.corrupt, fields.quorum, fields.policy, fields.coordinator);
    before.sites == next.sites && numbers(before) == numbers(next)
}

#[cfg(test)]
mod tests {
    use ripieno_identity::SigningKey;
    use zeroize::Zeroizing;

    use super::*;

    fn key(number: u8) -> SigningKey {
        SigningKey::from_seed(&Zeroizing::new([number; 32]))
    }

    fn candidates(numbers: impl IntoIterator<Item = u8>) -> Vec<Candidate> {
        let one = |number: u8| Candidate { name: format!("s{number}"), key: key(number).public() };
        numbers.into_iter().map(one).collect()
    }

    fn next(
        in_force: Option<&RatifiedCharter>,
        numbers: impl IntoIterator<Item = u8>,
        wish: Wish,
    ) -> Result<Charter, NoProposal> {
        propose("North", key(99).public(), in_force, candidates(numbers), wish)
    }

    fn consent(charter: &Charter, site: u16, number: u8) -> CharterConsent {
        let site = SiteIndex::new(site).unwrap();
        let signature = key(number).sign(&consent_digest(charter, site));
        CharterConsent { site, signature }
    }

    fn founded(numbers: std::ops::RangeInclusive<u8>) -> RatifiedCharter {
        let charter = next(None, numbers.clone(), Wish::default()).unwrap();
        let mut pending = Pending { charter, consents: Vec::new(), bound: SiteSet::default() };
        for number in numbers {
            assert_eq!(pending.ratified(None), None, "all must sign");
            let consent = consent(&pending.charter, number.into(), number);
            assert_eq!(pending.take(consent, None), Ok(true));
            assert_eq!(pending.take(consent, None), Ok(false));
        }
        pending.ratified(None).unwrap()
    }

    fn numbers(charter: &Charter) -> (u16, u16, u16) {
        let fields = charter.fields();
        (fields.corrupt, fields.quorum, fields.policy.minimum_sites)
    }

    #[test]
    fn numbers_that_nobody_asks_for_are_the_smallest_that_protect() {
        assert_eq!(numbers(&next(None, 1..=3, Wish::default()).unwrap()), (0, 2, 3));
        assert_eq!(numbers(&next(None, 1..=4, Wish::default()).unwrap()), (1, 3, 4));
        assert_eq!(numbers(&next(None, 1..=10, Wish::default()).unwrap()), (1, 6, 4));
        let wish = Wish { corrupt: Some(2), quorum: Some(8), minimum_sites: Some(7) };
        assert_eq!(numbers(&next(None, 1..=10, wish).unwrap()), (2, 8, 7));
        let few = next(None, 1..=2, Wish::default());
        assert!(matches!(few, Err(NoProposal::Charter(BadCharter::TooFewSites(2)))), "{few:?}");
    }

    #[test]
    fn an_index_stays_with_its_site_and_is_never_given_again() {
        let first = founded(1..=4);
        let without = next(Some(&first), [1, 2, 4, 5], Wish::default()).unwrap();
        let indices: Vec<_> = without.fields().sites.iter().map(|s| s.index.get()).collect();
        assert_eq!((indices, without.fields().next_index), (vec![1, 2, 4, 5], 6));
        assert_eq!(without.fields().previous, Some(first.digest()));
    }

    /// Check H1: no site would sign it.
    #[test]
    fn what_cannot_follow_is_not_proposed() {
        let first = founded(1..=4);
        let mut renamed = candidates(1..=4);
        renamed[1].name = "another".into();
        let own = key(99).public();
        for (federation, candidates) in [("North", renamed), ("South", candidates(1..=5))] {
            let next = propose(federation, own, Some(&first), candidates, Wish::default());
            assert!(matches!(next, Err(NoProposal::Succession(_))), "{next:?}");
        }
    }

    #[test]
    fn indices_end_with_a_reason_and_never_begin_anew() {
        let fields = founded(1..=4).charter().fields().clone();
        let full = Charter::new(CharterFields { next_index: u16::MAX, ..fields }).unwrap();
        let consents = (1..=4).map(|number| consent(&full, number.into(), number)).collect();
        let full = RatifiedCharter::found(full, consents).unwrap();
        let more = next(Some(&full), 1..=5, Wish::default());
        assert_eq!(more, Err(NoProposal::NoIndex));
        let fewer = next(Some(&full), [1, 2, 4, 5], Wish::default());
        assert_eq!(fewer, Err(NoProposal::NoIndex), "the index of a site that left is not free");
        let wish = Wish { quorum: Some(4), ..Wish::default() };
        assert_eq!(next(Some(&full), 1..=4, wish).unwrap().fields().next_index, u16::MAX);
    }

    #[test]
    fn later_versions_come_into_force_by_a_quorum_of_those_before() {
        let first = founded(1..=4);
        let charter = next(Some(&first), [1, 2, 3, 4, 5], Wish::default()).unwrap();
        let mut pending = Pending { charter, consents: Vec::new(), bound: SiteSet::default() };
        let newcomer = consent(&pending.charter, 5, 5);
        assert!(pending.take(newcomer, Some(&first)).is_err(), "it is not in the one in force");
        let stolen = CharterConsent { site: SiteIndex::new(1).unwrap(), ..newcomer };
        assert!(pending.take(stolen, Some(&first)).is_err());
        for number in [3, 1] {
            pending.take(consent(&pending.charter, number.into(), number), Some(&first)).unwrap();
            assert_eq!(pending.ratified(Some(&first)), None);
        }
        assert!(pending.may_be_replaced(Some(&first), &SiteSet::default()).is_err());
        pending.take(consent(&pending.charter, 2, 2), Some(&first)).unwrap();
        assert_eq!(pending.ratified(Some(&first)).unwrap().sites().len(), 5);
    }

    #[test]
    fn what_protects_is_never_lowered_unasked() {
        let first = founded(1..=4);
        let fewer = next(Some(&first), 1..=3, Wish::default());
        assert_eq!(fewer, Err(NoProposal::TooFewLeft { sites: 3, corrupt: 1 }));
        let said = fewer.unwrap_err().to_string();
        assert!(said.contains("type: charter propose --corrupt 0"), "{said}");
        let too_few = next(Some(&first), 1..=2, Wish::default());
        assert_eq!(too_few, Err(NoProposal::NoneLeft { sites: 2 }));
        assert!(too_few.unwrap_err().to_string().contains("no study runs any more"));
        let asked = Wish { corrupt: Some(0), ..Wish::default() };
        assert_eq!(numbers(&next(Some(&first), 1..=3, asked).unwrap()), (0, 2, 3));
        let same = next(Some(&first), 1..=4, Wish::default());
        assert_eq!(same, Err(NoProposal::Unchanged));
    }

    #[test]
    fn a_site_with_another_key_is_no_member() {
        let row = |number: u8, key: Option<PublicKey>| SiteRow {
            key,
            ..SiteRow::enrolled(&format!("s{number}"))
        };
        let rows = [row(1, Some(key(1).public())), row(2, Some(key(9).public())), row(3, None)];
        let one = SiteIndex::new(1).unwrap();
        assert_eq!(members(&founded(1..=3), &rows), [("s1".to_owned(), one)]);
    }

    #[test]
    fn one_signature_does_not_freeze_a_later_proposal() {
        let (first, nobody) = (founded(1..=5), SiteSet::default());
        let charter = next(Some(&first), 1..=6, Wish::default()).unwrap();
        let mut pending = Pending { charter, consents: Vec::new(), bound: SiteSet::default() };
        assert_eq!(pending.needed(Some(&first)), 4);
        pending.take(consent(&pending.charter, 1, 1), Some(&first)).unwrap();
        assert_eq!(pending.may_be_replaced(Some(&first), &nobody), Ok(()));
        let revoked = SiteIndex::new(2).into_iter().collect();
        let one_less = pending.may_be_replaced(Some(&first), &revoked);
        assert!(matches!(one_less, Err(NoProposal::Signed { signed: 1, needed: 4, .. })));
        // Who has signed the one before signs none in its place.
        let charter = next(Some(&first), [1, 2, 3, 4, 5, 7], Wish::default()).unwrap();
        let mut other = Pending { charter, consents: Vec::new(), bound: pending.all_bound() };
        assert_eq!(other.may_be_replaced(Some(&first), &nobody), Ok(()));
        other.take(consent(&other.charter, 2, 2), Some(&first)).unwrap();
        assert!(other.may_be_replaced(Some(&first), &nobody).is_err());
    }

    #[test]
    fn a_signed_first_version_says_what_to_do() {
        let charter = next(None, 1..=3, Wish::default()).unwrap();
        let mut pending = Pending { charter, consents: Vec::new(), bound: SiteSet::default() };
        assert_eq!(pending.may_be_replaced(None, &SiteSet::default()), Ok(()));
        pending.take(consent(&pending.charter, 1, 1), None).unwrap();
        let error = pending.may_be_replaced(None, &SiteSet::default()).unwrap_err();
        assert!(error.to_string().contains("another name"), "{error}");
        let revoked = SiteIndex::new(1).into_iter().collect();
        assert_eq!(pending.may_be_replaced(None, &revoked), Ok(()));
    }

    #[test]
    fn a_proposal_that_cannot_follow_is_never_shown() {
        let first = founded(1..=4);
        let mut renamed = candidates(1..=4);
        renamed[0].name = "other".to_owned();
        let error = propose("North", key(99).public(), Some(&first), renamed, Wish::default());
        assert!(matches!(error, Err(NoProposal::Succession(_))), "{error:?}");
        let error =
            propose("South", key(99).public(), Some(&first), candidates(1..=5), Wish::default());
        assert!(matches!(error, Err(NoProposal::Succession(_))), "{error:?}");
    }
}
