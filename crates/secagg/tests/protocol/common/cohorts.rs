//! A federation of more sites than one cohort holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripieno_identity::SigningKey;
use ripieno_secagg::cohort::{
    CohortSum, CommitList, Committed, Draw, DrawCommit, Evidence, Reveal, Revealed, Vouched,
};
use ripieno_secagg::round::publish::verify_receipt;
use ripieno_secagg::{Party, Roster};
use ripieno_study::{Contract, Digest, Membership, Packing, SiteIndex};

use super::scene::Scene;
use super::study::{self, Study};
use super::world::World;

/// Sites that have committed.
pub(crate) struct Drawing {
    pub(crate) world: World,
    pub(crate) study: Digest,
    pub(crate) committed: BTreeMap<SiteIndex, Committed>,
}

impl Drawing {
    /// W1 at sites 1 to n, one of which may be corrupt.
    pub(crate) fn new(n: u16) -> Self {
        let mut world = World::new(n, 1);
        let study = Study::new(1, Membership::Fixed, study::plan(Packing::Four, 1)).digest;
        let mut committed = BTreeMap::new();
        for (site, member) in &world.members {
            let party = member.party.clone();
            committed.insert(*site, Committed::new(party, study, &mut world.rng));
        }
        Self { world, study, committed }
    }

    pub(crate) fn commits(&self) -> Vec<DrawCommit> {
        self.committed.values().map(|committed| committed.commit().clone()).collect()
    }

    /// W2 with nothing amiss.
    pub(crate) fn list(&self) -> CommitList {
        CommitList::verify(&self.world.roster, self.study, self.commits()).expect("honest sites")
    }

    /// W2 and W3 at every site.
    pub(crate) fn reveal(self, list: &CommitList) -> (World, BTreeMap<SiteIndex, Revealed>) {
        let reveal = |(site, committed): (SiteIndex, Committed)| {
            (site, committed.reveal(list).expect("an honest list"))
        };
        (self.world, self.committed.into_iter().map(reveal).collect())
    }
}

pub(crate) fn reveals(revealed: &BTreeMap<SiteIndex, Revealed>) -> Vec<Reveal> {
    revealed.values().map(Revealed::reveal).collect()
}

/// W1 to W4 with nothing amiss: the draw, and every site in its cohort.
pub(crate) fn drawn(n: u16) -> (World, Draw, BTreeMap<SiteIndex, Party>) {
    let drawing = Drawing::new(n);
    let list = drawing.list();
    let (world, revealed) = drawing.reveal(&list);
    let draw = Draw::new(&list, 1, &reveals(&revealed)).expect("honest reveals");
    let join = |(site, state): (SiteIndex, Revealed)| (site, state.join(&draw).expect("honest"));
    let parties = revealed.into_iter().map(join).collect();
    (world, draw, parties)
}

/// All cohorts after a round, each with its sum opened and vouched for by its sites.
pub(crate) struct Opened {
    pub(crate) roster: Arc<Roster>,
    pub(crate) coordinator: SigningKey,
    pub(crate) draw: Draw,
    pub(crate) sums: Vec<CohortSum>,
    pub(crate) vouched: Vec<BTreeMap<SiteIndex, Vouched>>,
    pub(crate) keys: BTreeMap<SiteIndex, Arc<SigningKey>>,
}

/// A round of 130 sites in two cohorts, with nothing amiss.
pub(crate) fn opened() -> Opened {
    let (mut world, draw, mut parties) = drawn(130);
    let keys = world.members.iter().map(|(site, member)| (*site, member.key.clone())).collect();
    let mut opened = Vec::new();
    for (number, sites) in draw.cohorts() {
        let roster = Arc::new(draw.roster(&world.roster, number).expect("a cohort of the draw"));
        let members = sites.iter().map(|site| {
            let mut member = world.members.remove(&site).expect("a member");
            member.party = parties.remove(&site).expect("it joined");
            (site, member)
        });
        let mut cohort = World { members: members.collect(), ..World::with_sites([], 1, 7) };
        cohort.roster = roster;
        opened.push(open(cohort, draw.study(), number));
    }
    let (sums, vouched) = opened.into_iter().unzip();
    Opened { roster: world.roster, coordinator: world.coordinator, draw, sums, vouched, keys }
}

/// E1 to R5 in one cohort.
fn open(mut world: World, study: Digest, number: u32) -> (CohortSum, BTreeMap<SiteIndex, Vouched>) {
    let run = world.set_up(1, 1);
    let plan = study::plan(Packing::Four, 130);
    let study = Study { digest: study, ..Study::new(1, Membership::Fixed, plan) };
    let mut scene = Scene { world, run, study };
    let all = scene.all();
    let contract = Contract { cohort: number, ..scene.contract(0) };
    let mut slot = scene.started_with(contract);
    scene.collect(&mut slot, &all);
    let deciding = slot.collecting.propose().expect("enough survivors");
    let opening = scene.certify(deciding, &all);
    let opened = scene.opened(opening, &slot.spool);
    let uploads = opened.uploads(&slot.spool).expect("they are spooled");
    let contract = &opened.signed().contract;
    let Roster { charter, .. } = *scene.world.roster;
    let receipt = opened.receipt(&charter, &scene.world.coordinator, contract.state, 1);
    let vouch = |site: SiteIndex| {
        let epoch = &scene.run.epochs[&site];
        let own = epoch.own_trailer(0).cloned();
        let (roster, transcript) = (&scene.world.roster, scene.run.transcript());
        let verified = verify_receipt(roster, transcript, contract, own.as_ref(), &receipt);
        let verified = verified.expect("an honest receipt");
        let evidence = Evidence::Uploads(&uploads);
        let vouched = verified.vouch(epoch.party(), opened.sum(), evidence);
        (site, vouched.expect("an honest sum"))
    };
    let vouched: BTreeMap<_, _> = all.iter().take(3).map(vouch).collect();
    let sum = CohortSum {
        contract: contract.clone(),
        outcome: receipt.certificate.outcome.clone(),
        lanes: opened.sum().to_vec(),
        words: vouched.values().map(|vouched| *vouched.word()).collect(),
    };
    (sum, vouched)
}
