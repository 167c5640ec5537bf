"""Adverts, bundles and acceptances, spoilt (E2 to E4)."""

from suite import derive, digests, epoch, hashing, keys, seal, shamir
from suite.keys import ORDER, P

from .cast import MEMBERS, NUMBER, SLOTS, seed
from .fixed import change, draw, flip
from .spoil import COORDINATOR, DEALER, HOLDER, flip_top, refused, site, spoilt_signatures


def adverts(play):
    """The advert of site 7, among good ones."""
    good = next(a for a in play.adverts if a["from"] == DEALER)
    others = [a for a in play.adverts if a["from"] != DEALER]
    first = others[0]

    def resigned(**change):
        advert = {**good, **change}
        return {**advert, "signature": play.sites[DEALER].signed(digests.advert(advert))}

    def with_slot(**change):
        return resigned(slots=[{**good["slots"][0], **change}, *good["slots"][1:]])

    cases = [(name, COORDINATOR, spoilt) for name, spoilt in spoilt_signatures(good, digests.advert(good), seed(DEALER))]
    cases += [
        ("a ledger count changed on the way", COORDINATOR, {**good, "ledger": {**good["ledger"], "count": 1}}),
        ("a mask key of low order", site(DEALER), with_slot(mask_key=keys.P.to_bytes(32, "little"))),
        ("a mask key of order 8", site(DEALER), with_slot(mask_key=(325606250916557431795983626356110631294008115727848805560023387167927233504).to_bytes(32, "little"))),
        ("a mask key that is zero", site(DEALER), with_slot(mask_key=bytes(32))),
        ("a mask key that is not canonical", site(DEALER), with_slot(mask_key=(P + 9).to_bytes(32, "little"))),
        ("a mask key with the top bit", site(DEALER), with_slot(mask_key=flip_top(good["slots"][0]["mask_key"]))),
        ("a channel key of low order", site(DEALER), resigned(channel_key=(1).to_bytes(32, "little"))),
        ("a channel key with the top bit", site(DEALER), resigned(channel_key=flip_top(good["channel_key"]))),
        ("a mask key twice", site(DEALER), with_slot(mask_key=good["slots"][1]["mask_key"])),
        ("the channel key as mask key", site(DEALER), with_slot(mask_key=good["channel_key"])),
        ("a commitment twice", site(DEALER), with_slot(self_commitment=good["slots"][1]["self_commitment"])),
        ("the mask key of site 1", COORDINATOR, with_slot(mask_key=first["slots"][0]["mask_key"])),
        ("the commitment of site 1", COORDINATOR, with_slot(self_commitment=first["slots"][1]["self_commitment"])),
        ("the channel key of site 1", COORDINATOR, resigned(channel_key=first["channel_key"])),
        ("a slot less", COORDINATOR, resigned(slots=good["slots"][:1])),
        ("of another epoch", COORDINATOR, resigned(epoch=NUMBER + 1)),
        ("under another charter", COORDINATOR, resigned(charter=draw(32, "round", "charter"))),
        ("in the name of a stranger", COORDINATOR, {**good, "from": 8}),
    ]
    return [
        refused("A1", name, culprit, epoch.check_adverts, play.charter, NUMBER, SLOTS, [*others, advert], change=change(good, advert))
        for name, culprit, advert in cases
    ]


def bundles(play):
    """The bundle from site 7 to site 2. Whatever does not open, or is not as it should be, is laid to its dealer."""
    dealer, e = play.sites[DEALER], play.epoch
    good, shares = play.bundles[DEALER][HOLDER], play.shares[HOLDER][DEALER]
    shared = lambda dealer_index, holder, transcript: derive.channel_key(
        transcript, dealer_index, holder, dealer.draws["channel"], e.advert(HOLDER)["channel_key"]
    )
    key, nonce = shared(DEALER, HOLDER, e.digest), good["nonce"]

    def sealed(plain, key=key, associated=seal.associated(e.digest, DEALER, HOLDER)):
        return {**good, "sealed": seal.seal(key, nonce, plain, associated)}

    def rooted(spoilt):
        """Shares under a root that the dealer signs, whatever they are."""
        node = epoch.node(DEALER, HOLDER, spoilt)
        nodes = [node if i == HOLDER else other for i, other in zip(MEMBERS, play.nodes[DEALER])]
        tree_root = hashing.root("share-node", nodes)
        signature = dealer.signed(digests.share_root(e.digest, DEALER, tree_root))
        path = hashing.path("share-node", nodes, MEMBERS.index(HOLDER))
        return {**sealed(b"".join(spoilt)), "root": tree_root, "signature": signature, "path": path}

    plain, other = b"".join(shares), draw(32, "round", "T")
    wrong = shamir.to_bytes((shamir.from_bytes(shares[0]) + 1) % ORDER)
    large = (shamir.from_bytes(shares[1]) + ORDER).to_bytes(32, "little")
    digest = digests.share_root(e.digest, DEALER, good["root"])
    cases = [
        ("the tag", {**good, "sealed": flip(good["sealed"], -1)}),
        ("a bit of the shares", {**good, "sealed": flip(good["sealed"])}),
        ("the nonce", {**good, "nonce": flip(nonce)}),
        ("without the tag", {**good, "sealed": good["sealed"][:-16]}),
        ("nothing at all", {**good, "sealed": b""}),
        ("associated data of another epoch", sealed(plain, associated=seal.associated(other, DEALER, HOLDER))),
        ("associated data of another holder", sealed(plain, associated=seal.associated(e.digest, DEALER, 1))),
        ("associated data the wrong way round", sealed(plain, associated=seal.associated(e.digest, HOLDER, DEALER))),
        ("no associated data", sealed(plain, associated=b"")),
        ("the key of another epoch", sealed(plain, key=shared(DEALER, HOLDER, other))),
        ("the key of the other direction", sealed(plain, key=shared(HOLDER, DEALER, e.digest))),
        ("a slot less", rooted(shares[:2])),
        ("a slot more", rooted([*shares, *shares[:2]])),
        ("half a slot more", rooted([*shares, shares[0]])),
        ("a byte more", sealed(plain + b"\x00")),
        ("a wrong share", sealed(wrong + plain[32:])),
        ("root and self swapped", sealed(b"".join([shares[1], shares[0], *shares[2:]]))),
        ("slots swapped", sealed(b"".join([*shares[2:], *shares[:2]]))),
        ("the shares of another holder", sealed(b"".join(play.shares[1][DEALER]))),
        ("a scalar that is not canonical", rooted([shares[0], large, *shares[2:]])),
        ("a share of zero", rooted([*shares[:3], bytes(32)])),
        ("the root", {**good, "root": flip(good["root"])}),
        ("a digest of the path", {**good, "path": [flip(good["path"][0]), *good["path"][1:]]}),
        ("a path that is too short", {**good, "path": good["path"][:-1]}),
        ("a path that is too long", {**good, "path": [*good["path"], good["root"]]}),
        ("the path of another holder", {**good, "path": play.bundles[DEALER][1]["path"]}),
        *spoilt_signatures(good, digest, seed(DEALER)),
        ("of another epoch", {**good, "transcript": other}),
        ("to another holder", play.bundles[DEALER][1]),
    ]
    return [
        refused("A3", name, site(DEALER), epoch.accept, e, play.sites[HOLDER], DEALER, bundle, change=change(good, bundle)) for name, bundle in cases
    ]


def check_acceptances(play, given):
    e, holders = play.epoch, [one["from"] for one in given]
    if len(set(holders)) != len(holders):
        raise epoch.Refused("A3", "two of one holder")
    for one in given:
        if one["from"] not in e.keys:
            raise epoch.Refused("A3", "of a stranger")
        epoch.holds("A3", keys.verify, e.keys[one["from"]], digests.acceptance(one["transcript"], one["from"], one["dealers"]), one["signature"])
        if one["transcript"] != e.digest or not {one["from"]} <= set(one["dealers"]) <= set(e.holders):
            raise epoch.Refused("A3", "of another epoch, of strangers, or without the own")


def acceptances(play):
    """The acceptance of site 7, among good ones."""
    good = next(a for a in play.acceptances if a["from"] == DEALER)
    others = [a for a in play.acceptances if a["from"] != DEALER]

    def resigned(**change):
        one = {**good, **change}
        return {**one, "signature": play.sites[DEALER].signed(digests.acceptance(one["transcript"], DEALER, one["dealers"]))}

    digest = digests.acceptance(play.epoch.digest, DEALER, good["dealers"])
    cases = [(name, COORDINATOR, spoilt) for name, spoilt in spoilt_signatures(good, digest, seed(DEALER))]
    cases += [
        ("a dealer left out on the way", COORDINATOR, {**good, "dealers": good["dealers"][1:]}),
        ("of another epoch", COORDINATOR, resigned(transcript=draw(32, "round", "T"))),
        ("of a stranger's shares", site(DEALER), resigned(dealers=[1, 2, 4, 7, 8, 9, 300])),
        ("without its own shares", site(DEALER), resigned(dealers=[i for i in MEMBERS if i != DEALER])),
        ("in the name of a stranger", COORDINATOR, {**good, "from": 8}),
    ]
    return [
        refused("A3", name, culprit, check_acceptances, play, [*others, one], change=change(good, one)) for name, culprit, one in cases
    ]
