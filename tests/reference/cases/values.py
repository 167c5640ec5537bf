"""Values in lanes, and sums of lanes as values (§7)."""

import math

import numpy

from suite import encode

from .fixed import draw, number
from .keys import refuses

WIDTHS = (64, 32, 21, 16)


def build():
    return {
        "packed": [packed(width, sites, value_range) for width in WIDTHS for sites, value_range in [(3, 1.0), (4, 0.1), (5, 2.5), (128, 1e6)]],
        "clipped": clipped(),
        "clipped_refused": [{"name": "outside of the range", "range": 1.0, "values": [0.0, math.nextafter(1.0, 2.0)]}],
        "widths_refused": widths_refused(),
        "wide": wide(),
        "wide_refused": wide_refused(),
        "sums": [packed_sum(width, sites, survivors) for width in WIDTHS for sites, survivors in [(5, 4), (128, 128)]],
        "sums_refused": packed_sums_refused(),
        "wide_sums": wide_sums(),
        "wide_sums_refused": wide_sums_refused(),
    }


def packed(width, sites, value_range):
    """Ends, levels between them and seven values at random, with random bytes that decide each way."""
    random = [value_range * (number(2**32, "values", width, sites, i) / 2**31 - 1) for i in range(7)]
    values = [value_range, -value_range, 0.0, value_range / 3, *random]
    words = [bytes(8), b"\xff" * 8, bytes(8), bytes(8), b"\xff" * 8, *(draw(8, "values", "word", width, sites, i) for i in range(6))]
    randomness = b"".join(words)
    fields = encode.fields(values, value_range, width, sites, randomness)
    return {
        "width": width, "sites": sites, "range": value_range, "values": values, "randomness": randomness,
        "lanes": encode.pack(fields, width),
    }


def clipped():
    """Vectors beyond their range: as lanes, with the companion that counts. The norms are exact in doubles."""
    made = []
    for clip, values in [
        ("coordinate", [1.5, -9.0, 0.25, -1.0, 1.0]),
        ("coordinate", [1.0, -0.5]),
        ("l2", [3.0, -4.0, 0.0]),
        ("l2", [0.6, 0.0, -0.8]),
        ("refuse", [1.0, -1.0]),
    ]:
        changed, count = encode.clipped(values, 1.0, clip)
        randomness = draw(8 * len(values), "values", "clipped", clip, len(values))
        lanes = encode.pack(encode.fields(changed, 1.0, 32, 4, randomness), 32)
        companion = [encode.wide([float(count)], 4)] if clip != "refuse" else []
        made.append({
            "clip": clip, "width": 32, "sites": 4, "range": 1.0, "values": values, "randomness": randomness, "count": count,
            "lanes": numpy.concatenate([lanes, *companion]),
        })
    return made


def widths_refused():
    """⌈log₂ |P|⌉ leaves less than two bits of 16 only beyond 2^14 sites, which no cohort has: the numbers are refused as numbers."""
    made = [{"name": "2^15 sites in 16 bits", "width": 16, "sites": 2**15}]
    for one in made:
        refuses(one, encode.top_level, one["width"], one["sites"])
    return made


def wide():
    unit = 2.0**-40
    values = [
        0.0, 1.0, -1.0, unit, -unit, unit / 2, 3 * unit / 2, -unit / 2, -3 * unit / 2, 0.1, -1e9 / 3, 1e24 / 7, 2.0**24,
        math.nextafter(2.0**85, 0), -math.nextafter(2.0**85, 0),
    ]
    return [{"sites": 4, "values": values, "lanes": encode.wide(values, 4)}, {"sites": 2**7, "values": [2.0**79], "lanes": encode.wide([2.0**79], 128)}]


def wide_refused():
    made = [{"name": f"{value} at {sites} sites", "sites": sites, "value": value} for sites, value in [(4, 2.0**85), (4, -(2.0**85)), (5, 2.0**84), (128, 2.0**80)]]
    for one in made:
        refuses(one, encode.wide, [one["value"]], one["sites"])
    return made


def packed_sum(width, sites, survivors):
    """The sum of the lanes of k sites, decoded; nobody's value is beyond the range."""
    value_range, length = 2.5, 8
    top = encode.top_level(width, sites)
    total = numpy.zeros(math.ceil(length / encode.PER_LANE[width]), dtype="<u8")
    for site in range(survivors):
        fields = [number(2 * top + 1, "values", "sum", width, site, i) for i in range(length - 2)]
        total = total + encode.pack([2 * top, 0, *fields], width)
    values = encode.decode_packed(total, width, length, value_range, sites, survivors)
    return {"width": width, "sites": sites, "survivors": survivors, "range": value_range, "length": length, "lanes": total, "values": values}


def packed_sums_refused():
    """Five values of three sites of four."""
    made = []
    for name, width, place, lane in [
        ("a field above 2·k·M", 21, 0, 2 * 3 * encode.top_level(21, 4) + 1),
        ("a field above 2·k·M, in the last place", 16, 0, (2 * 3 * encode.top_level(16, 4) + 1) << 48),
        ("a whole lane above 2·k·M", 64, 0, 2 * 3 * encode.top_level(64, 4) + 1),
        ("the unused top bit", 21, 0, 1 << 63),
        ("an unused field of the last lane", 21, 1, 1 << 42),
        ("an unused half of the last lane", 32, 2, 1 << 32),
    ]:
        lanes = numpy.zeros(math.ceil(5 / encode.PER_LANE[width]), dtype="<u8")
        lanes[place] = lane
        made.append({"name": name, "width": width, "sites": 4, "survivors": 3, "range": 1.0, "length": 5, "lanes": lanes})
    for one in made:
        refuses(one, encode.decode_packed, one["lanes"], one["width"], one["length"], one["range"], one["sites"], one["survivors"])
    return made


def units(*numbers):
    words = [word for value in numbers for word in ((value % 2**128) & (2**64 - 1), (value % 2**128) >> 64)]
    return numpy.array(words, dtype="<u8")


def wide_sums():
    """Sums that need rounding to a double among them."""
    lanes = units(0, 1, -1, 2**40, -(2**40), 2**53 + 1, 2**53 + 3, -(2**80) - 1, 3 * 2**125, -3 * 2**125, 2**64)
    return [{"sites": 4, "survivors": 3, "lanes": lanes, "values": encode.decode_wide(lanes, 4, 3)}]


def wide_sums_refused():
    made = [
        {"name": name, "sites": 4, "survivors": survivors, "lanes": units(value)}
        for name, survivors, value in [
            ("beyond one survivor", 1, 2**125 + 1),
            ("beyond three survivors", 3, -3 * 2**125 - 1),
            ("the least of all numbers", 3, -(2**127)),
        ]
    ]
    for one in made:
        refuses(one, encode.decode_wide, one["lanes"], one["sites"], one["survivors"])
    return made
