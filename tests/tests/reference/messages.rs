//! Digests of messages in forms that the whole round does not show (docs/protocol.md §3 to §6).

use std::collections::BTreeMap;

use ripieno_identity::Signature;
use ripieno_secagg::epoch::{Acceptance, Advert, Bundle, SlotAdvert};
use ripieno_secagg::journal::MemoryJournal;
use ripieno_secagg::ledger::Entry;
use ripieno_secagg::round::open::{Release, SiteSecret};
use ripieno_secagg::round::outcome::{Certificate, Outcome, void_digest};
use ripieno_secagg::round::publish::{Receipt, Verdict};
use ripieno_secagg::round::start::SignedContract;
use ripieno_secagg::round::tiles::{self, Content};
use ripieno_secagg::round::upload::{Trailer, trailers_digest};
use ripieno_secagg::{Head, Ledger, SlotId};
use ripieno_study::{
    Contract, Digest, Encoding, InputSpec, Membership, Plan, Privacy, SiteIndex, SiteSet,
};
use ripieno_tests::some_digest;

use crate::support::{Vector, file, site};
use crate::values::{clip, packing_of};

const UNSIGNED: Signature = Signature::from_bytes([0; 64]);

#[test]
fn contracts_and_verdicts() {
    let v = file("messages");
    let contracts = v.list("contracts");
    for one in &contracts {
        assert_eq!(contract(&one.at("contract")).ctx(), one.digest("ctx"));
    }
    let verdicts: Vec<_> = v.list("verdicts").iter().map(verdict).collect();
    for (one, verdict) in v.list("verdicts").iter().zip(&verdicts) {
        assert_eq!(verdict.digest(), one.digest("digest"));
    }
    let contract = contract(&contracts[0].at("contract"));
    let mut signed = SignedContract { contract, verdicts, signature: UNSIGNED };
    let expected = v.at("signed_contract");
    assert_eq!(signed.digest(&v.digest("charter")), expected.digest("with_verdicts"));
    signed.verdicts.clear();
    assert_eq!(signed.digest(&v.digest("charter")), expected.digest("without_verdicts"));
}

#[test]
fn messages_of_an_epoch() {
    let v = file("messages");
    for one in v.list("adverts") {
        assert_eq!(advert(&one, UNSIGNED).digest(), one.digest("digest"));
    }
    for one in v.list("acceptances") {
        let (from, dealers) = (one.site("from"), one.set("dealers"));
        let transcript = v.digest("transcript");
        let acceptance = Acceptance { transcript, from, dealers, signature: UNSIGNED };
        assert_eq!(acceptance.digest(), one.digest("digest"));
    }
}

#[test]
fn messages_of_a_round() {
    let v = file("messages");
    let id = SlotId { transcript: v.digest("transcript"), slot: v.get("slot") };
    let trailers: Vec<_> = v.at("trailers").list("trailers").iter().map(trailer).collect();
    for (one, trailer) in v.at("trailers").list("trailers").iter().zip(&trailers) {
        assert_eq!(trailer.digest(), one.digest("digest"));
    }
    assert_eq!(trailers_digest(&trailers), v.at("trailers").digest("digest"));
    assert_eq!(trailers_digest(&[]), v.at("trailers").digest("digest_of_none"));
    for one in v.list("outcomes") {
        let (ctx, survivors, trailers) =
            (one.digest("ctx"), one.set("survivors"), one.digest("trailers"));
        assert_eq!(Outcome { id, ctx, survivors, trailers }.digest(), one.digest("digest"));
    }
    assert_eq!(void_digest(id), v.digest("void"));
    for one in v.list("releases") {
        assert_eq!(release(&one, UNSIGNED).digest(), one.digest("digest"));
    }
    let r = v.at("receipts");
    let (ctx, survivors) = (v.list("outcomes")[0].digest("ctx"), r.set("survivors"));
    let outcome = Outcome { id, ctx, survivors, trailers: r.digest("trailers") };
    for one in r.list("receipts") {
        let receipt = Receipt {
            certificate: Certificate { outcome: outcome.clone(), signatures: signatures(&one) },
            trailers: trailers.clone(),
            selfs: secrets(&one, "selfs"),
            roots: secrets(&one, "roots"),
            sum: r.digest("sum"),
            next_state: r.digest("next"),
            at: r.get("time"),
            signature: UNSIGNED,
        };
        assert_eq!(receipt.digest(&v.digest("charter")), one.digest("digest"));
    }
}

#[test]
fn tiles_and_ledger() {
    let v = file("messages");
    let t = v.at("tiles");
    let bytes = t.at("lanes").hex();
    let lanes: Vec<u64> =
        bytes.as_chunks::<8>().0.iter().map(|lane| u64::from_le_bytes(*lane)).collect();
    assert_eq!(tiles::leaf(Content::Masked, t.get("number"), &lanes), t.digest("masked"));
    assert_eq!(tiles::leaf(Content::Sum, t.get("number"), &lanes), t.digest("sum"));

    let (records, heads) = (v.at("ledger").list("records"), v.at("ledger").digests("heads"));
    let mut head = Head::empty();
    assert_eq!(head, Head { count: 0, digest: heads[0] });
    for (count, (record, digest)) in (1..).zip(records.iter().zip(&heads[1..])) {
        head = head.after(&record.hex());
        assert_eq!(head, Head { count, digest: *digest });
    }
}

#[test]
fn sums_that_a_trailer_names() {
    let v = file("messages");
    let study = some_digest("a study");
    for one in v.list("histories") {
        let mut ledger = Ledger::open(MemoryJournal::default(), &[]).expect("it is empty");
        assert_eq!(ledger.history(&study), v.digest("history_of_none"));
        for slot in one.list("slots").iter().rev() {
            let id = SlotId { transcript: slot.digest("transcript"), slot: slot.get("slot") };
            ledger.enter(entry(id, study), 9).expect("nothing stands in the way");
            let survivors = SiteSet::default();
            let outcome = Outcome { id, ctx: study, survivors, trailers: study };
            let signatures = BTreeMap::new();
            ledger.opened(Certificate { outcome, signatures }).expect("it is entered");
        }
        assert_eq!(ledger.history(&study), one.digest("digest"));
    }
}

fn entry(id: SlotId, study: Digest) -> Entry {
    Entry {
        id,
        ctx: study,
        study,
        lineage: study,
        fingerprint: None,
        holders: SiteSet::default(),
        threshold: 0,
        void_quorum: 0,
        participants: SiteSet::default(),
        membership: Membership::Fixed,
        reserved: 1,
    }
}

pub(crate) fn contract(v: &Vector) -> Contract {
    let inputs = v.list("vectors").iter().map(input).collect();
    Contract {
        transcript: v.digest("transcript"),
        slot: v.get("slot"),
        cohort: v.get("cohort"),
        study: v.digest("study"),
        round: v.get("round"),
        participants: v.set("participants"),
        minimum: v.get("minimum"),
        membership: match v.text("membership").as_str() {
            "fixed" => Membership::Fixed,
            _ => Membership::MayChange,
        },
        plan: Plan { inputs, tile_lanes: v.get("tile_lanes") },
        privacy: Privacy::NoNoise,
        state: v.digest("state"),
    }
}

fn input(v: &Vector) -> InputSpec {
    let e = v.at("encoding");
    let encoding = match e.text("kind").as_str() {
        "wide" => Encoding::Wide,
        _ => Encoding::Packed {
            packing: packing_of(e.get("width")),
            range: e.double("range"),
            clip: clip(&e.text("clip")),
        },
    };
    InputSpec { name: v.text("name"), length: v.get("length"), encoding }
}

fn verdict(v: &Vector) -> Verdict {
    Verdict {
        ctx: v.digest("ctx"),
        sum: v.digest("sum"),
        from: v.site("from"),
        tiles: v.get("tiles"),
        holds: v.get("holds"),
        signature: v.signature("signature"),
    }
}

pub(crate) fn advert(v: &Vector, signature: Signature) -> Advert {
    let slot = |one: &Vector| SlotAdvert {
        mask_key: one.bytes("mask_key"),
        self_commitment: one.digest("self_commitment"),
    };
    Advert {
        charter: v.digest("charter"),
        epoch: v.get("epoch"),
        from: v.site("from"),
        channel_key: v.bytes("channel_key"),
        slots: v.list("slots").iter().map(slot).collect(),
        ledger: v.ledger(),
        signature,
    }
}

pub(crate) fn bundle(v: &Vector) -> Bundle {
    Bundle {
        transcript: v.digest("transcript"),
        from: v.site("from"),
        to: v.site("to"),
        nonce: v.at("nonce").array(),
        sealed: v.at("sealed").hex(),
        root: v.digest("root"),
        signature: v.signature("signature"),
        path: v.digests("path"),
    }
}

pub(crate) fn trailer(v: &Vector) -> Trailer {
    Trailer {
        ctx: v.digest("ctx"),
        from: v.site("from"),
        root: v.digest("root"),
        lanes: v.get("lanes"),
        history: v.digest("history"),
        ledger: v.ledger(),
        audit: v.digest("audit"),
        signature: v.signature("signature"),
    }
}

pub(crate) fn release(v: &Vector, signature: Signature) -> Release {
    Release {
        id: SlotId { transcript: v.digest("transcript"), slot: v.get("slot") },
        ctx: v.digest("ctx"),
        from: v.site("from"),
        selfs: secrets(v, "selfs"),
        roots: secrets(v, "roots"),
        signature,
    }
}

pub(crate) fn secrets(v: &Vector, name: &str) -> Vec<SiteSecret> {
    let secret =
        |one: &Vector| SiteSecret { site: site(one.get("site")), scalar: one.bytes("scalar") };
    v.all(name).iter().map(secret).collect()
}

/// Signatures by site, under the name `signatures`.
pub(crate) fn signatures(v: &Vector) -> BTreeMap<SiteIndex, Signature> {
    signatures_of(&v.list("signatures"))
}

pub(crate) fn signatures_of(list: &[Vector]) -> BTreeMap<SiteIndex, Signature> {
    list.iter().map(|one| (one.site("site"), one.signature("signature"))).collect()
}
