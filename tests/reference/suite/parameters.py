"""§1."""


def threshold(holders, corrupt):
    """t: the smallest with 2t > n + c and t > c."""
    return max((holders + corrupt) // 2 + 1, corrupt + 1)


def least_survivors(holders, corrupt):
    """What m is at least."""
    return max(threshold(holders, corrupt), corrupt + 3)


def void_signatures(holders, corrupt):
    """v."""
    return holders - threshold(holders, corrupt) + 1 + corrupt
