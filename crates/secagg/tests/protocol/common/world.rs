//! The members of a federation and how they set up an epoch.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use ripieno_identity::SigningKey;
use ripieno_secagg::coordinator;
use ripieno_secagg::epoch::advertise::{Announcement, Numbers};
use ripieno_secagg::epoch::{Accepted, Advert, Advertised, Dealt, Epoch, Transcript};
use ripieno_secagg::witness::Witness;
use ripieno_secagg::{Ledger, Party, Roster};
use ripieno_study::SiteIndex;
use zeroize::Zeroizing;

use super::tape::Tape;
use super::{digest, site};

/// What a site keeps over all epochs.
pub(crate) struct Member {
    pub(crate) party: Party,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) ledger: Ledger<Tape>,
    pub(crate) witness: Witness<Tape>,
    pub(crate) ledger_tape: Tape,
    pub(crate) witness_tape: Tape,
    pub(crate) last: u64,
}

/// A federation.
pub(crate) struct World {
    pub(crate) roster: Arc<Roster>,
    pub(crate) coordinator: SigningKey,
    pub(crate) members: BTreeMap<SiteIndex, Member>,
    pub(crate) rng: ChaCha20Rng,
}

/// An epoch in use: the coordinator's side and each site's.
pub(crate) struct Run {
    pub(crate) relay: coordinator::Epoch,
    pub(crate) epochs: BTreeMap<SiteIndex, Epoch>,
}

pub(crate) type PerSite<T> = BTreeMap<SiteIndex, T>;

impl World {
    /// Sites 1 to n of which c may be corrupt.
    pub(crate) fn new(n: u16, c: u16) -> Self {
        Self::with_sites((1..=n).map(site), c, 1)
    }

    pub(crate) fn with_sites(
        sites: impl IntoIterator<Item = SiteIndex>,
        c: u16,
        seed: u64,
    ) -> Self {
        let keys: PerSite<_> = sites.into_iter().map(|site| (site, Arc::new(key(site)))).collect();
        let coordinator = SigningKey::from_seed(&Zeroizing::new([0xcc; 32]));
        let roster = Arc::new(Roster {
            charter: digest(0xc4),
            federation: "north-sea".into(),
            corrupt: c,
            coordinator: coordinator.public(),
            sites: keys.iter().map(|(site, key)| (*site, key.public())).collect(),
            cohort: None,
        });
        let member = |(site, key): (SiteIndex, Arc<SigningKey>)| {
            let party = Party::new(site, key.clone(), roster.clone()).expect("it is listed");
            let (ledger_tape, witness_tape) = (Tape::default(), Tape::default());
            let ledger = Ledger::open(ledger_tape.clone(), &[]).expect("it is empty");
            let witness = Witness::open(witness_tape.clone(), &[]).expect("it is empty");
            (site, Member { party, key, ledger, witness, ledger_tape, witness_tape, last: 0 })
        };
        let members = keys.into_iter().map(member).collect();
        Self { roster, coordinator, members, rng: ChaCha20Rng::seed_from_u64(seed) }
    }

    pub(crate) fn sites(&self) -> Vec<SiteIndex> {
        self.members.keys().copied().collect()
    }

    pub(crate) fn member(&mut self, index: u16) -> &mut Member {
        self.members.get_mut(&site(index)).expect("a member")
    }

    /// E1 at one site.
    pub(crate) fn advertise(&mut self, site: SiteIndex, announced: Announcement) -> Advertised {
        let member = self.members.get_mut(&site).expect("a member");
        let (party, head) = (member.party.clone(), member.ledger.head());
        let numbers = Numbers { last: member.last, before: 0 };
        let advertised = Advertised::new(party, announced, numbers, head, &mut self.rng);
        member.last = announced.epoch;
        advertised.expect("a new epoch").witnessed(&member.witness)
    }

    /// E1 at every site.
    pub(crate) fn advertise_all(&mut self, announced: Announcement) -> PerSite<Advertised> {
        self.sites().into_iter().map(|site| (site, self.advertise(site, announced))).collect()
    }

    /// E2 at one site.
    pub(crate) fn share(
        &mut self,
        site: SiteIndex,
        advertised: Advertised,
        adverts: Vec<Advert>,
    ) -> Result<Dealt, ripieno_secagg::ledger::LedgerError> {
        let member = self.members.get_mut(&site).expect("a member");
        advertised.share(adverts, &mut member.witness, &mut self.rng)
    }

    /// E1 and E2, with nothing amiss.
    pub(crate) fn deal_all(&mut self, announced: Announcement) -> PerSite<Dealt> {
        let advertised = self.advertise_all(announced);
        let adverts = adverts_of(&advertised);
        let share = |(site, advertised)| {
            let dealt = self.share(site, advertised, adverts.clone());
            (site, dealt.expect("honest adverts"))
        };
        advertised.into_iter().map(share).collect()
    }

    /// E1 to E3, with nothing amiss.
    pub(crate) fn accept_all(&mut self, announced: Announcement) -> PerSite<Accepted> {
        let dealt = self.deal_all(announced);
        accept_everywhere(dealt)
    }

    /// E1 to E4, with nothing amiss.
    pub(crate) fn set_up(&mut self, epoch: u64, slots: u16) -> Run {
        let announced = Announcement { epoch, slots };
        let advertised = self.advertise_all(announced);
        self.finish_set_up(announced, advertised)
    }

    /// E2 to E4 after an E1.
    pub(crate) fn finish_set_up(
        &mut self,
        announced: Announcement,
        advertised: PerSite<Advertised>,
    ) -> Run {
        let mut gathering = coordinator::Gathering::new(self.roster.clone(), announced);
        for advert in adverts_of(&advertised) {
            gathering.receive(advert).expect("an honest advert");
        }
        let mut sharing = gathering.close().expect("enough adverts");
        let adverts: Vec<_> =
            sharing.transcript().adverts().map(|(_, advert)| advert.clone()).collect();
        let mut dealt = BTreeMap::new();
        for (site, advertised) in advertised {
            let state = self.share(site, advertised, adverts.clone()).expect("honest adverts");
            sharing.receive(site, state.bundles().to_vec()).expect("honest bundles");
            dealt.insert(site, state);
        }
        let bundles: PerSite<_> =
            dealt.keys().map(|site| (*site, sharing.bundles_for(*site))).collect();
        let mut accepting = sharing.close();
        let mut accepted = BTreeMap::new();
        for (site, dealt) in dealt {
            let (state, faults) = dealt.accept(&bundles[&site]);
            assert!(faults.is_empty(), "{faults:?}");
            accepting.receive(state.acceptance().clone()).expect("an honest acceptance");
            accepted.insert(site, state);
        }
        let relay = accepting.close();
        let epochs = join_everywhere(accepted, &relay);
        Run { relay, epochs }
    }
}

/// The key of a site: always the same.
fn key(site: SiteIndex) -> SigningKey {
    let [low, high] = site.get().to_le_bytes();
    let mut seed = Zeroizing::new([7; 32]);
    seed[..2].copy_from_slice(&[low, high]);
    SigningKey::from_seed(&seed)
}

pub(crate) fn adverts_of(advertised: &PerSite<Advertised>) -> Vec<Advert> {
    advertised.values().map(|advertised| advertised.advert().clone()).collect()
}

/// E3 at every site, each with all bundles for it.
pub(crate) fn accept_everywhere(dealt: PerSite<Dealt>) -> PerSite<Accepted> {
    let bundles: Vec<_> =
        dealt.values().flat_map(|dealt| dealt.bundles().iter().cloned()).collect();
    let accept = |(site, dealt): (SiteIndex, Dealt)| {
        let own: Vec<_> = bundles.iter().filter(|b| b.to == site).cloned().collect();
        let (accepted, faults) = dealt.accept(&own);
        assert!(faults.is_empty(), "{faults:?}");
        (site, accepted)
    };
    dealt.into_iter().map(accept).collect()
}

fn join_everywhere(accepted: PerSite<Accepted>, relay: &coordinator::Epoch) -> PerSite<Epoch> {
    let join = |(site, accepted): (SiteIndex, Accepted)| {
        (site, accepted.join(relay.acceptances()).expect("honest acceptances"))
    };
    accepted.into_iter().map(join).collect()
}

impl Run {
    pub(crate) fn transcript(&self) -> &Transcript {
        self.relay.transcript()
    }

    pub(crate) fn epoch(&mut self, index: u16) -> &mut Epoch {
        self.epochs.get_mut(&site(index)).expect("a member of the epoch")
    }
}
