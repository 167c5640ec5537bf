"""Certificates, releases, proofs, receipts and sums, spoilt (R3 to R5)."""

import numpy

from suite import digests, epoch, hashing, keys, round, shamir
from suite.keys import ORDER

from .cast import SLOT, seed
from .fixed import change, draw, flip
from .spoil import COORDINATOR, DEALER, HOLDER, refused, site, spoilt_signatures


def certificates(play):
    """Signatures on the outcome, as a holder is shown them."""
    by_site = {one["site"]: one["signature"] for one in play.ballots}
    listed = lambda signatures: [{"site": i, "signature": signature} for i, signature in sorted(signatures.items())]
    enough = {i: by_site[i] for i in (1, 2, 7, 9)}
    spoilt = spoilt_signatures({"signature": by_site[7]}, play.outcome, seed(7))
    cases = [(name, {**enough, 7: one["signature"]}) for name, one in spoilt]
    other = digests.outcome(play.epoch.digest, SLOT, play.round.ctx, play.contract["participants"], play.trailers_digest)
    cases += [
        ("fewer than t", {i: by_site[i] for i in (1, 2, 7)}),
        ("a signature of another holder", {**enough, 7: by_site[1]}),
        ("a stranger for a holder", {1: by_site[1], 2: by_site[2], 7: by_site[7], 8: by_site[9]}),
        ("a signature on VOID", {**enough, 7: play.sites[7].signed(digests.void(play.epoch.digest, SLOT))}),
        ("a signature on another set", {**enough, 7: play.sites[7].signed(other)}),
        ("a bad one beside t good ones", {**enough, 300: flip(by_site[300])}),
    ]
    return [
        refused("U1", name, COORDINATOR, check_certificate, play, listed(signatures), signatures=listed(signatures))
        for name, signatures in cases
    ]


def check_certificate(play, signatures):
    if any(one["site"] not in play.epoch.holders for one in signatures):
        raise epoch.Refused("U1", "of a stranger")
    round.check_certificate(play.round, play.outcome, signatures)


def check_release(play, release):
    """The coordinator's part of R2 that one release shows by itself."""
    e = play.epoch
    epoch.holds("R2", keys.verify, e.keys[release["from"]], digests.release(release), release["signature"])
    if (release["transcript"], release["slot"], release["ctx"]) != (e.digest, SLOT, play.round.ctx):
        raise epoch.Refused("R2", "for another slot")
    asked = {"selfs": set(play.survivors), "roots": set(play.contract["participants"]) - set(play.survivors)}
    for kind, of in asked.items():
        indices = [one["site"] for one in release[kind]]
        if indices != sorted(set(indices)) or not set(indices) <= of:
            raise epoch.Refused("R2", "shares that were not asked for")
        for one in release[kind]:
            epoch.holds("R2", shamir.from_bytes, one["scalar"])


def releases(play):
    """The release of site 7, and releases that give a wrong secret."""
    good = play.releases[DEALER]

    def resigned(**change):
        one = {**good, **change}
        return {**one, "signature": play.sites[DEALER].signed(digests.release(one))}

    large = {**good["selfs"][0], "scalar": (shamir.from_bytes(good["selfs"][0]["scalar"]) + ORDER).to_bytes(32, "little")}
    root = {"site": 1, "scalar": play.shares[DEALER][1][2 * SLOT]}
    cases = [(name, spoilt) for name, spoilt in spoilt_signatures(good, digests.release(good), seed(DEALER))]
    cases += [
        ("a scalar that is not canonical", resigned(selfs=[large, *good["selfs"][1:]])),
        ("both kinds of one site", resigned(roots=[root, *good["roots"]])),
        ("the root of a survivor for its self", resigned(selfs=good["selfs"][1:], roots=[root, *good["roots"]])),
        ("the self of the lost site", resigned(selfs=sorted([*good["selfs"], {**good["roots"][0]}], key=lambda one: one["site"]), roots=[])),
        ("one share twice", resigned(selfs=[good["selfs"][0], *good["selfs"]])),
        ("of another slot", resigned(slot=0)),
        ("of another round", resigned(ctx=draw(32, "round", "ctx"))),
        ("shares changed on the way", {**good, "selfs": [{**good["selfs"][0], "scalar": flip(good["selfs"][0]["scalar"])}, *good["selfs"][1:]]}),
    ]
    made = [refused("R2", name, site(DEALER), check_release, play, one, change=change(good, one)) for name, one in cases]
    more = lambda one: {**one, "scalar": shamir.to_bytes((shamir.from_bytes(one["scalar"]) + 1) % ORDER)}
    first, second = good["selfs"][:2]
    swapped = [{**first, "scalar": second["scalar"]}, {**second, "scalar": first["scalar"]}]
    for name, one in [
        ("a wrong self share", resigned(selfs=[more(first), *good["selfs"][1:]])),
        ("a wrong root share", resigned(roots=[more(good["roots"][0])])),
        ("two shares swapped", resigned(selfs=[*swapped, *good["selfs"][2:]])),
    ]:
        check_release(play, one)
        others = [play.releases[i] for i in (1, 2, 4)]
        made.append({**refused("R2", name, None, round.reconstruct, play.round, [*others, one], change=change(good, one)), "reconstructs_wrongly": True})
    return made


def proof(play):
    """Site 2 proves its share of site 7's self."""
    leaves = digests.holder_leaves(DEALER, HOLDER, play.shares[HOLDER][DEALER])
    return {
        "holder": HOLDER, "dealer": DEALER, "kind": "self", "slot": SLOT, "share": play.shares[HOLDER][DEALER][2 * SLOT + 1],
        "leaf_path": hashing.path("share-node", leaves, 2 * SLOT + 1),
        **{name: play.bundles[DEALER][HOLDER][name] for name in ("path", "root", "signature")},
    }


def check_proof(play, shown):
    e, kind = play.epoch, epoch.KINDS.index(shown["kind"])
    leaf = digests.share_leaf(shown["dealer"], shown["holder"], shown["slot"], kind, shown["share"])
    node = epoch.holds("R2", hashing.climb, "share-node", leaf, 2 * shown["slot"] + kind, 2 * e.slots, shown["leaf_path"])
    top = epoch.holds("R2", hashing.climb, "share-node", node, e.holders.index(shown["holder"]), len(e.holders), shown["path"])
    if top != shown["root"]:
        raise epoch.Refused("R2", "does not lead to the root")
    digest = digests.share_root(e.digest, shown["dealer"], shown["root"])
    epoch.holds("R2", keys.verify, e.keys[shown["dealer"]], digest, shown["signature"])


def proofs(play):
    good = proof(play)
    check_proof(play, good)
    digest = digests.share_root(play.epoch.digest, DEALER, good["root"])
    own_leaf = digests.share_leaf(DEALER, HOLDER, SLOT, 1, good["share"])
    cases = [
        ("a wrong share", {**good, "share": shamir.to_bytes((shamir.from_bytes(good["share"]) + 1) % ORDER)}),
        ("of the other kind", {**good, "kind": "root"}),
        ("of the other slot", {**good, "slot": 0}),
        ("of another holder", {**good, "holder": 1}),
        ("of another dealer", {**good, "dealer": 9}),
        ("a digest of the leaf's path", {**good, "leaf_path": [flip(good["leaf_path"][0]), *good["leaf_path"][1:]]}),
        ("a leaf's path that is too short", {**good, "leaf_path": good["leaf_path"][:-1]}),
        ("a path that is too long", {**good, "path": [*good["path"], own_leaf]}),
        ("a root of its own", {**good, "leaf_path": good["leaf_path"], "root": flip(good["root"])}),
        *spoilt_signatures(good, digest, seed(DEALER)),
    ]
    return [refused("R2", name, site(shown["holder"]), check_proof, play, shown, change=change(good, shown)) for name, shown in cases]


def check_receipt(play, selfs, roots, total, signature):
    digest = digests.receipt(play.charter_digest, play.outcome, play.ballots, play.trailers_digest, selfs, roots, total, play.next_state, play.time)
    epoch.holds("P1", keys.verify, play.charter["coordinator"], digest, signature)
    round.check_secrets("P1", play.round, selfs, roots)


def receipts(play):
    """Revealed secrets, digest of the sum and signature of the receipt; all else is as it was."""
    selfs, roots, total = play.selfs, play.roots, play.total_digest

    def signed(selfs=selfs, roots=roots, total=total):
        digest = digests.receipt(
            play.charter_digest, play.outcome, play.ballots, play.trailers_digest, selfs, roots, total, play.next_state, play.time
        )
        return {"selfs": selfs, "roots": roots, "sum_digest": total, "signature": keys.sign(seed("coordinator"), digest)}

    more = lambda one: {**one, "scalar": shamir.to_bytes((shamir.from_bytes(one["scalar"]) + 1) % ORDER)}
    swapped = [{**selfs[0], "scalar": selfs[1]["scalar"]}, {**selfs[1], "scalar": selfs[0]["scalar"]}, *selfs[2:]]
    large = {**roots[0], "scalar": (shamir.from_bytes(roots[0]["scalar"]) + ORDER).to_bytes(32, "little")}
    cases = list(spoilt_signatures(signed(), play.receipt, seed("coordinator")))
    cases += [
        ("a wrong self", signed(selfs=[more(selfs[0]), *selfs[1:]])),
        ("two selfs swapped", signed(selfs=swapped)),
        ("a wrong root", signed(roots=[more(roots[0])])),
        ("a root that is not canonical", signed(roots=[large])),
        ("another sum, signed over the old one", {**signed(), "sum_digest": flip(total)}),
    ]
    return [
        refused("P1", name, COORDINATOR, check_receipt, play, one["selfs"], one["roots"], one["sum_digest"], one["signature"], **one)
        for name, one in cases
    ]


def sums(play):
    """Another sum under a receipt that says so: lane and bit that differ."""
    made = []
    for name, lane, bit in [("the first lane", 0, 0), ("the last lane of a tile", 511, 63), ("the last lane", -1, 0)]:
        total = numpy.concatenate(play.total)
        lane %= len(total)
        total[lane] ^= numpy.uint64(1 << bit)
        digest = digests.sum_root(play.round.split(total), play.round.tile_lanes)
        receipt = digests.receipt(
            play.charter_digest, play.outcome, play.ballots, play.trailers_digest, play.selfs, play.roots, digest, play.next_state, play.time
        )
        made.append({
            "name": name, "check": "P1", "culprit": COORDINATOR, "lane": lane, "bit": bit, "sum_digest": digest,
            "signature": keys.sign(seed("coordinator"), receipt),
        })
    return made
