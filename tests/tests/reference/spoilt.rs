//! Every spoilt message of an epoch and a round is refused by the check that the reference names.

use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use ripieno_secagg::Kind;
use ripieno_secagg::coordinator::open::Reconstruction;
use ripieno_secagg::coordinator::{Collecting, MemorySpool};
use ripieno_secagg::epoch::Advert;
use ripieno_secagg::ledger::LedgerError;
use ripieno_secagg::round::open::{ShareProof, SiteSecret};
use ripieno_secagg::round::outcome::{Certificate, Proposal, VoidCertificate};
use ripieno_secagg::round::publish::{Receipt, TilePart, verify_receipt};
use ripieno_secagg::round::start::SignedContract;
use ripieno_secagg::round::tiles;
use ripieno_study::{Refusal, SiteIndex};

use crate::cast::{Cast, acceptance, approved, ledger, witness};
use crate::messages::{
    advert, bundle, contract, release, secrets, signatures, signatures_of, trailer,
};
use crate::support::{Vector, assert_refused, site};

/// The message of a list that this site sent.
fn sent_by(list: &[Vector], from: SiteIndex) -> Vector {
    list.iter().find(|one| one.site("from") == from).expect("its message").clone()
}

fn refusal<T>(result: Result<T, LedgerError>) -> Result<T, Refusal> {
    result.map_err(|error| match error {
        LedgerError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    })
}

#[test]
fn adverts() {
    let (cast, dealer) = (Cast::new(), site(7));
    let good = sent_by(&cast.epoch().list("adverts"), dealer);
    for one in cast.v.list("adverts_refused") {
        let spoilt = good.changed(&one);
        let spoilt = advert(&spoilt, spoilt.signature("signature"));
        // A key that another site has published as well is laid to the coordinator, which had one of
        // them first: the adverts do not show which is the copy.
        let mut adverts: Vec<Advert> =
            cast.adverts().into_iter().filter(|advert| advert.from != dealer).collect();
        adverts.push(spoilt);
        let advertised = cast.advertise(site(1));
        let shared = advertised.share(adverts, &mut witness(), &mut ChaCha20Rng::seed_from_u64(1));
        assert_refused(refusal(shared), &one);
    }
}

#[test]
fn bundles() {
    let cast = Cast::new();
    let (dealer, holder) = (site(7), site(2));
    let all = cast.epoch().list("bundles");
    let is_good = |one: &&Vector| one.site("from") == dealer && one.site("to") == holder;
    let good = all.iter().find(is_good).expect("the bundle");
    for one in cast.v.list("bundles_refused") {
        let spoilt = bundle(&good.changed(&one));
        let (accepted, mut faults) = cast.deal(holder).accept(&[spoilt]);
        assert_eq!(faults.len(), 1, "{}: {faults:?}", one.label());
        assert_refused(Err::<(), _>(faults.remove(0)), &one);
        assert!(!accepted.acceptance().dealers.contains(dealer), "{}", one.label());
    }
}

#[test]
fn acceptances() {
    let cast = Cast::new();
    let good = sent_by(&cast.epoch().list("acceptances"), site(7));
    for one in cast.v.list("acceptances_refused") {
        let mut acceptances = cast.acceptances();
        acceptances.retain(|acceptance| acceptance.from != site(7));
        acceptances.push(acceptance(&good.changed(&one)));
        assert_refused(cast.accept(site(1)).join(acceptances), &one);
    }
}

#[test]
fn contracts() {
    let cast = Cast::new();
    let good = cast.round().at("contract");
    for one in cast.v.list("contracts_refused") {
        let contract = contract(&good.changed(&one));
        let signature = one.signature("signature");
        let signed = SignedContract { contract, verdicts: Vec::new(), signature };
        let mut epoch = cast.join(site(1));
        let approved = approved(&signed.contract);
        assert_refused(epoch.start(&signed, Some(&approved), &ledger()), &one);
    }
}

#[test]
fn uploads() {
    let cast = Cast::new();
    let good = cast.round().at("trailers").at(7);
    let signed = cast.signed();
    for one in cast.v.list("uploads_refused") {
        let (mut collecting, mut spool) = (Collecting::new(signed.clone()), MemorySpool::default());
        let lanes = cast.masked(site(7));
        for tile in tiles::tiles(&signed.contract.plan) {
            let tile_lanes = tile.of(&lanes).to_vec();
            collecting.tile(site(7), tile.number, tile_lanes, &mut spool).expect("a good tile");
        }
        let spoilt = trailer(&good.changed(&one));
        assert_refused(collecting.trailer(&cast.roster, spoilt), &one);
    }
}

#[test]
fn trailers() {
    let cast = Cast::new();
    let good = cast.round().at("trailers").at(7);
    let (signed, outside) = (cast.signed(), cast.round().site("outside"));
    for one in cast.v.list("trailers_refused") {
        let spoilt = trailer(&good.changed(&one));
        let mut trailers = cast.proposal().trailers;
        let place = trailers.iter().position(|trailer| trailer.from == site(7));
        trailers[place.expect("it survived")] = spoilt;
        let proposal = Proposal { trailers, ..cast.proposal() };
        let mut epoch = cast.join(outside);
        epoch.start(&signed, None, &ledger()).expect("an honest contract");
        assert_refused(refusal(epoch.decide(&proposal, &mut witness())), &one);
    }
}

#[test]
fn histories() {
    let cast = Cast::new();
    let (fixed, outside) = (cast.v.at("histories"), cast.round().site("outside"));
    let contract = contract(&fixed.at("contract"));
    let survivors = contract.participants.clone();
    let signature = fixed.signature("contract_signature");
    let signed = SignedContract { contract, verdicts: Vec::new(), signature };
    let decide = |trailers: Vec<Vector>| {
        let trailers = trailers.iter().map(trailer).collect();
        let survivors = survivors.clone();
        let proposal = Proposal { contract: signed.clone(), survivors, trailers };
        refusal(cast.join(outside).decide(&proposal, &mut witness()))
    };
    decide(fixed.list("good")).expect("all are in the same sums");
    for one in fixed.list("refused") {
        assert_refused(decide(one.list("trailers")), &one);
    }
}

#[test]
fn certificates() {
    let cast = Cast::new();
    let (signed, outside) = (cast.signed(), cast.round().site("outside"));
    for one in cast.v.list("certificates_refused") {
        let (mut epoch, mut witness) = (cast.join(outside), witness());
        epoch.start(&signed, None, &ledger()).expect("an honest contract");
        epoch.decide(&cast.proposal(), &mut witness).expect("an honest proposal");
        let spoilt = Certificate { signatures: signatures(&one), ..cast.certificate() };
        assert_refused(refusal(epoch.open(&spoilt, None, &mut ledger(), &mut witness)), &one);
    }
}

#[test]
fn void_certificates() {
    let cast = Cast::new();
    let (relay, id) = (cast.relay(), cast.certificate().outcome.id);
    let verified =
        |signatures| VoidCertificate { id, signatures }.verify(&cast.roster, relay.transcript());
    assert_eq!(verified(signatures_of(&cast.v.list("void"))), Ok(()));
    for one in cast.v.list("voids_refused") {
        assert_refused(verified(signatures(&one)), &one);
    }
}

#[test]
fn releases() {
    let cast = Cast::new();
    let (relay, good) = (cast.relay(), cast.round().at("releases").at(7));
    for one in cast.v.list("releases_refused") {
        let spoilt = good.changed(&one);
        let spoilt = release(&spoilt, spoilt.signature("signature"));
        let mut opening = cast.opening(&mut MemorySpool::default());
        let received = opening.release(&cast.roster, relay.transcript(), spoilt);
        if one.get::<Option<String>>("culprit").is_some() {
            assert_refused(received, &one);
            continue;
        }
        received.expect("a wrong share is seen when it is used");
        for holder in [1, 2, 4].map(site) {
            let release = cast.release(holder);
            opening.release(&cast.roster, relay.transcript(), release).expect("an honest release");
        }
        let found = opening.reconstruct(relay.transcript());
        assert!(matches!(found, Reconstruction::Proofs(_)), "{}: {found:?}", one.label());
    }
}

#[test]
fn proofs_of_shares() {
    let cast = Cast::new();
    let (relay, good) = (cast.relay(), cast.v.at("proof"));
    let proven = |one: &Vector| share_proof(&cast, one).verify(&cast.roster, relay.transcript());
    assert_eq!(proven(&good), Ok(()));
    for one in cast.v.list("proofs_refused") {
        assert_refused(proven(&good.changed(&one)), &one);
    }
}

#[test]
fn receipts() {
    let cast = Cast::new();
    let (relay, contract) = (cast.relay(), cast.signed().contract);
    for one in cast.v.list("receipts_refused") {
        let spoilt = Receipt {
            selfs: secrets(&one, "selfs"),
            roots: secrets(&one, "roots"),
            sum: one.digest("sum_digest"),
            signature: one.signature("signature"),
            ..cast.receipt()
        };
        let verified = verify_receipt(&cast.roster, relay.transcript(), &contract, None, &spoilt);
        assert_refused(verified, &one);
    }
}

#[test]
fn sums() {
    let cast = Cast::new();
    let (relay, contract) = (cast.relay(), cast.signed().contract);
    for one in cast.v.list("sums_refused") {
        let mut sum = cast.round().lanes("sum");
        sum[one.get::<usize>("lane")] ^= 1 << one.get::<u32>("bit");
        let (digest, signature) = (one.digest("sum_digest"), one.signature("signature"));
        let receipt = Receipt { sum: digest, signature, ..cast.receipt() };
        let verified = verify_receipt(&cast.roster, relay.transcript(), &contract, None, &receipt);
        let verified = verified.expect("all but the sum is as it was");
        assert_eq!(verified.sum_digest(&sum), Ok(()), "{}", one.label());
        assert_refused(verified.sum(&sum, &cast.uploads()), &one);
    }
}

#[test]
fn parts_of_tiles() {
    let cast = Cast::new();
    let (relay, contract, receipt) = (cast.relay(), cast.signed().contract, cast.receipt());
    let verified = verify_receipt(&cast.roster, relay.transcript(), &contract, None, &receipt);
    let (verified, sum) = (verified.expect("an honest receipt"), cast.round().lanes("sum"));
    let good = cast.v.list("tile_paths");
    let part = |number: usize, from: SiteIndex| {
        let tile = tiles::tiles(&contract.plan).nth(number).expect("a tile");
        let path = good[number].digests(&from.get().to_string());
        TilePart { from, lanes: tile.of(&cast.masked(from)).to_vec().into(), path }
    };
    let parts = |number| receipt.survivors().iter().map(|from| part(number, from)).collect();
    for number in 0..good.len() {
        let parts: Vec<TilePart> = parts(number);
        assert_eq!(verified.tile(number, &sum, &parts), Ok(()), "tile {number}");
    }
    assert_eq!(tiles::tiles(&contract.plan).count(), good.len());
    for one in cast.v.list("parts_refused") {
        let number = one.get("tile");
        let mut parts: Vec<TilePart> = parts(number);
        let spoilt = parts.iter_mut().find(|part| part.from == one.site("site"));
        spoilt.expect("a survivor").path = one.digests("path");
        assert_refused(verified.tile(number, &sum, &parts), &one);
    }
}

fn share_proof(cast: &Cast, one: &Vector) -> ShareProof {
    let mut id = cast.certificate().outcome.id;
    id.slot = one.get("slot");
    let dealer = one.site("dealer");
    ShareProof {
        id,
        holder: one.site("holder"),
        dealer,
        kind: if one.text("kind") == "self" { Kind::Own } else { Kind::Root },
        share: SiteSecret { site: dealer, scalar: one.bytes("share") },
        leaf_path: one.digests("leaf_path"),
        path: one.digests("path"),
        root: one.digest("root"),
        signature: one.signature("signature"),
    }
}
