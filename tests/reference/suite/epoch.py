"""§4: what a site does in an epoch, from the random bytes that it drew."""

from . import derive, digests, hashing, keys, seal, shamir
from .parameters import threshold

KINDS = ("root", "self")


class Refused(ValueError):
    """A check failed; the id stands first."""

    def __init__(self, check, why):
        super().__init__(f"{check}: {why}")
        self.check = check


def holds(check, test, *args):
    """Runs a test of a key, a scalar, a path or a signature, and names the check where it fails."""
    try:
        return test(*args)
    except ValueError as error:
        raise Refused(check, error) from None


class Site:
    """A site with its identity and all that it drew for one epoch.

    `draws` has `channel` (32 bytes), per slot `root` and `self` (64 bytes each) and `local` (32), per slot and kind the `coefficients` of
    its polynomial above the constant term (64 bytes each), and a `nonce` of 24 bytes for each other holder.
    """

    def __init__(self, index, name, seed, draws):
        self.index, self.name, self.seed, self.draws = index, name, seed, draws
        self.key = keys.public(seed)

    def secret(self, kind, slot):
        return shamir.reduced(self.draws["slots"][slot][kind])

    def local(self, slot):
        return self.draws["slots"][slot]["local"]

    def mask_secret(self, federation, epoch, slot):
        return derive.mask_secret(federation, epoch, slot, self.index, self.secret("root", slot))

    def signed(self, digest):
        return keys.sign(self.seed, digest)


def advertise(site, federation, charter_digest, epoch, slots, ledger):
    """E1."""
    advert = {
        "charter": charter_digest,
        "epoch": epoch,
        "from": site.index,
        "channel_key": keys.x_public(site.draws["channel"]),
        "slots": [
            {
                "mask_key": keys.x_public(site.mask_secret(federation, epoch, slot)),
                "self_commitment": derive.self_commitment(federation, epoch, slot, site.index, site.secret("self", slot)),
            }
            for slot in range(slots)
        ],
        "ledger": ledger,
    }
    return {**advert, "signature": site.signed(digests.advert(advert))}


def check_adverts(charter, epoch, slots, adverts):
    """A1, but for the own advert: whoever relays them may be wrong about anything."""
    members = {site["index"]: site["key"] for site in charter["sites"]}
    seen, indices = set(), []
    for advert in adverts:
        if advert["from"] not in members or advert["from"] in indices:
            raise Refused("A1", "a stranger's advert, or a second one")
        indices.append(advert["from"])
        holds("A1", keys.verify, members[advert["from"]], digests.advert(advert), advert["signature"])
        if (advert["charter"], advert["epoch"], len(advert["slots"])) != (digests.charter(charter), epoch, slots):
            raise Refused("A1", "of another charter, epoch or number of slots")
        for key in [advert["channel_key"], *(slot["mask_key"] for slot in advert["slots"])]:
            holds("A1", keys.x_key, key)
        for value in [advert["channel_key"], *(value for slot in advert["slots"] for value in slot.values())]:
            if value in seen:
                raise Refused("A1", "a key or commitment stands twice")
            seen.add(value)


class Epoch:
    """What all holders know once E2 is done: the transcript and T."""

    def __init__(self, charter, number, adverts):
        self.charter, self.number, self.adverts = charter, number, sorted(adverts, key=lambda advert: advert["from"])
        self.federation, self.corrupt = charter["federation"], charter["corrupt"]
        self.slots = len(adverts[0]["slots"])
        self.holders = [advert["from"] for advert in self.adverts]
        self.threshold = threshold(len(self.holders), self.corrupt)
        self.digest = digests.transcript(digests.charter(charter), number, self.corrupt, self.threshold, self.slots, self.adverts)
        self.keys = {site["index"]: site["key"] for site in charter["sites"]}

    def advert(self, index):
        return next(advert for advert in self.adverts if advert["from"] == index)


def polynomial(site, slot, kind):
    coefficients = [shamir.reduced(wide) for wide in site.draws["slots"][slot]["coefficients"][kind]]
    return [site.secret(kind, slot), *coefficients]


def shares_for(epoch, site, holder):
    """Slot 0 root, slot 0 self, slot 1 root, …"""
    return [
        shamir.to_bytes(shamir.share(polynomial(site, slot, kind), holder)) for slot in range(epoch.slots) for kind in KINDS
    ]


def node(dealer, holder, shares):
    return hashing.root("share-node", digests.holder_leaves(dealer, holder, shares))


def deal(epoch, site):
    """E2: the shares by holder, the nodes in order, and the bundle for each other holder."""
    shares = {holder: shares_for(epoch, site, holder) for holder in epoch.holders}
    nodes = [node(site.index, holder, shares[holder]) for holder in epoch.holders]
    tree_root = hashing.root("share-node", nodes)
    signature = site.signed(digests.share_root(epoch.digest, site.index, tree_root))
    bundles = {}
    for position, holder in enumerate(epoch.holders):
        if holder == site.index:
            continue
        sealed = seal_shares(epoch, site, holder, b"".join(shares[holder]))
        bundles[holder] = {
            "transcript": epoch.digest, "from": site.index, "to": holder, **sealed,
            "root": tree_root, "signature": signature, "path": hashing.path("share-node", nodes, position),
        }
    return shares, nodes, bundles


def channel(epoch, site, dealer, holder):
    peer = holder if site.index == dealer else dealer
    return derive.channel_key(epoch.digest, dealer, holder, site.draws["channel"], epoch.advert(peer)["channel_key"])


def seal_shares(epoch, site, holder, plain):
    nonce = site.draws["nonces"][holder]
    associated = seal.associated(epoch.digest, site.index, holder)
    return {"nonce": nonce, "sealed": seal.seal(channel(epoch, site, site.index, holder), nonce, plain, associated)}


def accept(epoch, site, dealer, bundle):
    """E3 (A3): the shares of one dealer for this holder."""
    if (bundle["transcript"], bundle["from"], bundle["to"]) != (epoch.digest, dealer, site.index):
        raise Refused("A3", "of another epoch, dealer or holder")
    holds("A3", keys.verify, epoch.keys[dealer], digests.share_root(epoch.digest, dealer, bundle["root"]), bundle["signature"])
    associated = seal.associated(epoch.digest, dealer, site.index)
    plain = holds("A3", seal.open_sealed, channel(epoch, site, dealer, site.index), bundle["nonce"], bundle["sealed"], associated)
    if len(plain) != 64 * epoch.slots:
        raise Refused("A3", "not 64 bytes a slot")
    shares = [plain[start : start + 32] for start in range(0, len(plain), 32)]
    for share in shares:
        if holds("A3", shamir.from_bytes, share) == 0:
            raise Refused("A3", "a share of zero")
    position, count = epoch.holders.index(site.index), len(epoch.holders)
    leads = holds("A3", hashing.climb, "share-node", node(dealer, site.index, shares), position, count, bundle["path"])
    if leads != bundle["root"]:
        raise Refused("A3", "shares that are not under the signed root")
    return shares


def acceptance(epoch, site, dealers):
    return {
        "transcript": epoch.digest, "from": site.index, "dealers": dealers,
        "signature": site.signed(digests.acceptance(epoch.digest, site.index, dealers)),
    }
