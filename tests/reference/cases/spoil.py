"""How messages are spoilt.

A spoilt message names the check that refuses it and the culprit: a site where a message that it signed, or sent itself, shows the fault,
else the coordinator, which relays nothing that it could see to be wrong.
"""

from suite import epoch, keys
from suite.keys import ORDER

from .fixed import flip

COORDINATOR = "coordinator"
DEALER, HOLDER = 7, 2


def refused(check, name, culprit, test, *args, **shown):
    """One spoilt message, once the reference has refused it by this check too."""
    try:
        test(*args)
    except epoch.Refused as refusal:
        assert refusal.check == check, f"{name}: {refusal}"
    else:
        raise AssertionError(f"the reference accepts: {name}")
    return {"name": name, "check": check, "culprit": culprit, **shown}


def site(index):
    return f"site {index}"


def loose(signature):
    """A second encoding of the same signature: s plus the group order."""
    return signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")


def cofactored(secret_seed, digest):
    """A signature that holds only when multiplied by the cofactor."""
    a, key, nonce = keys.secret_scalar(secret_seed), keys.public(secret_seed), 12345
    r = keys.encode(keys.add(keys.times(nonce, keys.BASE), keys.small_points()[1]))
    return r + ((nonce + keys.challenge(r, key, digest) * a) % ORDER).to_bytes(32, "little")


def spoilt_signatures(message, digest, secret_seed, at="signature"):
    good = message[at]
    yield "a bit of R", {**message, at: flip(good)}
    yield "a bit of s", {**message, at: flip(good, 32)}
    yield "s plus the group order", {**message, at: loose(good)}
    yield "R with a small-order part", {**message, at: cofactored(secret_seed, digest)}


def flip_top(key):
    return flip(key[:31] + bytes([key[31] ^ 0x81]), 31)
