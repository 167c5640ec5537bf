//! What a lying coordinator does, and what every test of it asserts.

use ripieno_audit::Kind;
use ripieno_secagg::coordinator::sign_contract;
use ripieno_secagg::round::publish::Receipt;
use ripieno_secagg::round::start::SignedContract;
use ripieno_study::{Check, Contract, Culprit, Refusal, SiteIndex};
use ripieno_wire::{FromSite, Published, ToSite};

use crate::common::federation::{Federation, coordinator_key};
use crate::common::log::entries;
use crate::common::site;

pub(crate) const COORDINATOR: Culprit = Culprit::Coordinator;

pub(crate) fn culprit(index: u16) -> Culprit {
    Culprit::Site(site(index))
}

/// Whether a message carries a masked update, shares, or a signature that opens something.
pub(crate) fn gives_away(message: &FromSite) -> bool {
    matches!(
        message,
        FromSite::Tile { .. }
            | FromSite::Trailer { .. }
            | FromSite::Ballot(_)
            | FromSite::Release(_)
            | FromSite::Proof(_)
            | FromSite::Bundles(_)
            | FromSite::Acceptance(_)
            | FromSite::State { .. }
    )
}

/// Tells `to` a lie, and asserts that it refuses by `check`, names `culprit`, gives nothing away,
/// and writes the refusal down.
#[track_caller]
pub(crate) fn assert_refused(
    federation: &mut Federation,
    to: SiteIndex,
    message: ToSite,
    check: Check,
    culprit: Culprit,
) -> Refusal {
    let kind = format!("{message:?}");
    let answers = federation.tell(to, message);
    assert!(!answers.iter().any(gives_away), "{kind}: {answers:?}");
    let Some(FromSite::Refused { refusal, .. }) = answers.last() else {
        panic!("{kind} was not refused: {answers:?}");
    };
    assert_eq!((refusal.check, refusal.culprit), (check, culprit), "{kind}: {refusal}");
    let last = entries(&federation.sites[&to]).pop().expect("something was written");
    let Refusal { check, culprit, reason } = refusal;
    assert_eq!(last.kind, Kind::Refusal);
    let said = [("check", check.to_string()), ("culprit", culprit.to_string())];
    for (name, value) in said.into_iter().chain([("reason", reason.clone())]) {
        assert_eq!(last.fields.get(name), Some(&value), "{kind}");
    }
    refusal.clone()
}

/// Tells `to` something, and asserts that it answers nothing at all.
#[track_caller]
pub(crate) fn assert_silent(federation: &mut Federation, to: SiteIndex, message: ToSite) {
    let kind = format!("{message:?}");
    let answers = federation.tell(to, message);
    assert!(answers.is_empty(), "{kind}: {answers:?}");
}

/// A contract with the coordinator's own signature.
pub(crate) fn sign(federation: &Federation, contract: Contract) -> SignedContract {
    sign_contract(&federation.charter.digest(), &coordinator_key(), contract, Vec::new())
}

/// A changed receipt with the coordinator's own signature.
pub(crate) fn sign_receipt(federation: &Federation, receipt: &mut Receipt) {
    receipt.signature = coordinator_key().sign(&receipt.digest(&federation.charter.digest()));
}

pub(crate) fn is_contract(message: &ToSite) -> bool {
    matches!(message, ToSite::Contract(_))
}

pub(crate) fn is_proposal(message: &ToSite) -> bool {
    matches!(message, ToSite::Propose(_))
}

pub(crate) fn is_open(message: &ToSite) -> bool {
    matches!(message, ToSite::Open { .. })
}

pub(crate) fn is_published(message: &ToSite) -> bool {
    matches!(message, ToSite::Published(_))
}

/// The next contract for `to`, which does not arrive.
pub(crate) fn next_contract(federation: &mut Federation, to: SiteIndex) -> SignedContract {
    match federation.intercept(to, is_contract) {
        ToSite::Contract(signed) => signed,
        other => panic!("{other:?}"),
    }
}

/// The next published sum for `to`, which does not arrive.
pub(crate) fn next_published(federation: &mut Federation, to: SiteIndex) -> Published {
    // As it arrives, with all of its parts in memory.
    match ToSite::decode(federation.intercept(to, is_published).encode()) {
        Ok(ToSite::Published(published)) => published,
        other => panic!("{other:?}"),
    }
}
