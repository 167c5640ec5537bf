#!/usr/bin/env python3
"""The derivations of suite ripieno-1, written from docs/protocol.md alone.

Needs the package `cryptography`. Prints the vectors that `ripieno-1.json` holds:

    python3 tests/vectors/reference.py > tests/vectors/ripieno-1.json
"""

import hashlib
import hmac
import json
import struct

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

ORDER = 2**252 + 27742317777372353535851937790883648493
RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


# §3, encodings

def le64(value):
    return struct.pack("<Q", value)


def part(value):
    """A number as LE64, a text as UTF-8, bytes as they are; each behind its length."""
    if isinstance(value, int):
        value = le64(value)
    elif isinstance(value, str):
        value = value.encode()
    return le64(len(value)) + value


def items(values):
    """A list: its count, then the parts of each item."""
    flat = [len(values)]
    for value in values:
        flat += value if isinstance(value, (list, tuple)) else [value]
    return flat


def H(tag, *parts):
    return hashlib.sha256(b"".join(part(p) for p in ["ripieno-1/" + tag, *parts])).digest()


def merkle(tag, leaves):
    if not leaves:
        return H(tag)
    level = list(leaves)
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [H(tag, *pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]


def hkdf(salt, ikm, *info):
    key = hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()
    return hmac.new(key, b"".join(part(p) for p in info) + b"\x01", hashlib.sha256).digest()


# §3, secrets and masks

def x25519(secret, public):
    return X25519PrivateKey.from_private_bytes(secret).exchange(
        X25519PublicKey.from_public_bytes(public)
    )


def x25519_public(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes(*RAW)


def prg(seed, vector, first_lane, lanes):
    """Block k encrypts LE64(k) ‖ LE64(vector): done block by block, not in a counter mode."""
    cipher = Cipher(algorithms.AES(seed), modes.ECB()).encryptor()
    last = first_lane + lanes
    blocks = range(first_lane // 2, (last + 1) // 2)
    stream = b"".join(cipher.update(le64(k) + le64(vector)) for k in blocks)
    words = struct.unpack(f"<{len(stream) // 8}Q", stream)
    return list(words[first_lane % 2 :][:lanes])


def share(coefficients, x):
    return sum(a * pow(x, k, ORDER) for k, a in enumerate(coefficients)) % ORDER


def scalar(value):
    return value.to_bytes(32, "little")


# The cast: sites 1, 2 and 5, and fixed secrets

SITES = [1, 2, 5]
FEDERATION, EPOCH, SLOT = "cardiology", 7, 3


def number(*name):
    """A fixed scalar for each name."""
    wide = hashlib.sha512(repr(name).encode()).digest()
    return int.from_bytes(wide, "little") % ORDER


def seed(*name):
    return hashlib.sha256(repr(name).encode()).digest()


def signer(*name):
    return Ed25519PrivateKey.from_private_bytes(seed(*name))


def public(key):
    return key.public_key().public_bytes(*RAW)


def identity():
    """§2."""
    coordinator = signer("coordinator")
    sites = [(i, f"site {i}", public(signer("site", i))) for i in SITES]
    previous = H("charter", "an earlier one")
    charter = H("charter", FEDERATION, 2, *items([previous]), *items(sites), 6,
                public(coordinator), 0, 2, 3)
    consent = H("charter-consent", FEDERATION, 2, charter, 5)
    researcher = signer("researcher")
    credential = H("credential", FEDERATION, 2, public(researcher), "Ada Lovelace", "statistician",
                   "cardiology", "pseudonymous", 1_900_000_000)
    study = H("study", 'name = "ä study"\n')
    submission = H("submission", FEDERATION, study, credential)
    return {
        "previous": previous,
        "coordinator_seed": seed("coordinator"),
        "site_seeds": [seed("site", i) for i in SITES],
        "charter": charter,
        "consent_of_5": consent,
        "consent_signature_of_5": signer("site", 5).sign(consent),
        "researcher_seed": seed("researcher"),
        "credential": credential,
        "study": study,
        "submission": submission,
        "submission_signature": researcher.sign(submission),
    }


def contract(transcript, study):
    """ctx of §3, with one wide and one packed vector."""
    state = H("state", 7)
    half = struct.unpack("<Q", struct.pack("<d", 0.5))[0]
    vectors = [("gradient", 5, 0, "wide", 40), ("update", 1030, 1, "packed", 21, half, "l2")]
    ctx = H("ctx", "ripieno-1", transcript, SLOT, 0, study, 9, *items(SITES), 3, "may-change",
            512, *items(vectors), "no-noise", state)
    return {"transcript": transcript, "state": state, "ctx": ctx}


def masks(ctx, transcript):
    """Secrets of one slot, and a masked update of two vectors of 6 (wide) and 5 lanes."""
    roots = {u: scalar(number("root", u)) for u in SITES}
    selfs = {u: scalar(number("self", u)) for u in SITES}
    sk = {u: hkdf(None, roots[u], "mask-key", FEDERATION, EPOCH, SLOT, u) for u in SITES}
    pk = {u: x25519_public(sk[u]) for u in SITES}

    def pair_seed(u, v):
        lo, hi = min(u, v), max(u, v)
        return hkdf(ctx, x25519(sk[u], pk[v]), "pair", lo, hi, pk[lo], pk[hi])

    assert pair_seed(1, 5) == pair_seed(5, 1)
    self_seeds = {u: hkdf(ctx, selfs[u], "self", u) for u in SITES}
    channel = [seed("channel", 1), seed("channel", 2)]
    shared = x25519(channel[0], x25519_public(channel[1]))

    def masked(u):
        wide = [2**128 - 1 - u, u, 3 * 2**64]
        narrow = [u, 2**64 - u, 0, 7, 2**63]
        streams = [(+1, self_seeds[u])]
        streams += [(+1 if u < v else -1, pair_seed(u, v)) for v in SITES if v != u]
        for sign, key in streams:
            words = prg(key, 0, 0, 6)
            for i in range(3):
                wide[i] = (wide[i] + sign * (words[2 * i] | words[2 * i + 1] << 64)) % 2**128
            for i, word in enumerate(prg(key, 1, 0, 5)):
                narrow[i] = (narrow[i] + sign * word) % 2**64
        return [w >> s & (2**64 - 1) for w in wide for s in (0, 64)] + narrow

    return {
        "roots": [roots[u] for u in SITES],
        "selfs": [selfs[u] for u in SITES],
        "mask_keys": [pk[u] for u in SITES],
        "self_commits": [H("self-commit", FEDERATION, EPOCH, SLOT, u, selfs[u]) for u in SITES],
        "pair_seed_1_5": pair_seed(1, 5),
        "self_seed_2": self_seeds[2],
        "rounding_seed_2": hkdf(ctx, seed("local"), "rounding", 2),
        "local": seed("local"),
        "channel_secrets": channel,
        "channel_key_1_to_2": hkdf(transcript, shared, "channel", 1, 2),
        "stream_lane_1001": prg(self_seeds[2], 2**40 + 5, 1001, 3),
        "masked": [masked(u) for u in SITES],
    }


def sharing():
    """Shamir's scheme, threshold 3, and the tree over leaves of one holder."""
    coefficients = [number("coefficient", k) for k in range(3)]
    shares = [scalar(share(coefficients, x)) for x in (1, 4, 200)]
    leaves = [H("share-leaf", 1, 5, slot, kind, shares[slot])
              for slot in range(3) for kind in (0, 1)]
    return {
        "secret": scalar(coefficients[0]),
        "holders": [1, 4, 200],
        "shares": shares,
        "share_tree": [merkle("share-node", leaves[:k]) for k in range(7)],
        "not_canonical": scalar(ORDER),
    }


def messages(ctx, transcript):
    """What is signed in an epoch and a round. Signatures inside are 64 equal bytes."""
    filler = lambda byte: bytes([byte]) * 64
    slots = [(seed("mask", k), seed("commit", k)) for k in range(2)]
    advert = H("advert", transcript, EPOCH, 5, seed("channel_pk"), *items(slots), 11, seed("head"))
    trailer = H("trailer", ctx, 5, seed("root"), 11, 12, seed("head"), seed("audit"))
    trailers = H("trailers", *items([(trailer, filler(1)), (trailer, filler(2))]))
    outcome = H("outcome", transcript, SLOT, ctx, *items(SITES), trailers)
    verdict = H("verdict", ctx, seed("sum"), 5, *items([0, 3, 9]), 1)
    release = H("release", transcript, SLOT, ctx, 5, *items([(1, scalar(number("s", 1)))]),
                *items([(2, scalar(number("s", 2)))]))
    signatures = [(1, filler(3)), (2, filler(4))]
    receipt = H("receipt", transcript, outcome, *items(signatures), trailers,
                *items([(1, scalar(number("s", 1)))]), *items([(2, scalar(number("s", 2)))]),
                seed("sum"), seed("next"), 1_800_000_000)
    lanes = [1, 2**64 - 1, 3]
    return {
        "slots": [list(slot) for slot in slots],
        "channel_pk": seed("channel_pk"),
        "head": seed("head"),
        "audit": seed("audit"),
        "root": seed("root"),
        "sum": seed("sum"),
        "next": seed("next"),
        "scalars": [scalar(number("s", 1)), scalar(number("s", 2))],
        "advert": advert,
        "share_root": H("share-root", transcript, 5, seed("root")),
        "acceptance": H("acceptance", transcript, 5, *items([1, 5])),
        "contract": H("contract", transcript, ctx, *items([(verdict, filler(5))])),
        "trailer": trailer,
        "trailers": trailers,
        "outcome": outcome,
        "void": H("void", transcript, SLOT),
        "release": release,
        "receipt": receipt,
        "verdict": verdict,
        "tile_leaf": H("tile", 4, struct.pack("<3Q", *lanes)),
        "sum_tile_leaf": H("sum-tile", 4, struct.pack("<3Q", *lanes)),
        "ledger_head": H("ledger", H("ledger"), "a record"),
    }


def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


if __name__ == "__main__":
    who = identity()
    what = contract(H("epoch", "a transcript"), who["study"])
    vectors = {
        "identity": who,
        "contract": what,
        "masks": masks(what["ctx"], what["transcript"]),
        "sharing": sharing(),
        "messages": messages(what["ctx"], what["transcript"]),
    }
    print(json.dumps(plain(vectors), indent=1))
