"""§9: the draw of cohorts."""

from .hashing import counted, digest

WORDS = 1 << 64


def commitment(charter, study, index, nonce):
    return digest("draw-nonce", charter, study, index, nonce)


def commit(charter, study, index, committed):
    """What a site signs."""
    return digest("draw-commit", charter, study, index, committed)


def commit_list(charter, study, commits):
    """L, from pairs of commit digest and signature in index order."""
    return digest("draw-list", charter, study, *counted(commits))


def seed(listed, reveals):
    """From pairs of index and random bytes in index order."""
    return digest("draw", listed, *counted(reveals))


def words(drawn):
    i = 0
    while True:
        yield int.from_bytes(digest("draw-word", drawn, i)[:8], "little")
        i += 1


def permuted(drawn, indices):
    order, source = list(indices), words(drawn)
    for p in range(len(order) - 1, 0, -1):
        x = next(source)
        while x >= WORDS - WORDS % (p + 1):
            x = next(source)
        order[p], order[x % (p + 1)] = order[x % (p + 1)], order[p]
    return order


def cut(drawn, indices, corrupt):
    """The cohorts by number, each in index order."""
    n, w = len(indices), min(128, max(64, 4 * corrupt))
    k = max(-(-n // 128), n // w)
    order = permuted(drawn, indices)
    return [sorted(order[j * n // k : (j + 1) * n // k]) for j in range(k)]

