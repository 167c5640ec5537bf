//! Messages, charters, and what people hand to each other.

use std::collections::BTreeSet;

use ripieno_identity::ratification::consent_digest;
use ripieno_identity::{AuthorityList, CharterConsent, RatifiedCharter, RequestProof};
use ripieno_study::{Digest, Hasher, Tag};
use ripieno_wire::membership::{encode_charter, encode_consent, encode_history, encode_ratified};
use ripieno_wire::{
    Invitation, credential_to_text, encode_authorities, encode_credential, encode_proof,
    encode_submission,
};
use zeroize::Zeroizing;

use super::Seed;
use crate::common::federation::{Federation, START, coordinator_key, key};
use crate::common::site;
use crate::common::studies::vector;
use crate::machines::trace::{Moment, settings, traces};

pub(super) fn seeds() -> Vec<Seed> {
    let federation = Federation::new(&settings());
    let mut seeds = said();
    seeds.extend(charters(&federation));
    seeds.extend(papers(&federation));
    seeds
}

/// One message of each kind of each run.
fn said() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (number, trace) in traces().iter().enumerate() {
        let mut kinds = BTreeSet::new();
        for moment in &trace.moments {
            let (target, kind, bytes) = match moment {
                Moment::Down(_, message) => ("to_site", format!("{message:?}"), message.encode()),
                Moment::Up(_, message) => ("from_site", format!("{message:?}"), message.encode()),
                Moment::Time(_) => continue,
            };
            let kind = kind.rsplit("::").next().unwrap_or_default().to_lowercase();
            if kinds.insert((target, kind.clone())) {
                seeds.push((target, format!("{kind}-{number}"), bytes.to_vec()));
            }
        }
    }
    seeds
}

fn charters(federation: &Federation) -> Vec<Seed> {
    let charter = federation.charter.charter();
    let next = federation.successor(|fields| fields.quorum += 1);
    let consent = CharterConsent {
        site: site(1),
        signature: federation.keys[&site(1)].sign(&consent_digest(charter, site(1))),
    };
    let history: [RatifiedCharter; 2] = [federation.charter.clone(), next];
    let kinds = [
        ("charter", encode_charter(charter)),
        ("consent", encode_consent(&consent)),
        ("ratified", encode_ratified(&federation.charter)),
        ("history", encode_history(&history)),
    ];
    seeds_of("charters", kinds.map(|(name, bytes)| (name, bytes.to_vec())))
}

fn papers(federation: &Federation) -> Vec<Seed> {
    let submission = federation.submission(&vector(5, 1, ""));
    let credential = submission.credential.clone();
    let coordinator = coordinator_key();
    let proof = RequestProof::sign(
        "List",
        None,
        START,
        credential.clone(),
        coordinator.public(),
        &key("researcher"),
    );
    let (encoded, _, signed) = encode_proof(&proof);
    let list = AuthorityList::sign(3, vec![vec![7; 30], vec![8; 30]], "test", &coordinator);
    let invitation = Invitation {
        address: "coordinator.example.org:8443".into(),
        authority: digest(),
        coordinator: coordinator.public(),
        site: "site-05".into(),
        expires: START,
        secret: Zeroizing::new([9; 32]),
    };
    let kinds = [
        ("credential", encode_credential(&credential).to_vec()),
        ("submission", encode_submission(&submission).to_vec()),
        ("proof", [&[1, 0], &signed[..], &encoded].concat()),
        ("authorities", encode_authorities(&list).to_vec()),
        ("invitation", invitation.to_text().as_bytes().to_vec()),
        ("credential-text", credential_to_text(&credential).into_bytes()),
    ];
    seeds_of("papers", kinds)
}

fn digest() -> Digest {
    Hasher::new(Tag::State).part("seed").finish()
}

/// Kinds in their order, each behind the byte that chooses it.
pub(super) fn seeds_of<const N: usize>(
    target: &'static str,
    kinds: [(&str, Vec<u8>); N],
) -> Vec<Seed> {
    let seed = |(kind, (name, bytes)): (u8, (&str, Vec<u8>))| {
        (target, name.to_owned(), [vec![kind], bytes].concat())
    };
    (0..).zip(kinds).map(seed).collect()
}
