"""Places whose edit no rule can guess: conditions of predicates that a check is made of, and refusals in matches that give a value.

Each stands once in its function; where it does not any more, the entry is to be written anew.
"""

from typing import NamedTuple

# A condition that refuses; one that accepts; a statement.
REFUSES = ("(", " && !GONE)")
ACCEPTS = ("(", " || GONE)")
AND_NOT = ("", " && !GONE")


class Entry(NamedTuple):
    file: str
    function: str
    id: str
    text: str
    before: str
    after: str


SECAGG = "crates/secagg/src/"
ENTRIES = [
    Entry("crates/identity/src/ratification.rs", "found", "H1", "!signers.contains(site.index)", *REFUSES),
    Entry("crates/identity/src/ratification.rs", "check_succession", "H1", "current.site(site.index) != Some(*site)", *AND_NOT),
    Entry(SECAGG + "kdf.rs", "is_contributory", "A1", "is_canonical(key)", *ACCEPTS),
    Entry(SECAGG + "kdf.rs", "is_contributory", "A1", "probe.diffie_hellman(&PublicKey::from(*key)).was_contributory()", *ACCEPTS),
    Entry(SECAGG + "kdf.rs", "contributory", "A1", "shared.was_contributory()", *ACCEPTS),
    Entry(SECAGG + "epoch/join.rs", "not_accepted", "S3", "holders < threshold", *REFUSES),
    Entry(SECAGG + "epoch/join.rs", "not_accepted", "S3", "!accepts(member)", *REFUSES),
    Entry(SECAGG + "epoch/accept.rs", "keep", "A3", "shamir::canonical",
          "(|bytes: &[u8; 32]| if GONE { Some(Zeroizing::new(Scalar::from_bytes_mod_order(*bytes))) } else { ", "(bytes) })"),
    Entry(SECAGG + "round/slot.rs", "void", "C3", "other => {", "Slot::Signed(signed) if GONE => signed.bound.sign_void(facts),\n", ""),
    Entry(SECAGG + "round/publish.rs", "is_of", "S5", "self.ctx == *ctx", *ACCEPTS),
    Entry(SECAGG + "round/publish.rs", "is_of", "S5", "self.sum == *sum", *ACCEPTS),
    Entry(SECAGG + "round/publish.rs", "uncovered", "S5", "count <= self.corrupt", *REFUSES),
    Entry(SECAGG + "coordinator/open.rs", "distinct", "R2", "set.is_subset(sites)", *ACCEPTS),
    Entry(SECAGG + "coordinator/open.rs", "usable", "R2", "self.proven.contains(&(holder, dealer, kind))", *ACCEPTS),
    Entry("client/engine/src/round/publish.rs", "published", "P1", "if let Some(refusal) = refusal", *AND_NOT),
    Entry("client/engine/src/round/start.rs", "start", "S8", "if let Some(reason) = self.needs_steward(contract, progress)", *AND_NOT),
]
