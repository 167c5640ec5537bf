"""§2: the rules of charters, credentials and requests (check H1). A rule that is broken is a ValueError."""

import base64
import hashlib
import re
import unicodedata

from . import digests, keys

NAME = re.compile(r"[A-Za-z0-9._ -]{1,64}")


def need(holds, what):
    if not holds:
        raise ValueError(what)


def check(c):
    """The rules on one charter."""
    sites, count = c["sites"], len(c["sites"])
    need(all(NAME.fullmatch(name) for name in [c["federation"], *(site["name"] for site in sites)]), "a name")
    indices = [site["index"] for site in sites]
    need(all(index >= 1 for index in indices) and indices == sorted(set(indices)), "the order of the sites")
    need(len({site["name"].lower() for site in sites}) == count, "a name stands twice")
    need(len({site["key"] for site in sites} | {c["coordinator"]}) == count + 1, "a key stands twice")
    for key in [c["coordinator"], *(site["key"] for site in sites)]:
        keys.public_key(key)
    need(all(index < c["next_index"] for index in indices), "next_index")
    need(count >= 3 and c["corrupt"] + 3 <= count, "too few sites")
    need(2 * c["quorum"] > count + c["corrupt"] and c["quorum"] <= count, "the quorum")
    need(c["corrupt"] + 3 <= c["minimum_sites"] <= count, "minimum_sites")
    need(c["version"] >= 1 and (c["version"] == 1) == (c["previous"] is None), "the charter before")


def check_consents(electorate, proposed, consents, enough):
    """Signatures of distinct sites of `electorate` on `proposed`, `enough` of them."""
    keys_of = {site["index"]: site["key"] for site in electorate["sites"]}
    need(len({one["site"] for one in consents}) == len(consents), "a consent stands twice")
    for one in consents:
        need(one["site"] in keys_of, "a stranger's consent")
        digest = digests.charter_consent(proposed["federation"], proposed["version"], digests.charter(proposed), one["site"])
        keys.verify(keys_of[one["site"]], digest, one["signature"])
    need(len(consents) >= enough, "too few consents")


def found(charter, consents):
    need(charter["version"] == 1, "not version 1")
    check_consents(charter, charter, consents, len(charter["sites"]))


def succeed(current, proposed, consents):
    need(proposed["federation"] == current["federation"], "another federation")
    need(proposed["version"] == current["version"] + 1, "not the next version")
    need(proposed["previous"] == digests.charter(current), "another charter before")
    need(proposed["next_index"] >= current["next_index"], "next_index went back")
    for site in proposed["sites"]:
        need(site["index"] >= current["next_index"] or site in current["sites"], "an index that belonged to another site")
    check_consents(current, proposed, consents, current["quorum"])


def fingerprint(digest):
    """The numbers of the 24 words in BIP-39's list, from 0: 256 bits and the first byte of the digest's SHA-256."""
    bits = int.from_bytes(digest + hashlib.sha256(digest).digest()[:1], "big")
    return [bits >> 11 * (23 - place) & 2047 for place in range(24)]


def check_credential(charter, c, signature, now):
    homes = {site["index"]: site["key"] for site in charter["sites"]}
    need(c["federation"] == charter["federation"], "another federation")
    need(c["home"] in homes, "a home that is not in the charter")
    keys.verify(homes[c["home"]], digests.credential(c), signature)
    for text in (c["name"], c["role"], c["department"], c["clearance"]):
        need(1 <= len(text.encode()) <= 128 and text.strip(), "a text")
        need(all(unicodedata.category(letter) != "Cc" for letter in text), "a control character")
    need(now < c["expires"], "expired")


def check_submission(charter, study, c, credential_signature, signature, now):
    check_credential(charter, c, credential_signature, now)
    keys.verify(c["researcher"], digests.submission(charter["federation"], study, digests.credential(c)), signature)


def check_request(charter, method, subject, time, c, credential_signature, signature, now):
    check_credential(charter, c, credential_signature, now)
    digest = digests.request(charter["federation"], charter["coordinator"], method, subject, digests.credential(c), time)
    keys.verify(c["researcher"], digest, signature)
    need(abs(time - now) <= 300, "the time")


def text(prefix, message):
    """An invitation or a credential as text."""
    checked = message + digests.text_check(prefix, message)
    return prefix + base64.urlsafe_b64encode(checked).decode().rstrip("=")


def message_of(prefix, written):
    """The message of such a text."""
    written = "".join(written.split())
    need(written.startswith(prefix), "another prefix")
    body = written.removeprefix(prefix)
    need(re.fullmatch(r"[A-Za-z0-9_-]*", body), "not base64url without padding")
    checked = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    message = checked[:-4]
    need(digests.text_check(prefix, message) == checked[-4:], "the check bytes")
    return message
