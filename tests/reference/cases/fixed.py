"""Fixed bytes for each name, and how vectors are written."""

import base64
import hashlib

import numpy


def draw(size, *name):
    """`size` bytes that look random and depend on the name alone."""
    return hashlib.shake_256("/".join(map(str, name)).encode()).digest(size)


def number(below, *name):
    return int.from_bytes(draw(16, *name), "little") % below


def flip(data, at=0):
    """The bytes with one bit changed."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def change(good, spoilt):
    """The fields in which a spoilt message differs from the good one."""
    return {name: value for name, value in spoilt.items() if name not in good or not equal(value, good[name])}


def equal(one, other):
    return plain(one) == plain(other)


def plain(value):
    """As JSON has it: bytes in hexadecimal digits, lanes in base64 of their little-endian bytes, doubles in decimal digits as a text,
    which parses back to the same bits."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, numpy.ndarray):
        return base64.b64encode(value.astype("<u8").tobytes()).decode()
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value
