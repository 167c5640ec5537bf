"""The draw of cohorts (§9): commitments, reveals, and the cut."""

from suite import cohorts, keys

from .fixed import draw


def build():
    # Not every index is there, and not everybody reveals.
    sites = [index for index in range(1, 240) if index % 7]
    silent = {5, 100, 239}
    charter, study = draw(32, "cohorts", "charter"), draw(32, "cohorts", "study")
    secret = {index: draw(32, "cohorts", "key", index) for index in sites}
    nonce = {index: draw(32, "cohorts", "nonce", index) for index in sites}
    commits = []
    for index in sites:
        committed = cohorts.commitment(charter, study, index, nonce[index])
        digest = cohorts.commit(charter, study, index, committed)
        commits.append({"site": index, "key": keys.public(secret[index]), "commitment": committed, "digest": digest, "signature": keys.sign(secret[index], digest)})
    listed = cohorts.commit_list(charter, study, [(each["digest"], each["signature"]) for each in commits])
    revealed = [index for index in sites if index not in silent]
    drawn = cohorts.seed(listed, [(index, nonce[index]) for index in revealed])
    return {
        "charter": charter,
        "study": study,
        "commits": commits,
        "list": listed,
        "reveals": [{"site": index, "nonce": nonce[index]} for index in revealed],
        "seed": drawn,
        "cuts": [{"corrupt": c, "cohorts": cohorts.cut(drawn, revealed, c)} for c in (0, 1, 17, 32)],
    }
