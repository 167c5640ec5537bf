"""§3, secrets of a slot: everything that is derived from them."""

import hashlib
import hmac

from .hashing import digest, part
from .keys import exchange, x_public
from .shamir import to_bytes


def hkdf(salt, ikm, label, *info):
    """HKDF-SHA256 with 32 bytes of output: one block of RFC 5869. Labels have no prefix."""
    extracted = hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()
    text = b"".join(part(value) for value in (label, *info))
    return hmac.new(extracted, text + b"\x01", hashlib.sha256).digest()


def mask_secret(federation, epoch, slot, site, root):
    return hkdf(None, to_bytes(root), "mask-key", federation, epoch, slot, site)


def mask_public(federation, epoch, slot, site, root):
    return x_public(mask_secret(federation, epoch, slot, site, root))


def self_commitment(federation, epoch, slot, site, self_secret):
    return digest("self-commit", federation, epoch, slot, site, to_bytes(self_secret))


def pair_seed(ctx, own, own_secret, peer, peer_key):
    keys = sorted([(own, x_public(own_secret)), (peer, peer_key)])
    (low, low_key), (high, high_key) = keys
    return hkdf(ctx, exchange(own_secret, peer_key), "pair", low, high, low_key, high_key)


def self_seed(ctx, site, self_secret):
    return hkdf(ctx, to_bytes(self_secret), "self", site)


def rounding_seed(ctx, site, local):
    return hkdf(ctx, local, "rounding", site)


def channel_key(transcript, dealer, holder, own_secret, peer_key):
    """The key from dealer to holder, which either of them derives from its own secret."""
    return hkdf(transcript, exchange(own_secret, peer_key), "channel", dealer, holder)
