//! Bad forms of the messages of a round.

use pb::from_site::Body as From;
use pb::input_spec::Encoding as Coding;
use pb::published::Parts as Given;
use pb::to_site::Body as To;

use super::{any, bytes, from_site, refused, sample, table, to_site};
use crate::{Parts, pb};

const TEXT: &str = "x";

#[test]
fn plans() {
    let packed = |m: &mut pb::Plan, packed| m.inputs[0].encoding = Some(Coding::Packed(packed));
    let with = |fields_per_lane, range, clip| pb::Packed { fields_per_lane, range, clip };
    table! { sample(any::plan());
        "plan.inputs: 65 items, 0 to 64 allowed"
            => |m| m.inputs = vec![pb::InputSpec::default(); 65],
        "plan: a plan names between 1 and 64 vectors, this one 0" => |m| m.inputs.clear(),
        "plan: a tile has a power of two between 512 and 131072 lanes, not 513"
            => |m| m.tile_lanes = 513,
        "plan: vector 0: its name is empty, longer than 64 bytes, or given twice"
            => |m| m.inputs[0].name = TEXT.repeat(65),
        "plan: vector 0: it has no values, or the plan exceeds 1073741824 lanes"
            => |m| m.inputs[0].length = 0,
        "plan: vector 0: it has no values, or the plan exceeds 1073741824 lanes"
            => |m| m.inputs[0].length = u64::MAX,
        "plan: vector 0: its range is not a finite positive number"
            => |m| packed(m, with(2, f64::NAN, 1)),
        "plan: vector 0: its range is not a finite positive number"
            => |m| packed(m, with(2, -0.0, 1)),
        "input_spec.encoding: missing" => |m| m.inputs[0].encoding = None,
        "packed.fields_per_lane: not a number from 1 to 4" => |m| packed(m, with(5, 1.0, 1)),
        "packed.clip: this version does not know the value; does the peer run another version?"
            => |m| packed(m, with(4, 1.0, 4)),
    }
}

#[test]
fn contracts() {
    table! { sample(any::signed_contract());
        "signed_contract.contract: missing" => |m| m.contract = None,
        "signed_contract.verdicts: 129 items, 0 to 128 allowed"
            => |m| m.verdicts = vec![pb::Verdict::default(); 129],
        "signed_contract.signature: 0 bytes, 64 expected" => |m| m.signature = bytes(0),
    }
    table! { sample(any::contract());
        "contract.suite: this version does not know the value; does the peer run another version?"
            => |m| m.suite = "ripieno-2".into(),
        "contract.transcript: 31 bytes, 32 expected" => |m| m.transcript = bytes(31),
        "contract.slot: not a number from 0 to 63" => |m| m.slot = 64,
        "contract.study: 31 bytes, 32 expected" => |m| m.study = bytes(31),
        "contract.round: not a number from 1 to 4294967295" => |m| m.round = 0,
        "contract.participants: its keys do not strictly increase"
            => |m| m.participants = vec![2, 1],
        "contract.minimum: not a number from 0 to 65535" => |m| m.minimum = 65536,
        "contract.membership: this version does not know the value; \
         does the peer run another version?" => |m| m.membership = 3,
        "contract.plan: missing" => |m| m.plan = None,
        "contract.privacy: missing" => |m| m.privacy = None,
        "privacy.mechanism: missing" => |m| m.privacy = Some(pb::Privacy::default()),
        "contract.state: 33 bytes, 32 expected" => |m| m.state = bytes(33),
    }
    table! { sample(any::verdict());
        "verdict.ctx: 31 bytes, 32 expected" => |m| m.ctx = bytes(31),
        "verdict.sum: 31 bytes, 32 expected" => |m| m.sum = bytes(31),
        "verdict.from: not a number from 1 to 65535" => |m| m.from = 0,
        "verdict.tiles: its keys do not strictly increase" => |m| m.tiles = vec![4, 4],
        "verdict.tiles: not a number from 0 to 2097151" => |m| m.tiles = vec![0, 1 << 21],
        "verdict.tiles: 2097153 items, 0 to 2097152 allowed" => |m| m.tiles = vec![0; 2_097_153],
        "verdict.signature: 0 bytes, 64 expected" => |m| m.signature = bytes(0),
    }
}

#[test]
fn uploads_and_outcomes() {
    table! { sample(any::trailer());
        "trailer.ctx: 31 bytes, 32 expected" => |m| m.ctx = bytes(31),
        "trailer.from: not a number from 1 to 65535" => |m| m.from = 0,
        "trailer.root: 31 bytes, 32 expected" => |m| m.root = bytes(31),
        "trailer.lanes: not a number from 0 to 1073741824" => |m| m.lanes = (1 << 30) + 1,
        "trailer.history: 31 bytes, 32 expected" => |m| m.history = bytes(31),
        "trailer.ledger: missing" => |m| m.ledger = None,
        "trailer.audit: 31 bytes, 32 expected" => |m| m.audit = bytes(31),
        "trailer.signature: 0 bytes, 64 expected" => |m| m.signature = bytes(0),
    }
    table! { from_site(4);
        "tile_upload.slot_id: missing" => |body| {
            if let From::Tile(m) = body { m.slot_id = None; }
        },
        "tile_upload.number: not a number from 0 to 2097151" => |body| {
            if let From::Tile(m) = body { m.number = 1 << 21; }
        },
        "tile_upload.lanes: 7 bytes are no lanes: not a multiple of 8, or too many or too few"
            => |body| { if let From::Tile(m) = body { m.lanes = bytes(7); } },
        "tile_upload.lanes: 0 bytes are no lanes: not a multiple of 8, or too many or too few"
            => |body| { if let From::Tile(m) = body { m.lanes = bytes(0); } },
    }
    table! { from_site(5);
        "trailer_upload.slot_id: missing" => |body| {
            if let From::Trailer(m) = body { m.slot_id = None; }
        },
        "trailer_upload.trailer: missing" => |body| {
            if let From::Trailer(m) = body { m.trailer = None; }
        },
    }
    table! { sample(any::proposal());
        "proposal.contract: missing" => |m| m.contract = None,
        "proposal.survivors: its keys do not strictly increase" => |m| m.survivors = vec![1, 1],
        "proposal.trailers: 129 items, 0 to 128 allowed"
            => |m| m.trailers = vec![pb::Trailer::default(); 129],
    }
    table! { sample(any::ballot());
        "ballot.slot_id: missing" => |m| m.slot_id = None,
        "ballot.from: not a number from 1 to 65535" => |m| m.from = 0,
        "ballot.vote: missing" => |m| m.vote = None,
        "ballot.survivors: 31 bytes, 32 expected"
            => |m| m.vote = Some(pb::ballot::Vote::Survivors(bytes(31))),
        "ballot.signature: 0 bytes, 64 expected" => |m| m.signature = bytes(0),
    }
    table! { sample(any::outcome());
        "outcome.slot_id: missing" => |m| m.slot_id = None,
        "outcome.ctx: 31 bytes, 32 expected" => |m| m.ctx = bytes(31),
        "outcome.survivors: its keys do not strictly increase" => |m| m.survivors = vec![9, 8],
        "outcome.trailers: 31 bytes, 32 expected" => |m| m.trailers = bytes(31),
    }
    let signed = |site, length| pb::SiteSignature { site, signature: bytes(length) };
    table! { sample(any::certificate());
        "certificate.outcome: missing" => |m| m.outcome = None,
        "certificate.signatures: its keys do not strictly increase"
            => |m| m.signatures = vec![signed(1, 64), signed(1, 64)],
        "certificate.signatures: 129 items, 0 to 128 allowed"
            => |m| m.signatures = (1..=129).map(|site| signed(site, 64)).collect(),
        "site_signature.site: not a number from 1 to 65535"
            => |m| m.signatures = vec![signed(0, 64)],
        "site_signature.signature: 63 bytes, 64 expected"
            => |m| m.signatures = vec![signed(1, 63)],
    }
    table! { sample(any::void_certificate());
        "void_certificate.slot_id: missing" => |m| m.slot_id = None,
        "void_certificate.signatures: its keys do not strictly increase"
            => |m| m.signatures = vec![signed(2, 64), signed(1, 64)],
    }
    table! { to_site(9);
        "void_request.slot_id: missing" => |body| {
            if let To::VoidRequest(m) = body { m.slot_id = None; }
        },
    }
}

#[test]
fn resumed_uploads() {
    table! { to_site(7);
        "resumed_upload.contract: missing" => |body| {
            if let To::Resume(m) = body { m.contract = None; }
        },
        "resumed_upload.taken: not a number from 0 to 2097152" => |body| {
            if let To::Resume(m) = body { m.taken = (1 << 21) + 1; }
        },
    }
}

#[test]
fn openings() {
    table! { to_site(10);
        "open_request.certificate: missing" => |body| {
            if let To::Open(m) = body { m.certificate = None; }
        },
        "proposal.contract: missing" => |body| {
            if let To::Open(m) = body { m.proposal = Some(pb::Proposal::default()); }
        },
    }
    table! { sample(any::site_secret());
        "site_secret.site: not a number from 1 to 65535" => |m| m.site = 0,
        "site_secret.scalar: 31 bytes, 32 expected" => |m| m.scalar = bytes(31),
    }
    table! { sample(any::release());
        "release.slot_id: missing" => |m| m.slot_id = None,
        "release.ctx: 31 bytes, 32 expected" => |m| m.ctx = bytes(31),
        "release.from: not a number from 1 to 65535" => |m| m.from = 0,
        "release.selfs: 129 items, 0 to 128 allowed"
            => |m| m.selfs = vec![pb::SiteSecret::default(); 129],
        "release.roots: 129 items, 0 to 128 allowed"
            => |m| m.roots = vec![pb::SiteSecret::default(); 129],
        "release.signature: 0 bytes, 64 expected" => |m| m.signature = bytes(0),
    }
    table! { to_site(12);
        "prove_request.slot_id: missing" => |body| {
            if let To::Prove(m) = body { m.slot_id = None; }
        },
        "prove_request.dealer: not a number from 1 to 65535" => |body| {
            if let To::Prove(m) = body { m.dealer = 0; }
        },
        "prove_request.kind: this version does not know the value; \
         does the peer run another version?" => |body| {
            if let To::Prove(m) = body { m.kind = 0; }
        },
    }
    table! { sample(any::share_proof());
        "share_proof.slot_id: missing" => |m| m.slot_id = None,
        "share_proof.holder: not a number from 1 to 65535" => |m| m.holder = 0,
        "share_proof.dealer: not a number from 1 to 65535" => |m| m.dealer = 0,
        "share_proof.kind: this version does not know the value; \
         does the peer run another version?" => |m| m.kind = 3,
        "share_proof.share: 31 bytes, 32 expected" => |m| m.share = bytes(31),
        "share_proof.leaf_path: 41 items, 0 to 40 allowed"
            => |m| m.leaf_path = vec![bytes(32); 41],
        "share_proof.path: 33 bytes, 32 expected" => |m| m.path = vec![bytes(33)],
        "share_proof.root: 31 bytes, 32 expected" => |m| m.root = bytes(31),
        "share_proof.signature: 0 bytes, 64 expected" => |m| m.signature = bytes(0),
    }
}

#[test]
fn sums() {
    table! { sample(any::receipt());
        "receipt.certificate: missing" => |m| m.certificate = None,
        "receipt.trailers: 129 items, 0 to 128 allowed"
            => |m| m.trailers = vec![pb::Trailer::default(); 129],
        "receipt.selfs: 129 items, 0 to 128 allowed"
            => |m| m.selfs = vec![pb::SiteSecret::default(); 129],
        "receipt.roots: 129 items, 0 to 128 allowed"
            => |m| m.roots = vec![pb::SiteSecret::default(); 129],
        "receipt.sum: 31 bytes, 32 expected" => |m| m.sum = bytes(31),
        "receipt.next_state: 31 bytes, 32 expected" => |m| m.next_state = bytes(31),
        "receipt.signature: 0 bytes, 64 expected" => |m| m.signature = bytes(0),
    }
    table! { to_site(14);
        "settled.study: 31 bytes, 32 expected" => |body| {
            if let To::Settled(m) = body { m.study = bytes(31); }
        },
        "settled.verdicts: 129 items, 0 to 128 allowed" => |body| {
            if let To::Settled(m) = body { m.verdicts = vec![pb::Verdict::default(); 129]; }
        },
    }
    table! { sample(any::published());
        "published.contract: missing" => |m| m.contract = None,
        "published.receipt: missing" => |m| m.receipt = None,
        "published.sum: 9 bytes are no lanes: not a multiple of 8, or too many or too few"
            => |m| m.sum = bytes(9),
        "published.parts: missing" => |m| m.parts = None,
    }
    let upload = |site, length| pb::SiteLanes { site, lanes: bytes(length) };
    let whole = |uploads| Given::Whole(pb::WholeUploads { uploads });
    let tile = |number| pb::TileParts { number, parts: vec![] };
    let tiles = |tiles| Given::Tiles(pb::TileUploads { tiles });
    table! { Parts::Tiles([].into());
        "whole_uploads.uploads: its keys do not strictly increase"
            => |m| *m = whole(vec![upload(1, 8), upload(1, 8)]),
        "whole_uploads.uploads: 129 items, 0 to 128 allowed"
            => |m| *m = whole((1..=129).map(|site| upload(site, 8)).collect()),
        "site_lanes.site: not a number from 1 to 65535" => |m| *m = whole(vec![upload(0, 8)]),
        "site_lanes.lanes: 1048584 bytes are no lanes: \
         not a multiple of 8, or too many or too few"
            => |m| *m = whole(vec![upload(1, (1 << 20) + 8)]),
        "tile_uploads.tiles: its keys do not strictly increase"
            => |m| *m = tiles(vec![tile(3), tile(3)]),
        "tile_parts.number: not a number from 0 to 2097151"
            => |m| *m = tiles(vec![tile(1 << 21)]),
        "tile_parts.parts: 129 items, 0 to 128 allowed"
            => |m| *m = tiles(vec![
                pb::TileParts { number: 0, parts: vec![pb::TilePart::default(); 129] },
            ]),
    }
    table! { sample(any::tile_part());
        "tile_part.from: not a number from 1 to 65535" => |m| m.from = 0,
        "tile_part.lanes: 12 bytes are no lanes: not a multiple of 8, or too many or too few"
            => |m| m.lanes = bytes(12),
        "tile_part.lanes: 1048584 bytes are no lanes: \
         not a multiple of 8, or too many or too few" => |m| m.lanes = bytes((1 << 20) + 8),
        "tile_part.path: 41 items, 0 to 40 allowed" => |m| m.path = vec![bytes(32); 41],
    }
    table! { from_site(10);
        "state_report.ctx: 31 bytes, 32 expected" => |body| {
            if let From::State(m) = body { m.ctx = bytes(31); }
        },
        "state_report.next: 31 bytes, 32 expected" => |body| {
            if let From::State(m) = body { m.next = bytes(31); }
        },
    }
    table! { from_site(11);
        "refusal_report.study: 0 bytes, 32 expected" => |body| {
            if let From::Refused(m) = body { m.study = Some(bytes(0)); }
        },
        "refusal_report.refusal: missing" => |body| {
            if let From::Refused(m) = body { m.refusal = None; }
        },
        "slot_id.transcript: 0 bytes, 32 expected" => |body| {
            if let From::Refused(m) = body { m.slot_id = Some(pb::SlotId::default()); }
        },
    }
}
