"""§3, encodings: H, lists, Merkle trees."""

import hashlib
import struct

PREFIX = "ripieno-1/"


def le64(number):
    return struct.pack("<Q", number)


def part(value):
    """A number as LE64, a text as UTF-8, bytes as they are; each behind its length."""
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, int):
        value = le64(value)
    elif isinstance(value, str):
        value = value.encode()
    return le64(len(value)) + value


def counted(items):
    """The parts of a list: the count, then the parts of each item in order. An item is a part, or a tuple of parts."""
    parts = [len(items)]
    for item in items:
        parts.extend(item if isinstance(item, (tuple, list)) else (item,))
    return parts


def sites(indices):
    """The parts of a set of sites."""
    if any(low >= high for low, high in zip(indices, indices[1:])):
        raise ValueError("a set of sites is strictly increasing")
    return counted(indices)


def digest(tag, *parts):
    """H(tag, parts…), the tag without its prefix."""
    return hashlib.sha256(b"".join(part(value) for value in (PREFIX + tag, *parts))).digest()


def levels(tag, leaves):
    """All levels of the Merkle tree, the leaves first. Of no leaf at all the root is H(τ)."""
    level = list(leaves) or [digest(tag)]
    tree = [level]
    while len(level) > 1:
        pairs = [digest(tag, level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
        tree.append(level)
    return tree


def root(tag, leaves):
    return levels(tag, leaves)[-1][0]


def path(tag, leaves, position):
    """The siblings from the leaf upwards, without the levels at which the node has none."""
    siblings = []
    for level in levels(tag, leaves)[:-1]:
        if position ^ 1 < len(level):
            siblings.append(level[position ^ 1])
        position //= 2
    return siblings


def climb(tag, leaf, position, count, siblings):
    """The root to which a path leads, or ValueError where its length is not that of this position and count."""
    rest = list(siblings)
    while count > 1:
        if position ^ 1 < count:
            if not rest:
                raise ValueError("the path is too short")
            sibling = rest.pop(0)
            leaf = digest(tag, sibling, leaf) if position & 1 else digest(tag, leaf, sibling)
        position //= 2
        count = (count + 1) // 2
    if rest:
        raise ValueError("the path is too long")
    return leaf
