//! Charters and studies that are not what their signers signed.

use bytes::Bytes;
use ripieno_identity::{Charter, CharterConsent, CharterFields, Credential, Signature, Submission};
use ripieno_rpc::attend_response::Body;
use ripieno_study::{Check, Digest, Hasher, SiteIndex, Study, Tag};
use ripieno_tests::{made, new_key, some_digest, unix_now};
use ripieno_wire::membership::{encode_charter, encode_consent, encode_history};
use ripieno_wire::{StudyOffer, ToSite};

use super::COORDINATOR;
use super::bytes::field;
use crate::stage::Stage;

pub(crate) async fn play(stage: &mut Stage) -> Result<(), String> {
    studies(stage).await;
    histories(stage).await
}

/// Studies that nobody asked for.
async fn studies(stage: &mut Stage) {
    let text = made::vector("forged", 8, 1, made::WIDE);
    let study = Study::parse(&text).expect("a study").digest();
    let credential = stage.federation.researcher.credential().clone();
    let stranger = new_key();
    let by_another = Submission::sign(study, credential.clone(), &stranger);
    let mut unsigned = stage.federation.researcher.submission(study);
    unsigned.signature = Signature::from_bytes([0; 64]);
    let moved = stage.federation.researcher.submission(some_digest("another study"));
    let moved = Submission { study, ..moved };
    let made_up = |expires: u64, by: &ripieno_identity::SigningKey| {
        let mut fields = credential.fields.clone();
        fields.researcher = stranger.public();
        fields.expires = expires;
        Submission::sign(study, Credential::issue(fields, by).expect("fields like any"), &stranger)
    };
    let later = unix_now() + 365 * 86_400;
    let mut ended = credential.clone();
    ended.fields.expires = later;
    let ended = stage.federation.researcher.with(ended).submission(study);
    let by_coordinator = made_up(later, &stage.key);
    let by_corrupt = made_up(later, &stage.corrupt.key);
    for (name, submission) in [
        ("a study in a researcher's name", by_another),
        ("a study in a researcher's name", unsigned),
        ("a submission moved to another study", moved),
        ("a credential made to hold longer", ended),
        ("an invented researcher", by_coordinator),
        ("an invented researcher", by_corrupt),
    ] {
        let offer = StudyOffer { text: text.clone(), submission };
        let victim = stage.site(0);
        let message = ToSite::Study(offer);
        stage.refuses(name, victim, message, Check::H1, COORDINATOR).await;
    }
}

/// Charters that no quorum signed, or that break the chain.
async fn histories(stage: &mut Stage) -> Result<(), String> {
    let held = stage.charter.clone();
    let (victim, dropped) = (stage.site(0), stage.site(1));
    let mut fields = held.charter().fields().clone();
    fields.version += 1;
    fields.previous = Some(held.digest());
    fields.sites.retain(|site| site.index != dropped);
    let next = charter(fields.clone())?;
    for consents in [vec![], vec![own(stage, &next)], consents(stage, &next)] {
        let history = [encode_history(std::slice::from_ref(&held)), ratified(&next, &consents)];
        let name = "a charter that no quorum signed";
        let body = Body::Charters(history.concat().into());
        stage.alarms(name, victim, body, ["check H1", "coordinator"]).await?;
    }
    let mut other = held.charter().fields().clone();
    other.federation = "South".into();
    let other = charter(other)?;
    let history = ratified(&other, &consents(stage, &other));
    let name = "a different charter for this site alone";
    stage.alarms(name, victim, Body::Charters(history), ["check H1", "coordinator"]).await?;
    let mut taken = fields;
    let key = new_key().public();
    taken.sites.iter_mut().filter(|site| site.index == stage.site(2)).for_each(|s| s.key = key);
    let proposal = encode_charter(&charter(taken)?);
    let name = "a charter that gives a site's index away";
    stage.alarms(name, victim, Body::Proposal(proposal), ["check H1", "coordinator"]).await
}

fn charter(fields: CharterFields) -> Result<Charter, String> {
    Charter::new(fields).map_err(|error| error.to_string())
}

/// What a site signs that consents (docs/protocol.md §2).
fn consent_digest(charter: &Charter, site: SiteIndex) -> Digest {
    let fields = charter.fields();
    let hasher = Hasher::new(Tag::CharterConsent).part(&fields.federation).number(fields.version);
    hasher.part(charter.digest()).number(site).finish()
}

/// What the corrupt site signs, as it should.
fn own(stage: &Stage, charter: &Charter) -> CharterConsent {
    let site = stage.corrupt.site;
    let signature = stage.corrupt.key.sign(&consent_digest(charter, site));
    CharterConsent { site, signature }
}

/// Signatures of all sites, made by the coordinator and the corrupt one.
fn consents(stage: &Stage, charter: &Charter) -> Vec<CharterConsent> {
    let forged = |site: &SiteIndex| {
        let signature = stage.key.sign(&consent_digest(charter, *site));
        CharterConsent { site: *site, signature }
    };
    stage.honest.iter().map(forged).chain([own(stage, charter)]).collect()
}

/// One more charter of a history (`CharterHistory.charters` of membership.proto), whoever signed it.
fn ratified(charter: &Charter, consents: &[CharterConsent]) -> Bytes {
    let mut message = field(1, &encode_charter(charter));
    consents.iter().for_each(|consent| message.extend(field(2, &encode_consent(consent))));
    field(1, &message).into()
}
