//! E1 to E4 of one cohort.

use std::collections::BTreeMap;
use std::mem::replace;
use std::sync::Arc;

use ripieno_secagg::Roster;
use ripieno_secagg::coordinator::{Epoch, Gathering};
use ripieno_secagg::epoch::Advertised;
use ripieno_secagg::epoch::advertise::{Announcement, Numbers};
use ripieno_study::SiteIndex;
use ripieno_wire::{FromSite, ToSite};

use crate::cohorts::member::{Member, Stage};
use crate::error::SimulationError;

/// A cohort with its sites.
pub(super) struct Cohort {
    pub(super) number: u32,
    pub(super) roster: Arc<Roster>,
    pub(super) members: BTreeMap<SiteIndex, Member>,
    /// Number of the last epoch.
    epoch: u64,
}

impl Cohort {
    pub(super) fn new(number: u32, roster: Arc<Roster>) -> Self {
        Self { number, roster, members: BTreeMap::new(), epoch: 0 }
    }

    /// A new epoch of so many slots, which all sites join.
    pub(super) fn set_up(&mut self, slots: u16) -> Result<Epoch, SimulationError> {
        let last = self.epoch;
        self.epoch = last.saturating_add(1);
        let announced = Announcement { epoch: self.epoch, slots };
        let mut gathering = Gathering::new(Arc::clone(&self.roster), announced);
        let bytes = ToSite::Announce(announced).encode();
        for member in self.members.values_mut() {
            let ToSite::Announce(announced) = member.down(&bytes)? else { return stuck() };
            let (party, head) = (member.party.clone(), member.ledger.head());
            let numbers = Numbers { last, before: 0 };
            let advertised = Advertised::new(party, announced, numbers, head, &mut member.rng)?;
            let advertised = advertised.witnessed(&member.witness);
            let FromSite::Advert(advert) =
                member.up(&FromSite::Advert(advertised.advert().clone()))?
            else {
                return stuck();
            };
            gathering.receive(advert)?;
            member.stage = Stage::Advertised(Box::new(advertised));
        }
        self.share(gathering)
    }

    fn share(&mut self, gathering: Gathering) -> Result<Epoch, SimulationError> {
        let Announcement { epoch, slots } = gathering.announced();
        let mut sharing = gathering.close()?;
        let adverts = sharing.transcript().adverts().map(|(_, advert)| advert.clone()).collect();
        let bytes = ToSite::Adverts { epoch, slots, adverts }.encode();
        for (site, member) in &mut self.members {
            let ToSite::Adverts { adverts, .. } = member.down(&bytes)? else { return stuck() };
            let Stage::Advertised(advertised) = replace(&mut member.stage, Stage::Idle) else {
                return stuck();
            };
            let dealt = advertised.share(adverts, &mut member.witness, &mut member.rng)?;
            let FromSite::Bundles(bundles) =
                member.up(&FromSite::Bundles(dealt.bundles().to_vec()))?
            else {
                return stuck();
            };
            sharing.receive(*site, bundles)?;
            member.stage = Stage::Dealt(Box::new(dealt));
        }
        let bundles: Vec<_> = self
            .members
            .keys()
            .map(|site| ToSite::Bundles { epoch, bundles: sharing.bundles_for(*site) }.encode())
            .collect();
        let mut accepting = sharing.close();
        for (member, bytes) in self.members.values_mut().zip(bundles) {
            let ToSite::Bundles { bundles, .. } = member.down(&bytes)? else { return stuck() };
            let Stage::Dealt(dealt) = replace(&mut member.stage, Stage::Idle) else {
                return stuck();
            };
            let (accepted, faults) = dealt.accept(&bundles);
            if let Some(fault) = faults.into_iter().next() {
                return Err(fault.into());
            }
            let FromSite::Acceptance(acceptance) =
                member.up(&FromSite::Acceptance(accepted.acceptance().clone()))?
            else {
                return stuck();
            };
            accepting.receive(acceptance)?;
            member.stage = Stage::Accepted(Box::new(accepted));
        }
        let relay = accepting.close();
        let bytes = ToSite::Acceptances { epoch, acceptances: relay.acceptances() }.encode();
        for member in self.members.values_mut() {
            let ToSite::Acceptances { acceptances, .. } = member.down(&bytes)? else {
                return stuck();
            };
            let Stage::Accepted(accepted) = replace(&mut member.stage, Stage::Idle) else {
                return stuck();
            };
            member.stage = Stage::Joined(Box::new(accepted.join(acceptances)?));
        }
        Ok(relay)
    }

    /// All sites leave their epoch: its secrets are erased.
    pub(super) fn leave(&mut self) {
        self.members.values_mut().for_each(|member| member.stage = Stage::Idle);
    }
}

/// A message came back as another one: the program contradicts itself.
fn stuck<T>() -> Result<T, SimulationError> {
    Err(SimulationError::Stuck)
}
