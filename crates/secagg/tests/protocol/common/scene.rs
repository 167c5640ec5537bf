//! One slot of one study, step by step; each step can be taken by hand where a test breaks it.

use ripieno_secagg::coordinator::collect::{CollectError, sign_contract};
use ripieno_secagg::coordinator::open::{Opening, Reconstruction};
use ripieno_secagg::coordinator::{Collecting, Deciding, MemorySpool, Opened, Voiding};
use ripieno_secagg::ledger::{LedgerError, Standing};
use ripieno_secagg::round::open::Release;
use ripieno_secagg::round::outcome::{Ballot, Certificate, Proposal, VoidCertificate};
use ripieno_secagg::round::publish::{Receipt, verify_receipt};
use ripieno_secagg::round::start::SignedContract;
use ripieno_secagg::round::tiles;
use ripieno_secagg::round::upload::Upload;
use ripieno_study::{Contract, Digest, Membership, Refusal, SiteIndex, SiteSet};

use super::study::{self, Study};
use super::world::{Run, World};
use super::{digest, set, site};

/// A federation in an epoch with a study.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) run: Run,
    pub(crate) study: Study,
}

/// The coordinator's side of one slot up to R2.
pub(crate) struct Slot {
    pub(crate) signed: SignedContract,
    pub(crate) collecting: Collecting,
    pub(crate) spool: MemorySpool,
}

impl Scene {
    /// n sites of which c may be corrupt; an epoch of three slots; a study with 4 fields a lane.
    pub(crate) fn new(n: u16, c: u16, membership: Membership) -> Self {
        let mut world = World::new(n, c);
        let run = world.set_up(1, 3);
        let plan = study::plan(ripieno_study::Packing::Four, u64::from(n));
        Self { world, run, study: Study::new(1, membership, plan) }
    }

    pub(crate) fn all(&self) -> SiteSet {
        self.run.transcript().holders()
    }

    pub(crate) fn contract(&self, slot: u16) -> Contract {
        self.study.contract(&self.run, slot, self.all())
    }

    pub(crate) fn sign(&self, contract: Contract) -> SignedContract {
        sign_contract(&self.world.roster.charter, &self.world.coordinator, contract, Vec::new())
    }

    /// R1: the coordinator's side of a slot whose contract is `contract`.
    pub(crate) fn slot_with(&self, contract: Contract) -> Slot {
        self.slot_signed(self.sign(contract))
    }

    pub(crate) fn slot_signed(&self, signed: SignedContract) -> Slot {
        let collecting = Collecting::new(signed.clone());
        Slot { signed, collecting, spool: MemorySpool::default() }
    }

    /// R1 with an honest contract, brought to all sites.
    pub(crate) fn started(&mut self, slot: u16) -> Slot {
        self.started_with(self.contract(slot))
    }

    /// R1 with `contract`, brought to all sites.
    pub(crate) fn started_with(&mut self, contract: Contract) -> Slot {
        let slot = self.slot_with(contract);
        for site in self.all().iter() {
            self.start(site, &slot.signed).expect("an honest contract");
        }
        slot
    }

    /// R1 at one site, as participant where it is one.
    pub(crate) fn start(
        &mut self,
        site: SiteIndex,
        signed: &SignedContract,
    ) -> Result<Digest, Refusal> {
        let approved = self.study.approved();
        let takes_part = signed.contract.participants.contains(site);
        let (member, epoch) = (&self.world.members[&site], self.run.epochs.get_mut(&site));
        let approved = takes_part.then_some(&approved);
        epoch.expect("it joined").start(signed, approved, &member.ledger)
    }

    /// R2 at one site.
    pub(crate) fn upload(&mut self, site: SiteIndex, slot: u16) -> Result<Upload, LedgerError> {
        let lanes = study::one_hot(&self.study.plan, &[site].into_iter().collect());
        let member = self.world.members.get_mut(&site).expect("a member");
        let epoch = self.run.epochs.get_mut(&site).expect("it joined");
        epoch.upload(slot, &self.study.approved(), lanes, digest(9), &mut member.ledger)
    }

    /// R2: an upload of each of `sites` reaches the coordinator.
    pub(crate) fn collect(&mut self, slot: &mut Slot, sites: &SiteSet) {
        for site in sites.iter() {
            let upload = self.upload(site, slot.signed.contract.slot).expect("an honest upload");
            self.deliver(slot, &upload).expect("an honest upload");
        }
    }

    pub(crate) fn deliver(&self, slot: &mut Slot, upload: &Upload) -> Result<(), CollectError> {
        let from = upload.trailer.from;
        for tile in tiles::tiles(&slot.signed.contract.plan) {
            let lanes = tile.of(&upload.lanes).to_vec();
            slot.collecting.tile(from, tile.number, lanes, &mut slot.spool)?;
        }
        Ok(slot.collecting.trailer(&self.world.roster, upload.trailer.clone())?)
    }

    /// R1 to R3: a proposal of `survivors`, which nobody has signed yet.
    pub(crate) fn proposed(&mut self, slot: u16, survivors: &SiteSet) -> (Deciding, MemorySpool) {
        let mut slot = self.started(slot);
        self.collect(&mut slot, survivors);
        let Slot { collecting, spool, .. } = slot;
        (collecting.propose().expect("enough survivors"), spool)
    }

    /// R3 at one site.
    pub(crate) fn decide(
        &mut self,
        site: SiteIndex,
        proposal: &Proposal,
    ) -> Result<Ballot, LedgerError> {
        let member = self.world.members.get_mut(&site).expect("a member");
        self.run.epochs.get_mut(&site).expect("it joined").decide(proposal, &mut member.witness)
    }

    /// R3: `signers` sign, and their ballots become a certificate.
    pub(crate) fn certify(&mut self, mut deciding: Deciding, signers: &SiteSet) -> Opening {
        for signer in signers.iter() {
            let ballot = self.decide(signer, deciding.proposal()).expect("an honest proposal");
            let transcript = self.run.transcript();
            deciding.ballot(&self.world.roster, transcript, &ballot).expect("an honest ballot");
        }
        deciding.certify(self.run.transcript()).expect("enough ballots")
    }

    /// R1 to R3: a certificate for `survivors`, signed by everyone.
    pub(crate) fn certified(&mut self, slot: u16, survivors: &SiteSet) -> (Opening, MemorySpool) {
        let (deciding, spool) = self.proposed(slot, survivors);
        let all = self.all();
        (self.certify(deciding, &all), spool)
    }

    /// R4 at one site.
    pub(crate) fn open(
        &mut self,
        site: SiteIndex,
        certificate: &Certificate,
        proposal: Option<&Proposal>,
    ) -> Result<Release, LedgerError> {
        let member = self.world.members.get_mut(&site).expect("a member");
        let epoch = self.run.epochs.get_mut(&site).expect("it joined");
        epoch.open(certificate, proposal, &mut member.ledger, &mut member.witness)
    }

    /// R4: releases of `holders` reach the coordinator.
    pub(crate) fn release(&mut self, opening: &mut Opening, holders: &SiteSet) {
        let certificate = opening.certificate().clone();
        let proposal = opening.proposal().clone();
        for holder in holders.iter() {
            let release = self.open(holder, &certificate, Some(&proposal)).expect("it may open");
            let (roster, transcript) = (&self.world.roster, self.run.transcript());
            opening.release(roster, transcript, release).expect("an honest release");
        }
    }

    /// R4 to R5: all release; the sum is that of the survivors and of nobody else.
    pub(crate) fn opened(&mut self, mut opening: Opening, spool: &MemorySpool) -> Opened {
        let all = self.all();
        self.release(&mut opening, &all);
        self.unmask(opening, spool)
    }

    pub(crate) fn unmask(&self, mut opening: Opening, spool: &MemorySpool) -> Opened {
        let transcript = self.run.transcript();
        let secrets = match opening.reconstruct(transcript) {
            Reconstruction::Complete(secrets) => secrets,
            other => panic!("{other:?}"),
        };
        let survivors = opening.certificate().outcome.survivors.clone();
        let plan = opening.proposal().contract.contract.plan.clone();
        let opened = opening.unmask(transcript, secrets, spool).expect("an opened sum");
        assert_eq!(*opened.sum(), study::one_hot(&plan, &survivors), "the sum of {survivors}");
        opened
    }

    /// R5: the receipt of an opened sum.
    pub(crate) fn receipt(&self, opened: &Opened) -> Receipt {
        let next = digest(4000 + u64::from(self.study.round));
        opened.receipt(&self.world.roster.charter, &self.world.coordinator, next, 1_700_000_000)
    }

    /// R5 at every site: the whole sum is verified, the slot closed.
    pub(crate) fn close(&mut self, opened: &Opened, spool: &MemorySpool) {
        let receipt = self.receipt(opened);
        let uploads = opened.uploads(spool).expect("they are spooled");
        let contract = &opened.signed().contract;
        let id = receipt.certificate.outcome.id;
        let mut record = None;
        for (site, epoch) in &mut self.run.epochs {
            let own = epoch.own_trailer(contract.slot).cloned();
            let transcript = self.run.relay.transcript();
            let verified =
                verify_receipt(&self.world.roster, transcript, contract, own.as_ref(), &receipt)
                    .expect("an honest receipt");
            verified.sum(opened.sum(), &uploads).expect("an honest sum");
            verified.next_state(&receipt.next_state).expect("the own state");
            record = Some(verified.record(self.world.roster.corrupt));
            let ledger = &mut self.world.members.get_mut(site).expect("a member").ledger;
            epoch.close_published(&receipt.certificate, ledger).expect("it closes");
            assert_ne!(ledger.standing(id), Some(Standing::Unresolved));
        }
        self.study.advance(receipt.next_state, record.expect("there are sites"));
    }

    /// A whole round, with nothing amiss but that only `survivors` upload.
    pub(crate) fn round(&mut self, slot: u16, survivors: &SiteSet) -> Opened {
        let (opening, spool) = self.certified(slot, survivors);
        let opened = self.opened(opening, &spool);
        self.close(&opened, &spool);
        opened
    }

    /// R3: all of `sites` sign VOID.
    pub(crate) fn void(&mut self, mut voiding: Voiding, sites: &SiteSet) -> VoidCertificate {
        for site in sites.iter() {
            let epoch = self.run.epochs.get_mut(&site).expect("it joined");
            let ballot = epoch.void(voiding.id().slot).expect("nothing is signed yet");
            let transcript = self.run.relay.transcript();
            voiding.ballot(&self.world.roster, transcript, &ballot).expect("an honest ballot");
        }
        voiding.certificate().expect("enough ballots")
    }

    /// A VOID certificate reaches every site.
    pub(crate) fn close_void(&mut self, certificate: &VoidCertificate) {
        for (site, epoch) in &mut self.run.epochs {
            let ledger = &mut self.world.members.get_mut(site).expect("a member").ledger;
            epoch.close_void(certificate, ledger).expect("a good certificate");
            assert_ne!(ledger.standing(certificate.id), Some(Standing::Unresolved));
        }
    }

    /// Takes a new slot through to an opened sum: what went before has hurt nobody.
    pub(crate) fn goes_on(&mut self, slot: u16) {
        let all = self.all();
        self.round(slot, &all);
    }
}

pub(crate) fn first(n: u16) -> SiteSet {
    set(1..=n)
}

pub(crate) fn without(all: &SiteSet, index: u16) -> SiteSet {
    all.difference(&[site(index)].into_iter().collect())
}
