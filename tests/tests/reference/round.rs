//! A whole epoch and round. The coordinator plays on the reference's messages; each site draws what
//! the reference drew and must say the same, to the byte.
//!
//! One thing differs: the records of a ledger are a site's own business, so its head in a trailer is
//! not the reference's. Sites whose own trailer is not in the outcome (the one that is lost, and the
//! holder that adds nothing) go on to the end.

use ripieno_secagg::SlotId;
use ripieno_secagg::coordinator::MemorySpool;
use ripieno_secagg::coordinator::collect::sign_contract;
use ripieno_secagg::coordinator::open::Reconstruction;
use ripieno_secagg::round::publish::verify_receipt;
use ripieno_secagg::round::upload::Trailer;

use crate::cast::{Cast, approved, ledger, witness};
use crate::support::site;

#[test]
fn sites_say_what_the_reference_says_in_an_epoch() {
    let cast = Cast::new();
    for site in cast.sites() {
        assert!(cast.adverts().contains(cast.advertise(site).advert()), "{site}");
        let dealt = cast.deal(site);
        assert_eq!(dealt.transcript().digest(), cast.epoch().digest("transcript"));
        let expected: Vec<_> = cast.bundles().into_iter().filter(|b| b.from == site).collect();
        assert_eq!(dealt.bundles(), expected, "{site}");
        assert!(cast.acceptances().contains(cast.accept(site).acceptance()), "{site}");
        cast.join(site);
    }
}

#[test]
fn participants_mask_as_the_reference_does() {
    let cast = Cast::new();
    let signed = cast.signed();
    assert_eq!(signed.contract.ctx(), cast.round().digest("ctx"));
    let key = cast.v.at("seeds").signer("coordinator");
    let again = sign_contract(&cast.roster.charter, &key, signed.contract.clone(), Vec::new());
    assert_eq!(again, signed);
    for site in signed.contract.participants.iter() {
        let (mut epoch, mut ledger) = (cast.join(site), ledger());
        let (slot, approved) = (signed.contract.slot, approved(&signed.contract));
        epoch.start(&signed, Some(&approved), &ledger).expect("an honest contract");
        let rounding = epoch.rounding_seed(slot).expect("a bound slot");
        let expected = cast.round().at("rounding_seeds").bytes(&site.get().to_string());
        assert_eq!(*rounding.as_bytes(), expected, "{site}");

        let lanes = cast.round().at("inputs").lanes(&site.get().to_string());
        let reference = &cast.trailers()[&site];
        let upload = epoch.upload(slot, &approved, lanes, reference.audit, &mut ledger);
        let upload = upload.expect("an honest upload");
        assert!(*upload.lanes == *cast.masked(site), "{site} masks otherwise");
        assert_eq!(upload.trailer.ledger.count, 1, "{site}");
        let as_reference =
            Trailer { ledger: reference.ledger, signature: reference.signature, ..upload.trailer };
        assert_eq!(as_reference, *reference, "{site}");
        let own = cast.v.at("seeds").signer(site.get()).sign(&reference.digest());
        assert_eq!(own, reference.signature, "{site}");
    }
}

#[test]
fn holders_sign_and_release_what_the_reference_does() {
    let cast = Cast::new();
    let (signed, round) = (cast.signed(), cast.round());
    for (name, takes_part) in [("lost", true), ("outside", false)] {
        let site = round.site(name);
        let (mut epoch, mut ledger, mut witness) = (cast.join(site), ledger(), witness());
        let approved = approved(&signed.contract);
        let approved = takes_part.then_some(&approved);
        epoch.start(&signed, approved, &ledger).expect("an honest contract");
        let ballot = epoch.decide(&cast.proposal(), &mut witness).expect("an honest proposal");
        assert_eq!(ballot.digest(), round.digest("outcome"));
        let certificate = cast.certificate();
        assert_eq!(ballot.signature, certificate.signatures[&site], "{name}");
        let release = epoch.open(&certificate, None, &mut ledger, &mut witness);
        assert_eq!(release.expect("t signatures"), cast.release(site), "{name}");
    }
}

#[test]
fn the_coordinator_opens_the_sum_of_the_reference() {
    let (cast, mut spool) = (Cast::new(), MemorySpool::default());
    assert_eq!(*cast.collected(&mut spool).proposal(), cast.proposal());
    let (mut opening, relay) = (cast.opening(&mut spool), cast.relay());
    assert_eq!(*opening.certificate(), cast.certificate());
    for holder in cast.round().sites("releasing") {
        let release = cast.release(holder);
        opening.release(&cast.roster, relay.transcript(), release).expect("an honest release");
    }
    let Reconstruction::Complete(secrets) = opening.reconstruct(relay.transcript()) else {
        panic!("t honest releases open the sum");
    };
    let opened = opening.unmask(relay.transcript(), secrets, &spool).expect("an opened sum");
    assert!(*opened.sum() == cast.round().lanes("sum"), "another sum");
    let expected = cast.receipt();
    let key = cast.v.at("seeds").signer("coordinator");
    let receipt = opened.receipt(&cast.roster.charter, &key, expected.next_state, expected.at);
    assert_eq!(receipt.digest(&cast.roster.charter), cast.round().digest("receipt"));
    assert_eq!(receipt, expected);
}

#[test]
fn every_site_verifies_the_sum_of_the_reference() {
    let (cast, relay) = (Cast::new(), Cast::new().relay());
    let (contract, receipt, trailers) = (cast.signed().contract, cast.receipt(), cast.trailers());
    for site in cast.sites() {
        let own = trailers.get(&site);
        let verified = verify_receipt(&cast.roster, relay.transcript(), &contract, own, &receipt);
        let verified = verified.expect("an honest receipt");
        verified.sum(&cast.round().lanes("sum"), &cast.uploads()).expect("an honest sum");
    }
}

#[test]
fn void_is_signed_over_the_digest_of_the_reference() {
    let cast = Cast::new();
    let (mut epoch, slot) = (cast.join(site(1)), cast.signed().contract.slot);
    let ballot = epoch.void(slot).expect("nothing is signed yet");
    assert_eq!(ballot.digest(), cast.round().digest("void"));
    let expected = cast.v.at("seeds").signer(1).sign(&cast.round().digest("void"));
    assert_eq!(ballot.signature, expected);
    assert_eq!(ballot.id, SlotId::of(&cast.signed().contract));
}
