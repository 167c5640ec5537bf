"""Charters, credentials, submissions, requests, enrolment (§2)."""

from suite import charter as rules
from suite import digests, keys

from .fixed import change, draw, flip
from .keys import refuses

FEDERATION = "north sea"
NOW = 1_800_000_000
INVITATION = "ripieno-invitation-1."
CREDENTIAL = "ripieno-credential-1."


def seed(name):
    return draw(32, "people", name)


def site(index, name=None):
    return {"index": index, "name": name or f"site-{index}", "key": keys.public(seed(index))}


def founding():
    return {
        "federation": FEDERATION, "version": 1, "previous": None, "sites": [site(i) for i in (1, 2, 4, 7)], "next_index": 9,
        "coordinator": keys.public(seed("coordinator")), "corrupt": 1, "quorum": 3, "minimum_sites": 4,
    }


def following():
    """Site 2 left, 9 came."""
    return {**founding(), "version": 2, "previous": digests.charter(founding()), "sites": [site(i) for i in (1, 4, 7, 9)], "next_index": 12}


def consents(charter, sites):
    return [{"site": i, "signature": consent(charter, i, seed(i))} for i in sites]


def consent(charter, index, secret):
    return keys.sign(secret, digests.charter_consent(charter["federation"], charter["version"], digests.charter(charter), index))


def build():
    return {
        "seeds": {str(name): seed(name) for name in (1, 2, 4, 7, 9, "coordinator", "researcher")},
        "now": NOW,
        "charters": charters(),
        "charters_refused": charters_refused(),
        "founded": {"charter": founding(), "consents": consents(founding(), [1, 2, 4, 7])},
        "founded_refused": founded_refused(),
        "succeeded": {"charter": following(), "consents": consents(following(), [1, 4, 7])},
        "succeeded_refused": succeeded_refused(),
        **researchers(),
        "enrolment": enrolment(),
        "authorities": authorities(),
        "texts_refused": texts_refused(),
        "credential_texts_refused": credential_texts_refused(),
    }


def charters():
    digest_of = lambda charter: {"charter": charter, "digest": digests.charter(charter), "words": rules.fingerprint(digests.charter(charter))}
    for charter in (founding(), following()):
        rules.check(charter)
    return [digest_of(founding()), digest_of(following())]


def charters_refused():
    base = founding()
    sites = base["sites"]
    renamed = lambda name: {"sites": [{**sites[0], "name": name}, *sites[1:]]}
    rekeyed = lambda key: {"sites": [{**sites[0], "key": key}, *sites[1:]]}
    changes = {
        "no name": renamed(""),
        "a name of 65 bytes": renamed("a" * 65),
        "a name with a line feed": renamed("a\n"),
        "a name beyond ASCII": renamed("Zürich"),
        "a federation without a name": {"federation": ""},
        "the same name in other letters": renamed("SITE-2"),
        "a key stands twice": rekeyed(sites[1]["key"]),
        "a site has the coordinator's key": rekeyed(base["coordinator"]),
        "not in order": {"sites": [sites[1], sites[0], *sites[2:]]},
        "an index stands twice": {"sites": [sites[0], {**sites[1], "index": 1}, *sites[2:]]},
        "next_index is taken": {"next_index": 7},
        "too few sites": {"sites": sites[:2], "corrupt": 0, "quorum": 2, "minimum_sites": 3},
        "too many corrupt": {"corrupt": 2, "quorum": 4, "minimum_sites": 4},
        "a quorum of half": {"corrupt": 0, "quorum": 2},
        "a quorum without an honest majority": {"quorum": 2},
        "a quorum above all": {"quorum": 5},
        "a minimum below c + 3": {"minimum_sites": 3},
        "a minimum above all": {"minimum_sites": 5},
        "version 1 with a charter before": {"previous": digests.charter(base)},
        "version 2 without one": {"version": 2},
        "version 0": {"version": 0},
    }
    cases = [{"name": name, "change": changed} for name, changed in changes.items()]
    for one in cases:
        refuses(one, rules.check, {**base, **one["change"]})
    return cases


def founded_refused():
    good, other = consents(founding(), [1, 2, 4, 7]), {**founding(), "next_index": 10}
    cases = {
        "one is missing": good[:3],
        "one stands twice": [*good[:3], good[2]],
        "a changed signature": [{**good[0], "signature": flip(good[0]["signature"], 40)}, *good[1:]],
        "for another charter": [*good[:3], *consents(other, [7])],
        "of another site": [*good[:3], {"site": 7, "signature": good[0]["signature"]}],
        "signed for another site": [*good[:3], {"site": 7, "signature": consent(founding(), 4, seed(7))}],
        "a stranger's": [*good, {"site": 9, "signature": consent(founding(), 9, seed(9))}],
    }
    made = [{"name": name, "consents": given} for name, given in cases.items()]
    for one in made:
        refuses(one, rules.found, founding(), one["consents"])
    return made


def succeeded_refused():
    good = following()
    sites = good["sites"]
    changes = {
        "too few consents": ({}, [1, 4]),
        "the newcomer's does not count": ({}, [1, 4, 9]),
        "another federation": ({"federation": "south sea"}, [1, 4, 7]),
        "a version is left out": ({"version": 3}, [1, 4, 7]),
        "another charter before": ({"previous": digests.charter(good)}, [1, 4, 7]),
        "next_index goes back": ({"next_index": 8, "sites": sites[:3], "corrupt": 0, "quorum": 2, "minimum_sites": 3}, [1, 4, 7]),
        "the index of one that left": ({"sites": [sites[0], {**sites[3], "index": 2}, *sites[1:3]]}, [1, 4, 7]),
        "another key under an old index": ({"sites": [*sites[:2], {**sites[2], "key": sites[3]["key"]}]}, [1, 4, 7]),
        "another name under an old index": ({"sites": [*sites[:2], {**sites[2], "name": "else"}, sites[3]]}, [1, 4, 7]),
        "an index that was never given and is below next_index": ({"sites": [sites[0], sites[1], sites[2], {**sites[3], "index": 8}]}, [1, 4, 7]),
    }
    made = []
    for name, (changed, signers) in changes.items():
        charter = {**good, **changed}
        if len(charter["sites"]) == 3:
            charter = {**charter, "corrupt": 0, "minimum_sites": 3}
        rules.check(charter)
        made.append({"name": name, "change": change(good, charter), "consents": consents(charter, signers)})
    for one in made:
        refuses(one, rules.succeed, founding(), {**good, **one["change"]}, one["consents"])
    return made


def credential():
    return {
        "federation": FEDERATION, "home": 2, "researcher": keys.public(seed("researcher")), "name": "Ada Lovelace", "role": "statistician",
        "department": "Kardiologie, Zürich", "clearance": "pseudonymous", "expires": NOW + 1,
    }


def researchers():
    """Credentials and what is signed with them, under the founding charter."""
    charter, c, researcher = founding(), credential(), seed("researcher")
    digest, study = digests.credential(c), digests.study("name = \"ä study\"\n".encode())
    signed = keys.sign(seed(2), digest)
    submitted = keys.sign(researcher, digests.submission(FEDERATION, study, digest))
    asked = {"method": "Get", "subject": study, "time": NOW - 300}
    listed = {"method": "List", "subject": bytes(32), "time": NOW + 300}
    sign = lambda one: {
        **one,
        "signature": keys.sign(researcher, digests.request(FEDERATION, charter["coordinator"], one["method"], one["subject"], digest, one["time"])),
    }
    rules.check_submission(charter, study, c, signed, submitted, NOW)
    requests = [sign(asked), sign(listed)]
    for one in requests:
        rules.check_request(charter, one["method"], one["subject"], one["time"], c, signed, one["signature"], NOW)
    return {
        "study": {"manifest": "name = \"ä study\"\n", "digest": study},
        "credential": {"fields": c, "digest": digest, "signature": signed},
        "credentials_refused": credentials_refused(charter, c, signed),
        "submission": {"digest": digests.submission(FEDERATION, study, digest), "signature": submitted},
        "submissions_refused": submissions_refused(charter, c, signed, study, submitted),
        "requests": requests,
        "requests_refused": requests_refused(charter, c, signed, sign, asked),
    }


def credentials_refused(charter, c, signed):
    changes = {
        "of another federation": {"federation": "south sea"},
        "expired at this second": {"expires": NOW},
        "a home outside of the charter": {"home": 9},
        "a name of 129 bytes": {"name": "ä" * 64 + "a"},
        "no department": {"department": ""},
        "a blank department": {"department": "\u2003 "},
        "a role with a line feed": {"role": "a\nb"},
        "a clearance with a control character beyond ASCII": {"clearance": "a\u0085"},
    }
    made = [{"name": name, "fields": {**c, **changed}} for name, changed in changes.items()]
    made = [{**one, "signature": keys.sign(seed(one["fields"]["home"]), digests.credential(one["fields"]))} for one in made]
    made += [
        {"name": "signed by another site", "fields": c, "signature": keys.sign(seed(1), digests.credential(c))},
        {"name": "changed after it was signed", "fields": {**c, "role": "chief"}, "signature": signed},
        {"name": "a changed signature", "fields": c, "signature": flip(signed, 33)},
    ]
    for one in made:
        refuses(one, rules.check_credential, charter, one["fields"], one["signature"], NOW)
    return made


def submissions_refused(charter, c, signed, study, submitted):
    made = [
        {"name": "for another study", "study": flip(study), "signature": submitted},
        {"name": "a changed signature", "study": study, "signature": flip(submitted, 33)},
        {"name": "signed by the home site", "study": study, "signature": keys.sign(seed(2), digests.submission(FEDERATION, study, digests.credential(c)))},
    ]
    for one in made:
        refuses(one, rules.check_submission, charter, one["study"], c, signed, one["signature"], NOW)
    return made


def requests_refused(charter, c, signed, sign, asked):
    good = sign(asked)
    made = [
        {"name": "for another method", **good, "method": "Cancel"},
        {"name": "about another study", **good, "subject": flip(good["subject"])},
        {"name": "at another time", **good, "time": good["time"] + 1},
        {"name": "too old", **sign({**asked, "time": NOW - 301})},
        {"name": "from the future", **sign({**asked, "time": NOW + 301})},
        {"name": "a changed signature", **good, "signature": flip(good["signature"], 33)},
    ]
    for one in made:
        refuses(one, rules.check_request, charter, one["method"], one["subject"], one["time"], c, signed, one["signature"], NOW)
    return made


def varint(value):
    return bytes([value & 127 | 128]) + varint(value >> 7) if value > 127 else bytes([value])


def field(number, content):
    """A field of a protobuf message, in canonical order; a field that is 0 or empty does not stand there."""
    if isinstance(content, int):
        return bytes([number << 3]) + varint(content)
    content = content.encode() if isinstance(content, str) else content
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def message(*fields):
    return b"".join(field(number, content) for number, content in enumerate(fields, 1))


def invitation():
    return message("hub.example.org:8443", draw(32, "people", "authority"), founding()["coordinator"], "site-9", NOW, draw(32, "people", "invitation"))


def enrolment():
    coordinator, secret, request = founding()["coordinator"], draw(32, "people", "invitation"), b"a certificate request"
    digest = digests.enrol(coordinator, secret, request, keys.public(seed(9)))
    c = credential()
    signed = keys.sign(seed(2), digests.credential(c))
    text = rules.text(INVITATION, invitation())
    spaced = "\n ".join(text[start : start + 50] for start in range(0, len(text), 50)) + "\r\n\t"
    assert rules.message_of(INVITATION, spaced) == invitation()
    return {
        "secret": secret, "secret_digest": digests.invitation(secret), "certificate_request": request, "digest": digest,
        "signature": keys.sign(seed(9), digest), "authority": draw(32, "people", "authority"), "address": "hub.example.org:8443",
        "site": "site-9", "expires": NOW, "text": text, "text_with_white_space": spaced,
        "credential_text": rules.text(CREDENTIAL, held(c["researcher"], signed)),
    }


def authorities():
    """A list of the authorities for connections, and lists that a site does not take over."""
    coordinator, certificates = founding()["coordinator"], [b"the one that certifies", b"the other one"]
    listed = lambda number, of: digests.authorities(FEDERATION, coordinator, number, of)
    good = {"number": 7, "certificates": certificates, "digest": listed(7, certificates)}
    good["signature"] = keys.sign(seed("coordinator"), good["digest"])
    turned = certificates[::-1]
    spoilt = {
        "a changed signature": {"signature": flip(good["signature"], 33)},
        "signed by a site": {"signature": keys.sign(seed(1), good["digest"])},
        "with another number": {"number": 8},
        "in another order": {"certificates": turned},
        "with one that is missing": {"certificates": certificates[:1]},
        "none": {"certificates": [], "signature": keys.sign(seed("coordinator"), listed(7, []))},
        "three": {"certificates": [*certificates, b"a third"], "signature": keys.sign(seed("coordinator"), listed(7, [*certificates, b"a third"]))},
    }
    return {"good": good, "refused": [{"name": name, **{**good, **changed}} for name, changed in spoilt.items()]}


def held(researcher, signature):
    """A credential as a message, with any bytes for key and signature."""
    c = credential()
    return message(c["name"], c["role"], c["department"], c["clearance"], c["expires"], c["federation"], c["home"], researcher, signature)


def credential_texts_refused():
    """Keys and signatures of a wrong length, and keys that no message may hold."""
    key, signature = credential()["researcher"], keys.sign(seed(2), digests.credential(credential()))
    cases = [
        ("a key of 31 bytes", key[:-1], signature),
        ("a key of 33 bytes", key + b"\x00", signature),
        ("no key", b"", signature),
        ("a key of small order", keys.encode(keys.small_points()[1]), signature),
        ("a key that is not canonical", (keys.P + 1).to_bytes(32, "little"), signature),
        ("a signature of 63 bytes", key, signature[:-1]),
        ("a signature of 65 bytes", key, signature + b"\x00"),
        ("no signature", key, b""),
    ]
    made = [{"name": name, "text": rules.text(CREDENTIAL, held(*spoilt))} for name, *spoilt in cases]
    for one, (_, spoilt_key, spoilt_signature) in zip(made, cases):
        refuses(one, keys.verify, spoilt_key, digests.credential(credential()), spoilt_signature)
    return made


def texts_refused():
    good = rules.text(INVITATION, invitation())
    cut = good[:-8]
    other = "B" if good[-9] == "A" else "A"
    made = [
        {"name": "a letter changed", "text": good[:-9] + other + good[-8:]},
        {"name": "the end is missing", "text": cut},
        {"name": "padding", "text": good + "="},
        {"name": "under the prefix of a credential", "text": rules.text(CREDENTIAL, invitation())},
        {"name": "with the check bytes of a credential", "text": INVITATION + rules.text(CREDENTIAL, invitation()).removeprefix(CREDENTIAL)},
    ]
    for one in made:
        refuses(one, rules.message_of, INVITATION, one["text"])
    return made
