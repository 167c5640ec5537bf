"""A federation of six, one epoch of all of them, and a round of five of which one is lost."""

import functools

from suite import digests, encode, epoch, keys, round
from suite.encode import bits_of

from .fixed import draw, number

MEMBERS = (1, 2, 4, 7, 9, 300)
LOST, OUTSIDE = 4, 300
NUMBER, SLOTS, SLOT = 12, 2, 1


def charter():
    return {
        "federation": "north sea", "version": 1, "previous": None,
        "sites": [{"index": i, "name": f"site-{i}", "key": keys.public(seed(i))} for i in MEMBERS],
        "next_index": 301, "coordinator": keys.public(seed("coordinator")), "corrupt": 1, "quorum": 4, "minimum_sites": 4,
    }


def seed(name):
    return draw(32, "round", "seed", name)


def draws(index, threshold):
    """What a site draws in this epoch."""
    fresh = lambda size, *name: draw(size, "round", index, *name)
    return {
        "channel": fresh(32, "channel"),
        "slots": [
            {
                "root": fresh(64, slot, "root"), "self": fresh(64, slot, "self"), "local": fresh(32, slot, "local"),
                "coefficients": {kind: [fresh(64, slot, kind, power) for power in range(1, threshold)] for kind in epoch.KINDS},
            }
            for slot in range(SLOTS)
        ],
        "nonces": {holder: fresh(24, "nonce", holder) for holder in MEMBERS if holder != index},
    }


def vectors():
    packed = {"kind": "packed", "width": 21, "range": 0.5, "range_bits": bits_of(0.5), "clip": "coordinate"}
    return [
        {"name": "update", "length": 1543, "encoding": packed},
        {"name": "update.clipped", "length": 1, "encoding": {"kind": "wide"}},
        {"name": "gradient", "length": 3, "encoding": {"kind": "wide"}},
    ]


def inputs(site):
    """The fields and wide values of a site, as lanes for each vector."""
    top = encode.top_level(21, 5)
    fields = [number(2 * top + 1, "round", "field", site, i) for i in range(1543)]
    wide = [number(2**60, "round", "wide", site, i) / 2**20 - 2**39 for i in range(3)]
    return [encode.pack(fields, 21), encode.wide([float(site)], 5), encode.wide(wide, 5)]


@functools.cache
def play():
    return Play()


class Play:
    """Everything that was said, step by step; each step stands on the ones before."""

    def __init__(self):
        self.charter = charter()
        self.charter_digest = digests.charter(self.charter)
        threshold = epoch.threshold(len(MEMBERS), self.charter["corrupt"])
        self.sites = {i: epoch.Site(i, f"site-{i}", seed(i), draws(i, threshold)) for i in MEMBERS}
        self.set_up()
        self.take_round()

    def set_up(self):
        federation = self.charter["federation"]
        ledger = {"count": 0, "head": digests.ledger_start()}
        self.adverts = [epoch.advertise(s, federation, self.charter_digest, NUMBER, SLOTS, ledger) for s in self.sites.values()]
        epoch.check_adverts(self.charter, NUMBER, SLOTS, self.adverts)
        self.epoch = epoch.Epoch(self.charter, NUMBER, self.adverts)
        dealt = {i: epoch.deal(self.epoch, site) for i, site in self.sites.items()}
        self.nodes = {dealer: nodes for dealer, (_, nodes, _) in dealt.items()}
        self.bundles = {dealer: bundles for dealer, (_, _, bundles) in dealt.items()}
        self.shares = {holder: {dealer: self.accepted(dealt, dealer, holder) for dealer in MEMBERS} for holder in MEMBERS}
        self.acceptances = [epoch.acceptance(self.epoch, site, list(MEMBERS)) for site in self.sites.values()]

    def accepted(self, dealt, dealer, holder):
        if dealer == holder:
            return dealt[dealer][0][holder]
        return epoch.accept(self.epoch, self.sites[holder], dealer, self.bundles[dealer][holder])

    def take_round(self):
        self.contract = {
            "transcript": self.epoch.digest, "slot": SLOT, "cohort": 0, "study": digests.study(b"a study"), "round": 3,
            "participants": [i for i in MEMBERS if i != OUTSIDE], "minimum": 4, "membership": "may-change", "tile_lanes": 512,
            "vectors": vectors(), "state": draw(32, "round", "state"),
        }
        self.round = round.Round(self.epoch, self.contract)
        self.contract_signature = keys.sign(seed("coordinator"), digests.contract(self.charter_digest, self.round.ctx, []))
        self.inputs = {i: inputs(i) for i in self.contract["participants"]}
        self.masked = {i: round.masked(self.round, self.sites[i], lanes) for i, lanes in self.inputs.items()}
        self.trailers = {i: self.trailer(i) for i in self.contract["participants"]}
        self.survivors = [i for i in self.contract["participants"] if i != LOST]
        shown = [self.trailers[i] for i in self.survivors]
        round.check_trailers(self.round, self.survivors, shown)
        self.trailers_digest = digests.trailers(shown)
        self.outcome = round.outcome(self.round, self.survivors, shown)
        self.ballots = [{"site": i, "signature": site.signed(self.outcome)} for i, site in self.sites.items()]
        round.check_certificate(self.round, self.outcome, self.ballots)
        self.releases = {i: round.release(self.round, site, self.survivors, self.shares[i]) for i, site in self.sites.items()}
        some = [self.releases[i] for i in (OUTSIDE, LOST, 1, 9)]
        self.selfs, self.roots = round.reconstruct(self.round, some)
        self.total = round.opened(self.round, {i: self.masked[i] for i in self.survivors}, self.selfs, self.roots)
        self.total_digest = digests.sum_root(self.total, self.round.tile_lanes)
        self.next_state, self.time = draw(32, "round", "next state"), 1_800_000_000
        self.receipt = digests.receipt(
            self.charter_digest, self.outcome, self.ballots, self.trailers_digest, self.selfs, self.roots,
            self.total_digest, self.next_state, self.time,
        )
        self.receipt_signature = keys.sign(seed("coordinator"), self.receipt)

    def trailer(self, site):
        ledger = {"count": 1, "head": digests.ledger_next(digests.ledger_start(), draw(80, "round", "record", site))}
        return round.trailer(self.round, self.sites[site], self.masked[site], [], ledger, draw(32, "round", "audit", site))

    def plain_sum(self):
        """What the sum is when nobody masks anything, by Python's own integers."""
        made = []
        for vector, wide in enumerate(self.round.wide):
            bits = 128 if wide else 64
            columns = zip(*(numbers(self.inputs[site][vector], bits) for site in self.survivors))
            made.append([sum(column) % 2**bits for column in columns])
        return made


def numbers(lanes, bits):
    data, size = lanes.tobytes(), bits // 8
    return [int.from_bytes(data[start : start + size], "little") for start in range(0, len(data), size)]
