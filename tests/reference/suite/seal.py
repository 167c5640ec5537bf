"""XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): HChaCha20 is written out, the rest is the library's."""

import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from .hashing import le64

WORD = 0xFFFFFFFF
ROUNDS = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]


def quarter(x, a, b, c, d):
    for one, two, three, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        x[one] = x[one] + x[two] & WORD
        mixed = x[three] ^ x[one]
        x[three] = (mixed << turn | mixed >> 32 - turn) & WORD


def hchacha20(key, nonce):
    x = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))
    for _ in range(10):
        for columns in ROUNDS:
            quarter(x, *columns)
    return struct.pack("<8I", *x[:4], *x[12:])


def seal(key, nonce, plain, associated):
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).encrypt(bytes(4) + nonce[16:], plain, associated)


def open_sealed(key, nonce, sealed, associated):
    try:
        return ChaCha20Poly1305(hchacha20(key, nonce[:16])).decrypt(bytes(4) + nonce[16:], sealed, associated)
    except InvalidTag:
        raise ValueError("does not open") from None


def associated(transcript, dealer, holder):
    return transcript + le64(dealer) + le64(holder)
