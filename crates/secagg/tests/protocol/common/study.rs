//! A study as a site has approved it, and one-hot vectors: site i adds 1 at position i.

use ripieno_secagg::round::publish::SumRecord;
use ripieno_secagg::round::start::Approved;
use ripieno_study::plan::{Clip, Encoding, InputSpec, Packing, Plan};
use ripieno_study::{Contract, Digest, Membership, Privacy, SiteIndex, SiteSet};

use super::digest;
use super::world::Run;

/// What every site knows of a study between rounds.
#[derive(Clone)]
pub(crate) struct Study {
    pub(crate) digest: Digest,
    pub(crate) lineage: Digest,
    pub(crate) fingerprint: Option<Digest>,
    pub(crate) plan: Plan,
    pub(crate) membership: Membership,
    pub(crate) minimum: u16,
    pub(crate) corrupt: u16,
    pub(crate) releases: u64,
    pub(crate) round: u32,
    pub(crate) state: Digest,
    pub(crate) previous: Option<SumRecord>,
}

impl Study {
    pub(crate) fn new(number: u64, membership: Membership, plan: Plan) -> Self {
        Self {
            digest: digest(1000 + number),
            lineage: digest(2000),
            fingerprint: Some(digest(2500)),
            plan,
            membership,
            minimum: 3,
            corrupt: 0,
            releases: 100,
            round: 1,
            state: digest(3000 + number),
            previous: None,
        }
    }

    pub(crate) fn approved(&self) -> Approved<'_> {
        Approved {
            study: self.digest,
            lineage: self.lineage,
            fingerprint: self.fingerprint,
            round: self.round,
            state: self.state,
            plan: &self.plan,
            membership: self.membership,
            minimum_sites: self.minimum,
            corrupt: self.corrupt,
            releases: self.releases,
            previous: self.previous.as_ref(),
        }
    }

    /// The contract that an honest coordinator offers.
    pub(crate) fn contract(&self, run: &Run, slot: u16, participants: SiteSet) -> Contract {
        let minimum = run.transcript().params().minimum(self.minimum);
        Contract {
            transcript: run.transcript().digest(),
            slot,
            cohort: 0,
            study: self.digest,
            round: self.round,
            participants,
            minimum,
            membership: self.membership,
            plan: self.plan.clone(),
            privacy: Privacy::NoNoise,
            state: self.state,
        }
    }

    /// After an opened sum: the next round, from the next state.
    pub(crate) fn advance(&mut self, next_state: Digest, record: SumRecord) {
        self.round += 1;
        self.state = next_state;
        self.previous = Some(record);
    }
}

/// A packed and a wide vector with a value for every index up to `length`, in that order.
pub(crate) fn plan(packing: Packing, length: u64) -> Plan {
    let packed = Encoding::Packed { packing, range: 1.0, clip: Clip::Refuse };
    let input = |name: &str, encoding| InputSpec { name: name.into(), length, encoding };
    let inputs = vec![input("gradient", packed), input("count", Encoding::Wide)];
    Plan { inputs, tile_lanes: 512 }
}

/// 1 in the packed field and −2^40 (that is −1.0) in the wide value at the site's position.
pub(crate) fn one_hot(plan: &Plan, sites: &SiteSet) -> Vec<u64> {
    let mut lanes = vec![0; usize::try_from(plan.lanes()).expect("a small plan")];
    sites.iter().for_each(|site| add_one(plan, site, &mut lanes));
    lanes
}

fn add_one(plan: &Plan, site: SiteIndex, lanes: &mut [u64]) {
    let position = usize::from(site.get() - 1);
    let mut base = 0;
    for input in &plan.inputs {
        match input.encoding {
            Encoding::Wide => {
                let minus_one = -(1_i128 << 40);
                let (low, high) = (minus_one as u64, (minus_one >> 64) as u64);
                lanes[base + 2 * position] = low;
                lanes[base + 2 * position + 1] = high;
            }
            Encoding::Packed { packing, .. } => {
                let (fields, width) = (packing.fields() as usize, packing.width());
                lanes[base + position / fields] += 1 << (width as usize * (position % fields));
            }
        }
        base += usize::try_from(input.lanes()).expect("a small plan");
    }
}
