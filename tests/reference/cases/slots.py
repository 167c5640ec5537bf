"""The secrets of a slot, masks, shares and their trees (§3, E2)."""

import numpy

from suite import derive, digests, hashing, keys, mask, parameters, shamir

from .fixed import draw

FEDERATION, EPOCH, SLOT = "north sea", 2**33 + 7, 3
SITES = (1, 2, 300)
CTX, TRANSCRIPT = draw(32, "slots", "ctx"), draw(32, "slots", "T")


def scalar(*name):
    return shamir.reduced(draw(64, "slots", *name))


def build():
    return {
        "federation": FEDERATION, "epoch": EPOCH, "slot": SLOT, "ctx": CTX, "transcript": TRANSCRIPT,
        "parameters": sizes(),
        "sites": [secrets(site) for site in SITES],
        "pairs": pairs(),
        "channels": channels(),
        "streams": streams(),
        "rings": rings(),
        "sharing": sharing(),
        "scalars_refused": [shamir.ORDER.to_bytes(32, "little"), (shamir.ORDER + 1).to_bytes(32, "little"), b"\xff" * 32],
        "trees": trees(),
        "leaves": leaves(),
    }


def sizes():
    """n, c, t, the least m, v."""
    return [
        [n, c, parameters.threshold(n, c), parameters.least_survivors(n, c), parameters.void_signatures(n, c)]
        for n, c in [(3, 0), (4, 0), (4, 1), (5, 1), (6, 1), (7, 2), (10, 7), (64, 5), (127, 40), (128, 0), (128, 41), (128, 125)]
    ]


def secrets(site):
    root, own, local = scalar("root", site), scalar("self", site), draw(32, "slots", "local", site)
    return {
        "site": site,
        "root": shamir.to_bytes(root),
        "self": shamir.to_bytes(own),
        "local": local,
        "mask_secret": derive.mask_secret(FEDERATION, EPOCH, SLOT, site, root),
        "mask_key": derive.mask_public(FEDERATION, EPOCH, SLOT, site, root),
        "self_commitment": derive.self_commitment(FEDERATION, EPOCH, SLOT, site, own),
        "self_seed": derive.self_seed(CTX, site, own),
        "rounding_seed": derive.rounding_seed(CTX, site, local),
    }


def pairs():
    """Each pair from both ends."""
    made = []
    for low, high in [(1, 2), (1, 300), (2, 300)]:
        key = {site: derive.mask_secret(FEDERATION, EPOCH, SLOT, site, scalar("root", site)) for site in (low, high)}
        seed = derive.pair_seed(CTX, low, key[low], high, keys.x_public(key[high]))
        assert seed == derive.pair_seed(CTX, high, key[high], low, keys.x_public(key[low]))
        made.append({"sites": [low, high], "seed": seed})
    return made


def channels():
    secret = {site: draw(32, "slots", "channel", site) for site in (1, 300)}
    key = lambda dealer, holder: derive.channel_key(TRANSCRIPT, dealer, holder, secret[dealer], keys.x_public(secret[holder]))
    return {
        "secrets": [secret[1], secret[300]],
        "keys": [{"dealer": 1, "holder": 300, "key": key(1, 300)}, {"dealer": 300, "holder": 1, "key": key(300, 1)}],
    }


def streams():
    """Lanes of the stream of site 2's self seed, in the middle and in vectors of large numbers."""
    seed = derive.self_seed(CTX, 2, scalar("self", 2))
    cases = [(0, 0, 5), (1, 0, 2), (0, 1001, 4), (2**40 + 5, 511, 3)]
    return [
        {"vector": vector, "first_lane": first, "lanes": mask.keystream(seed, vector, first + count)[first:]}
        for vector, first, count in cases
    ]


def rings():
    """Lanes with the stream of a seed added and taken off, carries included."""
    seed = derive.self_seed(CTX, 2, scalar("self", 2))
    stream = mask.keystream(seed, 9, 6)
    lanes = numpy.array([2**64 - 1, 2**64 - 1, 0, 0, int(stream[4]), 0], dtype="<u8")
    return [
        {
            "wide": wide, "vector": 9, "lanes": lanes,
            "added": mask.shift(wide, lanes, seed, 9, 1), "taken_off": mask.shift(wide, lanes, seed, 9, -1),
        }
        for wide in (False, True)
    ]


def sharing():
    """Polynomials of several degrees, with any t of the shares."""
    made = []
    for t, holders in [(1, [7]), (2, [1, 2, 3]), (4, [1, 2, 5, 8, 300, 65535])]:
        coefficients = [scalar("coefficient", t, power) for power in range(t)]
        shares = {holder: shamir.share(coefficients, holder) for holder in holders}
        enough = dict(list(shares.items())[-t:])
        assert shamir.secret(enough) == coefficients[0]
        wrong = dict(enough)
        wrong[holders[-1]] = (wrong[holders[-1]] + 1) % shamir.ORDER
        swapped = dict(zip(enough, reversed(enough.values())))
        made.append({
            "coefficients_wide": [draw(64, "slots", "coefficient", t, power) for power in range(t)],
            "secret": shamir.to_bytes(coefficients[0]),
            "holders": holders,
            "shares": [shamir.to_bytes(share) for share in shares.values()],
            "wrong_share_gives": shamir.to_bytes(shamir.secret(wrong)),
            "swapped_shares_give": shamir.to_bytes(shamir.secret(swapped)) if t > 1 else None,
        })
    return made


def trees():
    """Roots and paths over 0 to 9 leaves, with paths that lead nowhere."""
    made = []
    for count in range(10):
        leaves = [draw(32, "slots", "leaf", i) for i in range(count)]
        paths = [hashing.path("share-node", leaves, i) for i in range(count)]
        root = hashing.root("share-node", leaves)
        for i, path in enumerate(paths):
            assert hashing.climb("share-node", leaves[i], i, count, path) == root
        made.append({"root": root, "paths": paths})
    return {"leaves": [draw(32, "slots", "leaf", i) for i in range(9)], "by_count": made}


def leaves():
    share = shamir.to_bytes(scalar("share"))
    return {
        "share": share,
        "share_leaf_root": digests.share_leaf(2, 300, SLOT, 0, share),
        "share_leaf_self": digests.share_leaf(2, 300, SLOT, 1, share),
        "share_root": digests.share_root(TRANSCRIPT, 2, draw(32, "slots", "tree")),
        "tree": draw(32, "slots", "tree"),
    }
