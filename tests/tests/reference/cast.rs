//! The members of the whole round, and what they say in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripieno_secagg::coordinator::{
    self, Accepting, Collecting, Deciding, Gathering, MemorySpool, Opening, Sharing,
};
use ripieno_secagg::epoch::advertise::{Announcement, Numbers};
use ripieno_secagg::epoch::{Acceptance, Accepted, Advert, Advertised, Bundle, Dealt, Epoch};
use ripieno_secagg::journal::{Journal, JournalError};
use ripieno_secagg::round::open::Release;
use ripieno_secagg::round::outcome::{Ballot, Certificate, Outcome, Proposal, Vote};
use ripieno_secagg::round::publish::Receipt;
use ripieno_secagg::round::start::{Approved, SignedContract};
use ripieno_secagg::round::tiles;
use ripieno_secagg::round::upload::Trailer;
use ripieno_secagg::witness::Witness;
use ripieno_secagg::{Ledger, Party, Roster};
use ripieno_study::{Digest, SiteIndex};

use crate::messages::{advert, bundle, contract, release, secrets, signatures_of, trailer};
use crate::people::charter;
use crate::support::{Drawn, Vector, file};

/// A journal that keeps nothing: no site restarts here.
#[derive(Debug)]
pub(crate) struct Nowhere;

impl Journal for Nowhere {
    fn append(&mut self, _: &[u8]) -> Result<(), JournalError> {
        Ok(())
    }
}

pub(crate) fn ledger() -> Ledger<Nowhere> {
    Ledger::open(Nowhere, &[]).expect("it is empty")
}

pub(crate) fn witness() -> Witness<Nowhere> {
    Witness::open(Nowhere, &[]).expect("it is empty")
}

/// The file of the round, with the members that it speaks of.
pub(crate) struct Cast {
    pub(crate) v: Vector,
    pub(crate) roster: Arc<Roster>,
}

impl Cast {
    pub(crate) fn new() -> Self {
        let v = file("round");
        let charter = charter(&v.at("charter")).expect("a good charter");
        assert_eq!(charter.digest(), v.digest("charter_digest"));
        let fields = charter.fields();
        let roster = Roster {
            charter: charter.digest(),
            federation: fields.federation.clone(),
            corrupt: fields.corrupt,
            coordinator: fields.coordinator,
            sites: fields.sites.iter().map(|site| (site.index, site.key)).collect(),
            cohort: None,
        };
        Self { v, roster: Arc::new(roster) }
    }

    pub(crate) fn epoch(&self) -> Vector {
        self.v.at("epoch")
    }

    pub(crate) fn round(&self) -> Vector {
        self.v.at("round")
    }

    pub(crate) fn sites(&self) -> Vec<SiteIndex> {
        self.roster.sites.keys().copied().collect()
    }

    pub(crate) fn announced(&self) -> Announcement {
        Announcement { epoch: self.epoch().get("number"), slots: self.epoch().get("slots") }
    }

    pub(crate) fn adverts(&self) -> Vec<Advert> {
        self.epoch()
            .list("adverts")
            .iter()
            .map(|one| advert(one, one.signature("signature")))
            .collect()
    }

    pub(crate) fn bundles(&self) -> Vec<Bundle> {
        self.epoch().list("bundles").iter().map(bundle).collect()
    }

    pub(crate) fn acceptances(&self) -> Vec<Acceptance> {
        self.epoch().list("acceptances").iter().map(acceptance).collect()
    }

    /// E1 at a site that draws what the reference drew.
    pub(crate) fn advertise(&self, site: SiteIndex) -> Advertised {
        let key = Arc::new(self.v.at("seeds").signer(site.get()));
        let party = Party::new(site, key, self.roster.clone()).expect("it is listed");
        let draws = self.epoch().at("draws").at(site.get());
        let mut bytes = draws.at("channel").hex();
        for slot in draws.list("slots") {
            ["root", "self", "local"].iter().for_each(|name| bytes.extend(slot.at(name).hex()));
        }
        let mut drawn = Drawn::new(bytes);
        let head = ledger().head();
        let numbers = Numbers { last: self.announced().epoch - 1, before: 0 };
        let advertised = Advertised::new(party, self.announced(), numbers, head, &mut drawn);
        drawn.assert_spent();
        advertised.expect("a new epoch")
    }

    /// E2 at that site.
    pub(crate) fn deal(&self, site: SiteIndex) -> Dealt {
        let draws = self.epoch().at("draws").at(site.get());
        let mut bytes = Vec::new();
        for slot in draws.list("slots") {
            for kind in ["root", "self"] {
                let coefficients = slot.at("coefficients");
                coefficients.list(kind).iter().for_each(|one| bytes.extend(one.hex()));
            }
        }
        let mut nonces = draws.by_site("nonces");
        nonces.sort_by_key(|(holder, _)| *holder);
        nonces.iter().for_each(|(_, nonce)| bytes.extend(nonce.hex()));
        let mut drawn = Drawn::new(bytes);
        let dealt = self.advertise(site).share(self.adverts(), &mut witness(), &mut drawn);
        drawn.assert_spent();
        dealt.expect("honest adverts")
    }

    /// E3 at that site.
    pub(crate) fn accept(&self, site: SiteIndex) -> Accepted {
        let own: Vec<_> = self.bundles().into_iter().filter(|bundle| bundle.to == site).collect();
        let (accepted, faults) = self.deal(site).accept(&own);
        assert!(faults.is_empty(), "{faults:?}");
        accepted
    }

    /// E4 at that site.
    pub(crate) fn join(&self, site: SiteIndex) -> Epoch {
        self.accept(site).join(self.acceptances()).expect("honest acceptances")
    }

    /// E1 to E4 at the coordinator.
    pub(crate) fn relay(&self) -> coordinator::Epoch {
        let mut accepting: Accepting = self.sharing().close();
        for acceptance in self.acceptances() {
            accepting.receive(acceptance).expect("an honest acceptance");
        }
        accepting.close()
    }

    fn sharing(&self) -> Sharing {
        let mut gathering = Gathering::new(self.roster.clone(), self.announced());
        for advert in self.adverts() {
            gathering.receive(advert).expect("an honest advert");
        }
        let mut sharing = gathering.close().expect("enough adverts");
        for dealer in self.sites() {
            let bundles: Vec<_> = self.bundles().into_iter().filter(|b| b.from == dealer).collect();
            sharing.receive(dealer, bundles).expect("honest bundles");
        }
        sharing
    }

    pub(crate) fn signed(&self) -> SignedContract {
        let contract = contract(&self.round().at("contract"));
        let signature = self.round().signature("contract_signature");
        SignedContract { contract, verdicts: Vec::new(), signature }
    }

    pub(crate) fn trailers(&self) -> BTreeMap<SiteIndex, Trailer> {
        let all = self.round().by_site("trailers");
        all.into_iter().map(|(site, one)| (site, trailer(&one))).collect()
    }

    pub(crate) fn masked(&self, site: SiteIndex) -> Vec<u64> {
        self.round().at("masked").lanes(&site.get().to_string())
    }

    pub(crate) fn proposal(&self) -> Proposal {
        let (survivors, trailers) = (self.round().set("survivors"), self.trailers());
        let trailers = survivors.iter().map(|site| trailers[&site].clone()).collect();
        Proposal { contract: self.signed(), survivors, trailers }
    }

    pub(crate) fn certificate(&self) -> Certificate {
        let outcome = Outcome::of(&self.proposal());
        Certificate { outcome, signatures: signatures_of(&self.round().list("ballots")) }
    }

    pub(crate) fn release(&self, site: SiteIndex) -> Release {
        let one = self.round().at("releases").at(site.get());
        release(&one, one.signature("signature"))
    }

    /// R1 and R2 at the coordinator: the survivors' uploads.
    pub(crate) fn collected(&self, spool: &mut MemorySpool) -> Deciding {
        let signed = self.signed();
        let mut collecting = Collecting::new(signed.clone());
        for site in self.round().set("survivors").iter() {
            let lanes = self.masked(site);
            for tile in tiles::tiles(&signed.contract.plan) {
                let tile_lanes = tile.of(&lanes).to_vec();
                collecting.tile(site, tile.number, tile_lanes, spool).expect("an honest tile");
            }
            let trailer = self.trailers()[&site].clone();
            collecting.trailer(&self.roster, trailer).expect("an honest trailer");
        }
        collecting.propose().expect("enough survivors")
    }

    /// R3 at the coordinator: everyone's ballot.
    pub(crate) fn opening(&self, spool: &mut MemorySpool) -> Opening {
        let (mut deciding, relay) = (self.collected(spool), self.relay());
        let certificate = self.certificate();
        for (from, signature) in certificate.signatures {
            let vote = Vote::Survivors(self.round().digest("outcome"));
            let ballot = Ballot { id: certificate.outcome.id, from, vote, signature };
            deciding.ballot(&self.roster, relay.transcript(), &ballot).expect("an honest ballot");
        }
        deciding.certify(relay.transcript()).expect("enough ballots")
    }

    pub(crate) fn receipt(&self) -> Receipt {
        let round = self.round();
        Receipt {
            certificate: self.certificate(),
            trailers: self.proposal().trailers,
            selfs: secrets(&round, "selfs"),
            roots: secrets(&round, "roots"),
            sum: round.digest("sum_digest"),
            next_state: round.digest("next_state"),
            at: round.get("time"),
            signature: round.signature("receipt_signature"),
        }
    }

    pub(crate) fn uploads(&self) -> BTreeMap<SiteIndex, Vec<u64>> {
        self.round().set("survivors").iter().map(|site| (site, self.masked(site))).collect()
    }
}

pub(crate) fn acceptance(v: &Vector) -> Acceptance {
    Acceptance {
        transcript: v.digest("transcript"),
        from: v.site("from"),
        dealers: v.set("dealers"),
        signature: v.signature("signature"),
    }
}

/// What a participant approved: the contract's own terms.
pub(crate) fn approved(contract: &ripieno_study::Contract) -> Approved<'_> {
    Approved {
        study: contract.study,
        lineage: Digest::from_bytes([1; 32]),
        fingerprint: None,
        round: contract.round,
        state: contract.state,
        plan: &contract.plan,
        membership: contract.membership,
        minimum_sites: contract.minimum,
        corrupt: 1,
        releases: 9,
        previous: None,
    }
}
