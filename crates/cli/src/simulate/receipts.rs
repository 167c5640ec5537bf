//! The receipts of the opened sums, as JSON.

use std::collections::BTreeMap;

use ripieno_coordinator_engine::RoundSummary;
use ripieno_secagg::round::open::SiteSecret;
use ripieno_secagg::round::publish::Verdict;
use ripieno_secagg::round::upload::Trailer;
use ripieno_simulation::{Outcome, SumReceipt};
use ripieno_study::contract::{Privacy, SUITE};
use ripieno_study::plan::{Clip, Encoding, InputSpec};
use ripieno_study::{Digest, SiteIndex, SiteSet};
use serde::Serialize;
use serde_json::{Value, json};

use crate::output::hex;

use super::name_of;

/// An opened sum: everything that its signatures are over (docs/protocol.md, sections 3 and 4).
#[derive(Debug, Serialize)]
pub(crate) struct ReceiptOut {
    suite: &'static str,
    charter: Digest,
    study: Digest,
    round: u32,
    epoch: u64,
    transcript: Digest,
    slot: u16,
    cohort: u32,
    ctx: Digest,
    state: Digest,
    participants: Vec<SiteOut>,
    survivors: Vec<SiteOut>,
    missing: Vec<SiteOut>,
    minimum: u16,
    membership: &'static str,
    privacy: &'static str,
    plan: Value,
    contract_signature: String,
    verdicts: Vec<Value>,
    outcome_signatures: Vec<Value>,
    trailers: Vec<Value>,
    revealed_self_secrets: Vec<Value>,
    revealed_root_secrets: Vec<Value>,
    sum: Digest,
    next_state: Digest,
    at: u64,
    coordinator_signature: String,
}

#[derive(Debug, Serialize)]
struct SiteOut {
    index: SiteIndex,
    name: String,
}

/// One receipt.
pub(crate) fn receipt(outcome: &Outcome, summary: &RoundSummary, kept: &SumReceipt) -> ReceiptOut {
    let (contract, receipt) = (&kept.contract.contract, &kept.receipt);
    let site = |index| SiteOut { index, name: name_of(outcome, index).to_owned() };
    let list = |sites: &SiteSet| sites.iter().map(site).collect();
    ReceiptOut {
        suite: SUITE,
        charter: outcome.charter.digest(),
        study: contract.study,
        round: contract.round,
        epoch: summary.epoch,
        transcript: contract.transcript,
        slot: contract.slot,
        cohort: contract.cohort,
        ctx: contract.ctx(),
        state: contract.state,
        participants: list(&contract.participants),
        survivors: list(receipt.survivors()),
        missing: list(&contract.participants.difference(receipt.survivors())),
        minimum: contract.minimum,
        membership: contract.membership.name(),
        privacy: match contract.privacy {
            Privacy::NoNoise => "no-noise",
            _ => "unknown",
        },
        plan: json!({
            "tile_lanes": contract.plan.tile_lanes,
            "inputs": contract.plan.inputs.iter().map(input).collect::<Vec<_>>(),
        }),
        contract_signature: hex(kept.contract.signature.as_bytes()),
        verdicts: kept.contract.verdicts.iter().map(verdict).collect(),
        outcome_signatures: signatures(&receipt.certificate.signatures),
        trailers: receipt.trailers.iter().map(trailer).collect(),
        revealed_self_secrets: receipt.selfs.iter().map(secret).collect(),
        revealed_root_secrets: receipt.roots.iter().map(secret).collect(),
        sum: receipt.sum,
        next_state: receipt.next_state,
        at: receipt.at,
        coordinator_signature: hex(receipt.signature.as_bytes()),
    }
}

fn input(input: &InputSpec) -> Value {
    let encoding = match input.encoding {
        Encoding::Wide => json!({ "kind": "wide" }),
        Encoding::Packed { packing, range, clip } => {
            let clip = match clip {
                Clip::Refuse => "refuse",
                Clip::Coordinate => "coordinate",
                Clip::L2 => "l2",
            };
            json!({
                "kind": "packed", "fields_per_lane": packing.fields(), "range": range, "clip": clip
            })
        }
    };
    json!({ "name": input.name, "length": input.length, "encoding": encoding })
}

fn signatures(signatures: &BTreeMap<SiteIndex, ripieno_identity::Signature>) -> Vec<Value> {
    let one = |(index, signature): (&SiteIndex, &ripieno_identity::Signature)| json!({ "index": index, "signature": hex(signature.as_bytes()) });
    signatures.iter().map(one).collect()
}

fn trailer(trailer: &Trailer) -> Value {
    json!({
        "index": trailer.from,
        "root": trailer.root,
        "lanes": trailer.lanes,
        "ledger": { "count": trailer.ledger.count, "head": trailer.ledger.digest },
        "audit": trailer.audit,
        "signature": hex(trailer.signature.as_bytes()),
    })
}

fn verdict(verdict: &Verdict) -> Value {
    json!({
        "index": verdict.from,
        "ctx": verdict.ctx,
        "sum": verdict.sum,
        "tiles": verdict.tiles,
        "holds": verdict.holds,
        "signature": hex(verdict.signature.as_bytes()),
    })
}

/// A secret that the protocol revealed: of no use once its slot is spent.
fn secret(secret: &SiteSecret) -> Value {
    json!({ "index": secret.site, "scalar": hex(&secret.scalar) })
}
