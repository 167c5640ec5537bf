"""Digests that a whole round does not show, or shows in one form only: empty and long lists, VOID, verdicts, every encoding (§3 to §6)."""

from suite import digests, encode

from .fixed import draw

CHARTER, T, SLOT = draw(32, "messages", "charter"), draw(32, "messages", "T"), 63


def some(name):
    return draw(32, "messages", name)


def signature(name):
    return draw(64, "messages", "signature", name)


def build():
    return {
        "charter": CHARTER, "transcript": T, "slot": SLOT,
        "contracts": [{"contract": c, "ctx": digests.ctx(c)} for c in contracts()],
        "verdicts": [{**v, "digest": digests.verdict(v)} for v in verdicts()],
        "signed_contract": signed_contract(),
        "adverts": [{**a, "digest": digests.advert(a)} for a in adverts()],
        "acceptances": [
            {"from": 300, "dealers": dealers, "digest": digests.acceptance(T, 300, dealers)} for dealers in ([300], [1, 2, 300, 65535])
        ],
        "trailers": trailers(),
        "histories": histories(), "history_of_none": digests.history([]),
        "outcomes": [
            {"survivors": u, "trailers": some("trailers"), "ctx": some("ctx"), "digest": digests.outcome(T, SLOT, some("ctx"), u, some("trailers"))}
            for u in ([], [1, 2, 300])
        ],
        "void": digests.void(T, SLOT),
        "releases": [{**r, "digest": digests.release(r)} for r in releases()],
        "receipts": receipts(),
        "tiles": tiles(),
        "ledger": ledger(),
    }


def contracts():
    base = {
        "transcript": T, "slot": SLOT, "cohort": 0, "study": some("study"), "round": 1, "participants": [1, 2, 300], "minimum": 3,
        "membership": "fixed", "tile_lanes": 512, "vectors": [{"name": "a", "length": 1, "encoding": {"kind": "wide"}}], "state": some("state"),
    }
    packed = [
        {"name": f"{width} ü {clip}", "length": 10**6 + width, "encoding": {"kind": "packed", "width": width, "range": r, "range_bits": encode.bits_of(r), "clip": clip}}
        for width, r, clip in [(64, 1.0, "refuse"), (32, 0.1, "coordinate"), (21, 1e-12, "l2"), (16, 1e12, "refuse")]
    ]
    return [
        base,
        {**base, "cohort": 5, "round": 2**32 - 1, "minimum": 65535, "membership": "may-change", "tile_lanes": 131072, "vectors": packed, "slot": 0},
    ]


def verdicts():
    return [
        {"ctx": some("ctx"), "sum": some("sum"), "from": 300, "tiles": tiles, "holds": holds, "signature": signature("verdict")}
        for tiles, holds in [([], True), ([0, 3, 2**21 - 1], True), ([7], False)]
    ]


def signed_contract():
    ctx = digests.ctx(contracts()[0])
    signed = [(digests.verdict(v), v["signature"]) for v in verdicts()]
    return {"without_verdicts": digests.contract(CHARTER, ctx, []), "with_verdicts": digests.contract(CHARTER, ctx, signed)}


def adverts():
    slot = lambda i: {"mask_key": some(f"mask {i}"), "self_commitment": some(f"commitment {i}")}
    return [
        {
            "charter": CHARTER, "epoch": epoch, "from": 300, "channel_key": some("channel"), "slots": [slot(i) for i in range(count)],
            "ledger": {"count": epoch + 1, "head": some("head")},
        }
        for epoch, count in [(1, 1), (2**40, 3)]
    ]


def trailers():
    made = [
        {
            "ctx": some("ctx"), "from": site, "root": some("root"), "lanes": 2**30, "history": some("history"),
            "ledger": {"count": 2**33, "head": some("head")}, "audit": some("audit"), "signature": signature(site),
        }
        for site in (1, 2, 300)
    ]
    return {
        "trailers": [{**t, "digest": digests.trailer(t)} for t in made],
        "digest": digests.trailers(made), "digest_of_none": digests.trailers([]),
    }


def histories():
    slots = sorted([(some("another T"), 7), (T, SLOT), (T, 0)])
    named = lambda some: [{"transcript": transcript, "slot": slot} for transcript, slot in some]
    return [{"slots": named(slots[:count]), "digest": digests.history(slots[:count])} for count in range(1, 4)]


def secret(site):
    return {"site": site, "scalar": draw(31, "messages", "scalar", site) + b"\x00"}


def releases():
    base = {"transcript": T, "slot": SLOT, "ctx": some("ctx"), "from": 300}
    return [
        {**base, "selfs": [secret(1), secret(300)], "roots": []},
        {**base, "selfs": [secret(1)], "roots": [secret(2), secret(300)]},
    ]


def receipts():
    outcome = digests.outcome(T, SLOT, some("ctx"), [1, 300], some("trailers of the outcome"))
    signers = [{"site": site, "signature": signature(site)} for site in (2, 300)]
    shown = trailers()["trailers"]
    made = []
    for roots in ([], [secret(2)]):
        digest = digests.receipt(
            CHARTER, outcome, signers, digests.trailers(shown), [secret(1), secret(300)], roots, some("sum"), some("next"), 1_800_000_000
        )
        made.append({"signatures": signers, "selfs": [secret(1), secret(300)], "roots": roots, "digest": digest})
    return {"survivors": [1, 300], "trailers": some("trailers of the outcome"), "sum": some("sum"), "next": some("next"), "time": 1_800_000_000, "receipts": made}


def tiles():
    lanes = bytes(range(24))
    return {
        "lanes": lanes, "number": 2**21 - 1,
        "masked": digests.digest("tile", 2**21 - 1, lanes), "sum": digests.digest("sum-tile", 2**21 - 1, lanes),
    }


def ledger():
    heads, records = [digests.ledger_start()], [b"", b"a record", some("record")]
    for record in records:
        heads.append(digests.ledger_next(heads[-1], record))
    return {"records": records, "heads": heads}
