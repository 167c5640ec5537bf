"""Every digest that is signed or named, by section of docs/protocol.md. A message is a dictionary with the fields of its digest."""

from .hashing import counted, digest, root, sites


# §2

def charter(c):
    return digest(
        "charter", c["federation"], c["version"], *counted([c["previous"]] if c["previous"] else []),
        *counted([(site["index"], site["name"], site["key"]) for site in c["sites"]]), c["next_index"],
        c["coordinator"], c["corrupt"], c["quorum"], c["minimum_sites"],
    )


def charter_consent(federation, version, charter_digest, index):
    return digest("charter-consent", federation, version, charter_digest, index)


def credential(c):
    return digest("credential", c["federation"], c["home"], c["researcher"], c["name"], c["role"], c["department"], c["clearance"], c["expires"])


def submission(federation, study_digest, credential_digest):
    return digest("submission", federation, study_digest, credential_digest)


def request(federation, coordinator, method, subject, credential_digest, time):
    return digest("request", federation, coordinator, method, subject, credential_digest, time)


def invitation(secret):
    return digest("invitation", secret)


def enrol(coordinator, secret, certificate_request, key):
    return digest("enrol", coordinator, invitation(secret), digest("certificate-request", certificate_request), key)


def authorities(federation, coordinator, number, certificates):
    return digest("authorities", federation, coordinator, number, *counted(certificates))


def text_check(prefix, message):
    return digest("text", prefix, message)[:4]


# §3

def study(manifest):
    return digest("study", manifest)


def transcript(charter_digest, epoch, corrupt, threshold, slots, adverts):
    return digest("epoch", charter_digest, epoch, corrupt, threshold, slots, *counted([(advert(a), a["signature"]) for a in adverts]))


def encoding(e):
    if e["kind"] == "wide":
        return ("wide", 40)
    return ("packed", e["width"], e["range_bits"], e["clip"])


def ctx(c):
    return digest(
        "ctx", "ripieno-1", c["transcript"], c["slot"], c["cohort"], c["study"], c["round"], *sites(c["participants"]), c["minimum"],
        c["membership"], c["tile_lanes"],
        *counted([(v["name"], v["length"], number, *encoding(v["encoding"])) for number, v in enumerate(c["vectors"])]),
        "no-noise", c["state"],
    )


# §4

def advert(a):
    return digest(
        "advert", a["charter"], a["epoch"], a["from"], a["channel_key"], *counted([(s["mask_key"], s["self_commitment"]) for s in a["slots"]]),
        a["ledger"]["count"], a["ledger"]["head"],
    )


def share_leaf(dealer, holder, slot, kind, share):
    return digest("share-leaf", dealer, holder, slot, kind, share)


def holder_leaves(dealer, holder, shares):
    """The leaves of one holder; `shares` are slot 0 root, slot 0 self, slot 1 root, …"""
    return [share_leaf(dealer, holder, i // 2, i % 2, share) for i, share in enumerate(shares)]


def share_root(transcript_digest, dealer, tree_root):
    return digest("share-root", transcript_digest, dealer, tree_root)


def acceptance(transcript_digest, holder, dealers):
    return digest("acceptance", transcript_digest, holder, *sites(dealers))


# §5

def contract(charter_digest, ctx_digest, verdicts):
    return digest("contract", charter_digest, ctx_digest, *counted(verdicts))


def tile_ranges(lengths, tile_lanes):
    """(vector, first lane, past the last lane) of each tile; `lengths` are the lanes of each vector."""
    return [
        (vector, start, min(start + tile_lanes, lanes))
        for vector, lanes in enumerate(lengths)
        for start in range(0, lanes, tile_lanes)
    ]


def tiles(vectors, tile_lanes):
    ranges = tile_ranges([len(lanes) for lanes in vectors], tile_lanes)
    return [vectors[vector][start:end].tobytes() for vector, start, end in ranges]


def tiles_root(vectors, tile_lanes):
    return root("tile-node", [digest("tile", number, lanes) for number, lanes in enumerate(tiles(vectors, tile_lanes))])


def sum_root(vectors, tile_lanes):
    return root("sum-node", [digest("sum-tile", number, lanes) for number, lanes in enumerate(tiles(vectors, tile_lanes))])


def history(slots):
    """The sums of a study that a site is in: (T, slot) of each."""
    return digest("history", *counted(sorted(slots)))


def trailer(t):
    return digest("trailer", t["ctx"], t["from"], t["root"], t["lanes"], t["history"], t["ledger"]["count"], t["ledger"]["head"], t["audit"])


def trailers(signed):
    return digest("trailers", *counted([(trailer(t), t["signature"]) for t in signed]))


def outcome(transcript_digest, slot, ctx_digest, survivors, trailers_digest):
    return digest("outcome", transcript_digest, slot, ctx_digest, *sites(survivors), trailers_digest)


def void(transcript_digest, slot):
    return digest("void", transcript_digest, slot)


def scalars(by_site):
    """The parts of a list of shares or secrets by site."""
    return counted([(secret["site"], secret["scalar"]) for secret in by_site])


def release(r):
    return digest("release", r["transcript"], r["slot"], r["ctx"], r["from"], *scalars(r["selfs"]), *scalars(r["roots"]))


def receipt(charter_digest, outcome_digest, certificate, trailers_digest, selfs, roots, total, next_state, time):
    return digest(
        "receipt", charter_digest, outcome_digest, *counted([(s["site"], s["signature"]) for s in certificate]), trailers_digest,
        *scalars(selfs), *scalars(roots), total, next_state, time,
    )


def verdict(v):
    return digest("verdict", v["ctx"], v["sum"], v["from"], *counted(v["tiles"]), v["holds"])


# §6

def ledger_start():
    return digest("ledger")


def ledger_next(head, record):
    return digest("ledger", head, record)
