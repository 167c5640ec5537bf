"""§3, masks."""

import numpy
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .hashing import le64


def keystream(seed, vector, lanes):
    """PRG(seed, vector number): its first lanes, as 64-bit words."""
    blocks = (lanes + 1) // 2
    counters = b"".join(le64(block) + le64(vector) for block in range(blocks))
    encryptor = Cipher(algorithms.AES(seed), modes.ECB()).encryptor()
    return numpy.frombuffer(encryptor.update(counters) + encryptor.finalize(), dtype="<u8")[:lanes]


def add(wide, left, right):
    """Lane-wise mod 2^64, or mod 2^128 over pairs of lanes with the low half first."""
    total = left + right
    if wide:
        total[1::2] += (total[0::2] < left[0::2]).astype("<u8")
    return total


def negative(wide, lanes):
    if not wide:
        return numpy.zeros_like(lanes) - lanes
    flipped = ~lanes
    one = numpy.zeros_like(lanes)
    one[0::2] = 1
    return add(True, flipped, one)


def shift(wide, lanes, seed, vector, sign):
    """The lanes with the stream of a seed added (sign 1) or taken off (sign -1)."""
    stream = keystream(seed, vector, len(lanes))
    return add(wide, lanes, stream if sign > 0 else negative(wide, stream))


def sign_of(site, peer):
    """The sign with which a site adds the mask that it shares with a peer."""
    return 1 if site < peer else -1
