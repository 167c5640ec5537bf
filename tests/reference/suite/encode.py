"""§7: values in fields of lanes, and sums of them."""

import math
import struct

import numpy

PER_LANE = {64: 1, 32: 2, 21: 3, 16: 4}
FRACTION = 40


def spare_bits(sites):
    """⌈log₂ |P|⌉."""
    return (sites - 1).bit_length()


def top_level(width, sites):
    """M."""
    bits = width - spare_bits(sites)
    if bits < 2:
        raise ValueError("S6: less than two bits for a value")
    return 2 ** (bits - 1) - 1


def field(value, value_range, top, word):
    """The field of a value in [-range, range], all in doubles; `word` are its 8 random bytes."""
    z = value / value_range * float(top)
    floor = math.floor(z)
    up = (int.from_bytes(word, "little") >> 11) / 2**53 < z - floor
    # M as a double may be M + 1, so the level is held to its bounds.
    return max(-top, min(top, floor + up)) + top


def fields(values, value_range, width, sites, randomness):
    """The fields of a vector, 8 random bytes each."""
    top = top_level(width, sites)
    words = (randomness[start : start + 8] for start in range(0, len(randomness), 8))
    return [field(value, value_range, top, word) for value, word in zip(values, words, strict=True)]


def clipped(values, value_range, clip):
    """The values after clipping, and how many (of l2: vectors) it changed; ValueError where the study does not clip."""
    outside = sum(abs(value) > value_range for value in values)
    if clip == "refuse":
        if outside:
            raise ValueError("a value is out of range")
        return values, 0
    if clip == "coordinate":
        return [max(-value_range, min(value_range, value)) for value in values], outside
    norm = math.sqrt(sum(value * value for value in values))
    if norm <= value_range:
        return values, 0
    return [value * (value_range / norm) for value in values], 1


def pack(fields, width):
    """The first field in the lowest bits of the first lane."""
    per_lane = PER_LANE[width]
    lanes = []
    for start in range(0, len(fields), per_lane):
        lane = 0
        for place, field in enumerate(fields[start : start + per_lane]):
            lane |= field << place * width
        lanes.append(lane)
    return numpy.array(lanes, dtype="<u8")


def unpack(lanes, width, length):
    """The fields of a vector; ValueError where unused bits are set."""
    per_lane = PER_LANE[width]
    fields = []
    for lane in (int(lane) for lane in lanes):
        for place in range(per_lane):
            fields.append(lane >> place * width & 2**width - 1)
        if lane >> per_lane * width:
            raise ValueError("unused bits are set")
    if any(fields[length:]):
        raise ValueError("unused fields are set")
    return fields[:length]


def decode_packed(lanes, width, length, value_range, sites, survivors):
    """The sum over k survivors, where P has `sites`."""
    top = top_level(width, sites)
    fields = unpack(lanes, width, length)
    if any(field > 2 * survivors * top for field in fields):
        raise ValueError("a field is above what its survivors can produce")
    return [float(field - survivors * top) / float(top) * value_range for field in fields]


def wide(values, sites):
    """Fixed-point numbers in two lanes each; Python's round() is to the nearest, ties to even, and exact on a scaled double."""
    limit = 2 ** (127 - spare_bits(sites))
    words = []
    for value in values:
        units = round(math.ldexp(value, FRACTION))
        if abs(units) >= limit:
            raise ValueError("too large a value")
        words.extend(struct.unpack("<2Q", (units % 2**128).to_bytes(16, "little")))
    return numpy.array(words, dtype="<u8")


def decode_wide(lanes, sites, survivors):
    """The sums, each rounded to the nearest double; ValueError beyond what k survivors can produce."""
    values = []
    for low, high in zip(lanes[0::2], lanes[1::2]):
        units = int(low) | int(high) << 64
        units -= 2**128 if units >> 127 else 0
        if abs(units) > survivors * 2 ** (127 - spare_bits(sites)):
            raise ValueError("a sum beyond what its survivors can produce")
        values.append(math.ldexp(float(units), -FRACTION))
    return values


def bits_of(double):
    return struct.unpack("<Q", struct.pack("<d", double))[0]
