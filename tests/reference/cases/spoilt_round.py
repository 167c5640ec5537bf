"""Contracts, trailers, certificates of VOID and tiles, spoilt (R1 to R3, P1)."""

from suite import digests, epoch, hashing, keys, round
from suite.parameters import void_signatures

from .cast import LOST, MEMBERS, SLOT, seed
from .fixed import change, draw, flip
from .spoil import COORDINATOR, DEALER, refused, site, spoilt_signatures


def check_contract(play, contract, verdicts, signature):
    key, digest = play.charter["coordinator"], digests.contract(play.charter_digest, digests.ctx(contract), verdicts)
    epoch.holds("S1", keys.verify, key, digest, signature)


def contracts(play):
    good = {"signature": play.contract_signature}
    digest = digests.contract(play.charter_digest, play.round.ctx, [])
    cases = [(name, play.contract, spoilt["signature"]) for name, spoilt in spoilt_signatures(good, digest, seed("coordinator"))]
    cases += [
        ("another round", {**play.contract, "round": 4}, play.contract_signature),
        ("fewer survivors", {**play.contract, "minimum": 3}, play.contract_signature),
        ("a participant more", {**play.contract, "participants": list(MEMBERS)}, play.contract_signature),
        ("signed by a site", play.contract, play.sites[1].signed(digest)),
        ("under another charter", play.contract, keys.sign(seed("coordinator"), digests.contract(draw(32, "round", "charter"), play.round.ctx, []))),
    ]
    return [
        refused("S1", name, COORDINATOR, check_contract, play, contract, [], signature, change=change(play.contract, contract), signature=signature)
        for name, contract, signature in cases
    ]


def trailers(play):
    """The trailers that are proposed, the one of site 7 spoilt."""
    good = play.trailers[DEALER]

    def resigned(**change):
        one = {**good, **change}
        return {**one, "signature": play.sites[DEALER].signed(digests.trailer(one))}

    cases = [(name, spoilt) for name, spoilt in spoilt_signatures(good, digests.trailer(good), seed(DEALER))]
    cases += [
        ("a root changed on the way", {**good, "root": flip(good["root"])}),
        ("of another round", resigned(ctx=draw(32, "round", "ctx"))),
        ("a lane less", resigned(lanes=good["lanes"] - 1)),
        ("of another site", play.trailers[LOST]),
        ("of another survivor", play.trailers[1]),
    ]
    shown = lambda one: [one if i == DEALER else play.trailers[i] for i in play.survivors]
    return [
        refused("C2", name, COORDINATOR, round.check_trailers, play.round, play.survivors, shown(one), change=change(good, one))
        for name, one in cases
    ]


def histories(play):
    """The trailers of a fixed round of the same sites: that of site 7 names other sums of the study than theirs."""
    contract = {**play.contract, "membership": "fixed"}
    fixed, sites = round.Round(play.epoch, contract), contract["participants"]
    before = (draw(32, "round", "before"), 0)

    def shown(odd):
        named = lambda i: odd if i == DEALER else [before]
        return [
            round.trailer(fixed, play.sites[i], play.masked[i], named(i), play.trailers[i]["ledger"], play.trailers[i]["audit"])
            for i in sites
        ]

    round.check_trailers(fixed, sites, shown([before]))
    another = (before[0], 1)
    cases = [("a sum forgotten", []), ("another sum", [another]), ("a sum more", [before, another])]
    return {
        "contract": contract,
        "contract_signature": keys.sign(seed("coordinator"), digests.contract(play.charter_digest, fixed.ctx, [])),
        "good": shown([before]),
        "refused": [
            refused("L1", name, site(DEALER), round.check_trailers, fixed, sites, shown(odd), trailers=shown(odd)) for name, odd in cases
        ],
    }


def uploads(play):
    """What the coordinator is sent as trailer of site 7, whose tiles it has."""
    good = play.trailers[DEALER]

    def resigned(**change):
        one = {**good, **change}
        return {**one, "signature": play.sites[DEALER].signed(digests.trailer(one))}

    cases = list(spoilt_signatures(good, digests.trailer(good), seed(DEALER)))
    cases += [
        ("a root changed on the way", {**good, "root": flip(good["root"])}),
        ("the root of other tiles", resigned(root=play.trailers[1]["root"])),
        ("of another round", resigned(ctx=draw(32, "round", "ctx"))),
        ("a lane less", resigned(lanes=good["lanes"] - 1)),
    ]
    return [refused("R1", name, site(DEALER), check_upload, play, one, change=change(good, one)) for name, one in cases]


def check_upload(play, one):
    epoch.holds("R1", keys.verify, play.epoch.keys[one["from"]], digests.trailer(one), one["signature"])
    root = digests.tiles_root(play.masked[one["from"]], play.round.tile_lanes)
    if (one["ctx"], one["lanes"], one["root"]) != (play.round.ctx, sum(play.round.lanes), root):
        raise epoch.Refused("R1", "not the trailer of these tiles")


def check_void(play, signatures):
    """A VOID certificate: v signatures of distinct holders."""
    signers = {one["site"] for one in signatures}
    if len(signers) < void_signatures(len(play.epoch.holders), play.epoch.corrupt) or not signers <= set(play.epoch.holders):
        raise epoch.Refused("U1", "fewer than v holders")
    for one in signatures:
        epoch.holds("U1", keys.verify, play.epoch.keys[one["site"]], digests.void(play.epoch.digest, SLOT), one["signature"])


def voids(play):
    """VOID certificates; v is 4 here."""
    signed = lambda index, slot=SLOT: {"site": index, "signature": play.sites[index].signed(digests.void(play.epoch.digest, slot))}
    good = [signed(i) for i in (1, 2, 4, 300)]
    check_void(play, good)
    cases = [
        ("fewer than v", good[:3]),
        ("a signature on another slot", [signed(1, 0), *good[1:]]),
        ("a signature on a set", [play.ballots[0], *good[1:]]),
        ("a changed signature", [{**good[0], "signature": flip(good[0]["signature"], 40)}, *good[1:]]),
        ("a stranger", [*good[:3], {**good[3], "site": 301}]),
    ]
    return {
        "void": good,
        "voids_refused": [refused("U1", name, COORDINATOR, check_void, play, given, signatures=given) for name, given in cases],
    }


def tile_leaves(play, index):
    lanes = digests.tiles(play.masked[index], play.round.tile_lanes)
    return [digests.digest("tile", number, tile) for number, tile in enumerate(lanes)]


def check_part(play, number, index, path):
    leaves = tile_leaves(play, index)
    root = epoch.holds("P1", hashing.climb, "tile-node", leaves[number], number, len(leaves), path)
    if root != play.trailers[index]["root"]:
        raise epoch.Refused("P1", "not the upload that was signed")


def parts(play):
    """The paths of the survivors' tiles to the roots of their trailers, by tile and site, and some that lead elsewhere."""
    leaves = {i: tile_leaves(play, i) for i in play.survivors}
    count = len(leaves[1])
    paths = [{i: hashing.path("tile-node", leaves[i], number) for i in play.survivors} for number in range(count)]
    for number in range(count):
        for i in play.survivors:
            check_part(play, number, i, paths[number][i])
    cases = [
        ("a digest of the path", 0, 7, [flip(paths[0][7][0]), *paths[0][7][1:]]),
        ("the path of another tile", 1, 7, paths[0][7]),
        ("the path of another site", 2, 7, paths[2][1]),
        ("a path that is too short", 3, 9, paths[3][9][:-1]),
        ("a path that is too long", 3, 9, [*paths[3][9], paths[3][9][0]]),
    ]
    return {
        "tile_paths": paths,
        "parts_refused": [
            refused("P1", name, COORDINATOR, check_part, play, number, i, path, tile=number, site=i, path=path)
            for name, number, i, path in cases
        ],
    }
