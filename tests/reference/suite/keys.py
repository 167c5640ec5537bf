"""§2 and §3, keys: Ed25519 with strict verification, X25519 that must contribute.

The points of edwards25519 are written out here (RFC 8032, section 5.1), because a library's verification is not strict. Signing and
X25519 itself are the library's.
"""

import functools
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1)


def add(a, b):
    """The sum of two points, affine."""
    return affine(joined(extended(a), extended(b)))


def times(scalar, point):
    result, point = extended(NEUTRAL), extended(point)
    while scalar:
        if scalar & 1:
            result = joined(result, point)
        point = joined(point, point)
        scalar >>= 1
    return affine(result)


def extended(point):
    """X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z: sums without division, RFC 8032, section 5.1.4."""
    return (point[0], point[1], 1, point[0] * point[1] % P)


def joined(a, b):
    low, high = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    twisted, double = 2 * D * a[3] * b[3], 2 * a[2] * b[2]
    e, f, g, h = high - low, double - twisted, double + twisted, high + low
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def affine(point):
    inverse = pow(point[2], -1, P)
    return (point[0] * inverse % P, point[1] * inverse % P)


def encode(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def decode(data):
    """The point of its canonical encoding, else ValueError."""
    if len(data) != 32:
        raise ValueError("a point has 32 bytes")
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        raise ValueError("not canonical: y is not below 2^255 - 19")
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * SQRT_OF_MINUS_1 % P
    if x * x % P != square:
        raise ValueError("not a point of the curve")
    if x == 0 and sign:
        raise ValueError("not canonical: minus zero")
    return (P - x if x & 1 != sign else x, y)


BASE = decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


@functools.cache
def small_points():
    """The eight points of small order."""
    candidates = (times(ORDER, decode_any(y)) for y in range(2, 60))
    generator = next(point for point in candidates if times(4, point) != NEUTRAL)
    return [times(i, generator) for i in range(8)]


def decode_any(y):
    """A point at the first y that has one, counting on from `y`."""
    while True:
        try:
            return decode(y.to_bytes(32, "little"))
        except ValueError:
            y += 1


def of_small_order(point):
    return times(8, point) == NEUTRAL


@functools.cache
def public_key(data):
    """The point of an accepted public key: canonical, not of small order, without a small-order part."""
    point = decode(data)
    if of_small_order(point):
        raise ValueError("of small order")
    if times(ORDER, point) != NEUTRAL:
        raise ValueError("has a small-order part")
    return point


def public(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed, message):
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def secret_scalar(seed):
    """The clamped scalar a of RFC 8032, for signatures that a library would not make."""
    low = bytearray(hashlib.sha512(seed).digest()[:32])
    low[0] &= 248
    low[31] = low[31] & 127 | 64
    return int.from_bytes(low, "little")


def challenge(r, key, message):
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % ORDER


def verify(key, message, signature):
    """Strict: ValueError unless the signature holds as §2 wants it."""
    point = public_key(key)
    if len(signature) != 64:
        raise ValueError("a signature has 64 bytes")
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= ORDER:
        raise ValueError("s is not below the group order")
    nonce = decode(r)
    if of_small_order(nonce):
        raise ValueError("R is of small order")
    if times(s, BASE) != add(nonce, times(challenge(r, key, message), point)):
        raise ValueError("the equation does not hold")


def x_public(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def x_key(data):
    """An X25519 public key as E2 accepts it: 32 bytes, below 2^255 - 19, not of low order."""
    if len(data) != 32 or int.from_bytes(data, "little") >= P:
        raise ValueError("not canonical: not below 2^255 - 19")
    exchange((9).to_bytes(32, "little"), data)
    return data


def exchange(secret, key):
    """X25519(secret, key). The library refuses a result of 32 zero bytes, which the suite does as well."""
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(key))
