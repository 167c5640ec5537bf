"""§3, Shamir's scheme over the integers modulo the order of curve25519."""

from .keys import ORDER


def reduced(wide):
    """A uniform scalar from 64 random bytes."""
    if len(wide) != 64:
        raise ValueError("64 random bytes make a scalar")
    return int.from_bytes(wide, "little") % ORDER


def to_bytes(scalar):
    return scalar.to_bytes(32, "little")


def from_bytes(data):
    if len(data) != 32:
        raise ValueError("a scalar has 32 bytes")
    scalar = int.from_bytes(data, "little")
    if scalar >= ORDER:
        raise ValueError("not canonical: not below the group order")
    return scalar


def share(coefficients, holder):
    """The polynomial's value at the holder; the first coefficient is the secret."""
    return sum(c * pow(holder, power, ORDER) for power, c in enumerate(coefficients)) % ORDER


def secret(shares):
    """The secret behind shares by holder; there must be t of them."""
    total = 0
    for x, value in shares.items():
        weight = 1
        for other in shares:
            if other != x:
                weight = weight * other * pow(other - x, ORDER - 2, ORDER) % ORDER
        total += weight * value
    return total % ORDER
