"""An epoch of six sites and a round of five, message by message, and each message spoilt."""

import numpy

from suite import derive, digests

from . import cast
from .cast import LOST, MEMBERS, NUMBER, OUTSIDE, SLOT, SLOTS, seed
from .spoilt_epoch import acceptances, adverts, bundles
from .spoilt_opening import certificates, proof, proofs, receipts, releases, sums
from .spoilt_round import contracts, histories, parts, trailers, uploads, voids


def build():
    play = cast.play()
    return {
        "charter": play.charter, "charter_digest": play.charter_digest,
        "seeds": {str(name): seed(name) for name in (*MEMBERS, "coordinator")},
        "epoch": set_up(play), "round": whole(play),
        "adverts_refused": adverts(play), "bundles_refused": bundles(play), "acceptances_refused": acceptances(play),
        "contracts_refused": contracts(play), "trailers_refused": trailers(play), "histories": histories(play), "certificates_refused": certificates(play),
        "releases_refused": releases(play), "proof": proof(play), "proofs_refused": proofs(play), "receipts_refused": receipts(play),
        "sums_refused": sums(play), "uploads_refused": uploads(play), **voids(play), **parts(play),
    }


def set_up(play):
    return {
        "number": NUMBER, "slots": SLOTS, "threshold": play.epoch.threshold, "draws": {i: site.draws for i, site in play.sites.items()},
        "adverts": play.adverts, "transcript": play.epoch.digest,
        "bundles": [{**bundle, "from": dealer} for dealer, bundles in play.bundles.items() for bundle in bundles.values()],
        "acceptances": play.acceptances,
    }


def whole(play):
    return {
        "contract": play.contract, "ctx": play.round.ctx, "contract_signature": play.contract_signature,
        "rounding_seeds": {i: derive.rounding_seed(play.round.ctx, i, play.sites[i].local(SLOT)) for i in play.contract["participants"]},
        "self_seeds": {i: derive.self_seed(play.round.ctx, i, play.sites[i].secret("self", SLOT)) for i in play.contract["participants"]},
        "inputs": {i: joined(lanes) for i, lanes in play.inputs.items()},
        "masked": {i: joined(lanes) for i, lanes in play.masked.items()},
        "trailers": play.trailers, "survivors": play.survivors, "lost": LOST, "outside": OUTSIDE,
        "trailers_digest": play.trailers_digest, "outcome": play.outcome, "void": digests.void(play.epoch.digest, SLOT),
        "ballots": play.ballots, "releases": play.releases, "releasing": [OUTSIDE, LOST, 1, 9],
        "selfs": play.selfs, "roots": play.roots, "sum": joined(play.total), "sum_digest": play.total_digest,
        "next_state": play.next_state, "time": play.time, "receipt": play.receipt, "receipt_signature": play.receipt_signature,
    }


def joined(vectors):
    return numpy.concatenate(vectors)
