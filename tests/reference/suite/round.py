"""§5: one round on lanes, from the shares and keys of an epoch."""

import numpy

from . import derive, digests, keys, mask, shamir
from .encode import PER_LANE
from .epoch import KINDS, Refused, holds


class Round:
    """What a contract says, with the epoch that it stands on."""

    def __init__(self, epoch, contract):
        self.epoch, self.contract = epoch, contract
        self.ctx = digests.ctx(contract)
        self.slot, self.participants, self.tile_lanes = contract["slot"], contract["participants"], contract["tile_lanes"]
        self.wide = [vector["encoding"]["kind"] == "wide" for vector in contract["vectors"]]
        self.lanes = [lanes_of(vector) for vector in contract["vectors"]]

    def split(self, lanes):
        """One array of lanes as one array for each vector."""
        return numpy.split(lanes, numpy.cumsum(self.lanes)[:-1])


def lanes_of(vector):
    if vector["encoding"]["kind"] == "wide":
        return 2 * vector["length"]
    per_lane = PER_LANE[vector["encoding"]["width"]]
    return (vector["length"] + per_lane - 1) // per_lane


def shifted(round_, vectors, seed, sign):
    return [mask.shift(round_.wide[number], lanes, seed, number, sign) for number, lanes in enumerate(vectors)]


def seeds(round_, site):
    """The self seed and the pair seeds by peer."""
    own = site.mask_secret(round_.epoch.federation, round_.epoch.number, round_.slot)
    pairs = {
        peer: derive.pair_seed(round_.ctx, site.index, own, peer, round_.epoch.advert(peer)["slots"][round_.slot]["mask_key"])
        for peer in round_.participants
        if peer != site.index
    }
    return derive.self_seed(round_.ctx, site.index, site.secret("self", round_.slot)), pairs


def masked(round_, site, vectors):
    """R2: y(u)."""
    own, pairs = seeds(round_, site)
    vectors = shifted(round_, vectors, own, 1)
    for peer, seed in pairs.items():
        vectors = shifted(round_, vectors, seed, mask.sign_of(site.index, peer))
    return vectors


def trailer(round_, site, vectors, sums, ledger, audit):
    """R2; `sums` are the slots of the study that the site is in already."""
    fields = {
        "ctx": round_.ctx, "from": site.index, "root": digests.tiles_root(vectors, round_.tile_lanes),
        "lanes": sum(round_.lanes), "history": digests.history(sums), "ledger": ledger, "audit": audit,
    }
    return {**fields, "signature": site.signed(digests.trailer(fields))}


def check_trailers(round_, survivors, signed):
    """C1 and C2, but for the own trailer; L1 for the sums of the study."""
    if not set(survivors) <= set(round_.participants) or len(survivors) < round_.contract["minimum"]:
        raise Refused("C1", "the survivors are not of P, or too few")
    if [one["from"] for one in signed] != survivors:
        raise Refused("C2", "survivors and trailers do not go together")
    for one in signed:
        holds("C2", keys.verify, round_.epoch.keys[one["from"]], digests.trailer(one), one["signature"])
        if one["ctx"] != round_.ctx or one["lanes"] != sum(round_.lanes):
            raise Refused("C2", "of another round")
    if round_.contract["membership"] == "fixed" and len({one["history"] for one in signed}) > 1:
        raise Refused("L1", "in other sums of the study")


def outcome(round_, survivors, signed):
    return digests.outcome(round_.epoch.digest, round_.slot, round_.ctx, survivors, digests.trailers(signed))


def check_certificate(round_, outcome_digest, certificate):
    """U1."""
    signers = [one["site"] for one in certificate]
    if len(set(signers) & set(round_.epoch.holders)) < round_.epoch.threshold or len(set(signers)) != len(signers):
        raise Refused("U1", "fewer than t distinct holders")
    for one in certificate:
        holds("U1", keys.verify, round_.epoch.keys[one["site"]], outcome_digest, one["signature"])


def release(round_, site, survivors, shares):
    """R4; `shares` are this holder's, by dealer, in the order of the leaves."""
    lost = [index for index in round_.participants if index not in survivors]
    held = lambda dealer, kind: {"site": dealer, "scalar": shares[dealer][2 * round_.slot + KINDS.index(kind)]}
    fields = {
        "transcript": round_.epoch.digest, "slot": round_.slot, "ctx": round_.ctx, "from": site.index,
        "selfs": [held(dealer, "self") for dealer in survivors], "roots": [held(dealer, "root") for dealer in lost],
    }
    return {**fields, "signature": site.signed(digests.release(fields))}


def reconstruct(round_, releases):
    """R5: the revealed secrets from t releases, each verified (R2 of the checks)."""
    revealed = {"selfs": [], "roots": []}
    for kind in revealed:
        for place, first in enumerate(releases[0][kind]):
            points = {r["from"]: holds("R2", shamir.from_bytes, r[kind][place]["scalar"]) for r in releases}
            revealed[kind].append({"site": first["site"], "scalar": shamir.to_bytes(shamir.secret(points))})
    check_secrets("R2", round_, revealed["selfs"], revealed["roots"])
    return revealed["selfs"], revealed["roots"]


def check_secrets(check, round_, selfs, roots):
    """Every revealed secret against its advert."""
    federation, number, slot = round_.epoch.federation, round_.epoch.number, round_.slot
    for kind, revealed, derived in (
        ("self_commitment", selfs, derive.self_commitment),
        ("mask_key", roots, derive.mask_public),
    ):
        for one in revealed:
            secret = holds(check, shamir.from_bytes, one["scalar"])
            if derived(federation, number, slot, one["site"], secret) != round_.epoch.advert(one["site"])["slots"][slot][kind]:
                raise Refused(check, f"the {kind} of site {one['site']} does not fit")


def opened(round_, uploads, selfs, roots):
    """R5: the sum, from the uploads of U by site."""
    total = None
    for vectors in uploads.values():
        total = vectors if total is None else [mask.add(w, a, b) for w, a, b in zip(round_.wide, total, vectors)]
    for one in selfs:
        seed = derive.self_seed(round_.ctx, one["site"], shamir.from_bytes(one["scalar"]))
        total = shifted(round_, total, seed, -1)
    for one in roots:
        lost, slot = one["site"], round_.slot
        secret = derive.mask_secret(round_.epoch.federation, round_.epoch.number, slot, lost, shamir.from_bytes(one["scalar"]))
        for survivor in uploads:
            seed = derive.pair_seed(round_.ctx, lost, secret, survivor, round_.epoch.advert(survivor)["slots"][slot]["mask_key"])
            total = shifted(round_, total, seed, -mask.sign_of(survivor, lost))
    return total
