//! Operation lists: what becomes of each site's message at each step of one slot.

use proptest::prelude::*;
use ripieno_secagg::params::Parameters;
use ripieno_study::{Membership, Packing, SiteIndex, SiteSet};

use super::site;

/// A step at which a site sends something, or is sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Advert,
    Bundles,
    Acceptance,
    Contract,
    Upload,
    Ballot,
    Release,
}

/// What becomes of a site's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Sent,
    Dropped,
    Twice,
    /// Of an upload: the tiles without the trailer.
    Partial,
    /// Of an upload: after the survivors were chosen.
    Late,
}

/// One slot from E1 to its end. Whatever is not in `faults` goes well; all messages of a step come
/// in an order drawn from `order`.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) sites: Vec<SiteIndex>,
    pub(crate) corrupt: u16,
    pub(crate) membership: Membership,
    pub(crate) packing: Packing,
    pub(crate) outside: SiteSet,
    pub(crate) faults: Vec<(SiteIndex, Step, Fate)>,
    pub(crate) order: u64,
}

/// How a slot ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Too few adverts.
    NoEpoch,
    /// Too few participants.
    NoRound,
    /// A VOID certificate: the slot is dead.
    Void,
    /// Neither certificate: the slot waits.
    Unresolved,
    /// A certificate, but fewer than t releases at first.
    Stalled(SiteSet),
    /// The sum of these sites.
    Opened(SiteSet),
}

impl Script {
    pub(crate) fn fate(&self, site: SiteIndex, step: Step) -> Fate {
        let fault = self.faults.iter().find(|(s, at, _)| (*s, *at) == (site, step));
        fault.map_or(Fate::Sent, |(_, _, fate)| *fate)
    }

    fn passes(&self, sites: &SiteSet, step: Step) -> SiteSet {
        let fine = |site: &SiteIndex| matches!(self.fate(*site, step), Fate::Sent | Fate::Twice);
        sites.iter().filter(fine).collect()
    }

    /// How the slot must end, counted by the rules alone.
    pub(crate) fn ending(&self) -> Ending {
        let all: SiteSet = self.sites.iter().copied().collect();
        let holders = self.passes(&all, Step::Advert);
        let Ok(params) = Parameters::new(holders.len(), self.corrupt, 1) else {
            return Ending::NoEpoch;
        };
        let (t, v) = (usize::from(params.threshold()), usize::from(params.void_quorum()));
        let joined = self.passes(&holders, Step::Acceptance);
        let dealers = self.passes(&holders, Step::Bundles);
        let wanted = joined.difference(&self.outside);
        let participants = match joined.len() < t {
            true => SiteSet::default(),
            false => wanted.iter().filter(|site| dealers.contains(*site)).collect(),
        };
        let minimum = usize::from(params.minimum(0));
        if participants.len() < minimum {
            return Ending::NoRound;
        }
        let started = self.passes(&participants, Step::Contract);
        let survivors = self.passes(&started, Step::Upload);
        let asked = self.passes(&joined, Step::Ballot);
        let enough = survivors.len() >= minimum
            && (self.membership == Membership::MayChange || survivors == participants);
        if enough && asked.len() >= t {
            let released = self.passes(&joined, Step::Release);
            return match released.len() >= t {
                true => Ending::Opened(survivors),
                false => Ending::Stalled(survivors),
            };
        }
        let void = if enough { joined.len() - asked.len() } else { asked.len() };
        if void >= v { Ending::Void } else { Ending::Unresolved }
    }
}

const STEPS: [Step; 7] = [
    Step::Advert,
    Step::Bundles,
    Step::Acceptance,
    Step::Contract,
    Step::Upload,
    Step::Ballot,
    Step::Release,
];

/// A fault at one of `steps`.
fn fault(
    sites: Vec<SiteIndex>,
    steps: &'static [Step],
) -> impl Strategy<Value = (SiteIndex, Step, Fate)> {
    use Fate::{Dropped, Late, Partial, Twice};
    let places = (prop::sample::select(sites), prop::sample::select(steps));
    places.prop_flat_map(|(site, step)| {
        let fates = match step {
            Step::Upload => vec![Dropped, Twice, Partial, Late],
            _ => vec![Dropped, Twice],
        };
        (Just(site), Just(step), prop::sample::select(fates))
    })
}

/// Faults all over, after the set-up, or at the end.
fn faults(sites: &[SiteIndex]) -> impl Strategy<Value = Vec<(SiteIndex, Step, Fate)>> + use<> {
    let some = |steps| prop::collection::vec(fault(sites.to_vec(), steps), 0..=sites.len());
    prop_oneof![some(&STEPS), some(&STEPS[3..]), some(&STEPS[5..6]), some(&STEPS[6..])]
}

/// 3 to 12 sites with any c that they allow, and up to as many faults as sites.
pub(crate) fn scripts() -> impl Strategy<Value = Script> {
    let numbers = (3_u16..=12).prop_flat_map(|n| (Just(n), 0..=n - 3, 1_u16..=20));
    numbers.prop_flat_map(|(n, corrupt, gap)| {
        // Charter indices with gaps, so that no position passes for an index.
        let sites: Vec<_> = (0..n).map(|i| site(1 + i * gap)).collect();
        let count = sites.len();
        let packing = vec![Packing::One, Packing::Two, Packing::Three, Packing::Four];
        let outside = prop::sample::subsequence(sites.clone(), 0..=count / 4);
        let faults = faults(&sites);
        (
            Just((sites, corrupt)),
            prop::sample::select(vec![Membership::Fixed, Membership::MayChange]),
            prop::sample::select(packing),
            outside,
            faults,
            any::<u64>(),
        )
            .prop_map(|((sites, corrupt), membership, packing, outside, faults, order)| {
                let outside = outside.into_iter().collect();
                Script { sites, corrupt, membership, packing, outside, faults, order }
            })
    })
}
