"""Keys and signatures, and those that only a lax library accepts (§2, E2)."""

from suite import keys
from suite.keys import BASE, ORDER, P

from .fixed import draw, flip

SEED = draw(32, "keys", "signer")
MESSAGE = draw(32, "keys", "digest")


def build():
    torsion = keys.small_points()
    good = [draw(32, "keys", "good", i) for i in range(4)]
    vectors = {
        "ed25519": [{"seed": seed, "key": keys.public(seed)} for seed in good],
        "ed25519_refused": refused_keys(torsion),
        "signatures": [
            {"seed": seed, "key": keys.public(seed), "digest": MESSAGE, "signature": keys.sign(seed, MESSAGE)} for seed in good
        ],
        "signatures_refused": refused_signatures(torsion),
        "x25519": [{"secret": seed, "key": keys.x_public(seed)} for seed in good],
        "x25519_refused": refused_x25519(),
    }
    confirm(vectors)
    return vectors


def confirm(vectors):
    """The reference itself takes the good ones and refuses the others."""
    for one in vectors["signatures"]:
        keys.verify(one["key"], one["digest"], one["signature"])
    for one in vectors["ed25519_refused"]:
        refuses(one, keys.public_key, one["key"])
    for one in vectors["signatures_refused"]:
        refuses(one, keys.verify, one["key"], one["digest"], one["signature"])
    for one in vectors["x25519_refused"]:
        refuses(one, keys.x_key, one["key"])


def refuses(one, test, *args):
    try:
        test(*args)
    except ValueError:
        return
    raise AssertionError(f"the reference accepts {one['name']}")


def refused_keys(torsion):
    mixed = keys.add(keys.decode(keys.public(SEED)), torsion[1])
    no_point = next(y for y in range(2, 60) if not on_curve(y))
    late = next(y for y in range(19) if on_curve(y) and y > 1)
    return [
        *({"name": f"small order, {i} times the generator", "key": keys.encode(point)} for i, point in enumerate(torsion)),
        {"name": "prime order and a small-order part", "key": keys.encode(mixed)},
        {"name": "y = p + 1 for the neutral element", "key": (P + 1).to_bytes(32, "little")},
        {"name": "y = p for a point of order 4", "key": P.to_bytes(32, "little")},
        {"name": "y not below p", "key": (P + late).to_bytes(32, "little")},
        {"name": "minus zero", "key": (1 | 1 << 255).to_bytes(32, "little")},
        {"name": "not a point", "key": no_point.to_bytes(32, "little")},
    ]


def on_curve(y):
    try:
        keys.decode(y.to_bytes(32, "little"))
    except ValueError:
        return False
    return True


def refused_signatures(torsion):
    a, key = keys.secret_scalar(SEED), keys.public(SEED)
    signature = keys.sign(SEED, MESSAGE)
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    nonce = int.from_bytes(draw(64, "keys", "nonce"), "little") % ORDER

    def forged(r, scalar=0, key=key):
        """s = scalar + k·a: it fulfils 8sB = 8R + 8kA where R = scalar·B and a point of small order."""
        return r + ((scalar + keys.challenge(r, key, MESSAGE) * a) % ORDER).to_bytes(32, "little")

    neutral = keys.encode(torsion[0])
    mixed_key = keys.encode(keys.add(keys.decode(key), torsion[4]))
    cases = [
        ("a bit of R", flip(signature), key),
        ("a bit of s", flip(signature, 32), key),
        ("of another digest", keys.sign(SEED, flip(MESSAGE)), key),
        ("of another key", keys.sign(draw(32, "keys", "other"), MESSAGE), key),
        ("s plus the group order", r + (s + ORDER).to_bytes(32, "little"), key),
        ("s plus eight times the group order, less the top bits", r + ((s + 8 * ORDER) % 2**256).to_bytes(32, "little"), key),
        ("R neutral", forged(neutral), key),
        ("R neutral, not canonical", forged((P + 1).to_bytes(32, "little")), key),
        ("R with a small-order part", forged(keys.encode(keys.add(keys.times(nonce, BASE), torsion[1])), nonce), key),
        ("R of order 8", forged(keys.encode(torsion[1])), key),
        ("a neutral key, for any digest", keys.encode(keys.times(5, BASE)) + (5).to_bytes(32, "little"), neutral),
        ("a key with a small-order part", forged(keys.encode(keys.times(nonce, BASE)), nonce, mixed_key), mixed_key),
        ("all zero", bytes(64), key),
    ]
    return [{"name": name, "key": key, "digest": MESSAGE, "signature": signature} for name, signature, key in cases]


def refused_x25519():
    low = [
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        P - 1,
    ]
    return [
        *({"name": f"low order, u = {u}", "key": u.to_bytes(32, "little")} for u in low),
        *({"name": f"u = p + {u}", "key": (P + u).to_bytes(32, "little")} for u in (0, 1, 9)),
        {"name": "the top bit", "key": (9 | 1 << 255).to_bytes(32, "little")},
    ]
