//! Studies that nobody approved, or that are not what was approved.

use ripieno_identity::{Signature, Submission};
use ripieno_study::{Check, Culprit, Digest, Study};
use ripieno_wire::{FromSite, StudyOffer, StudyVerdict, ToSite};

use crate::common::federation::{Federation, START, Settings, key};
use crate::common::site;
use crate::common::studies::{glm, vector};
use crate::lies::{COORDINATOR, assert_refused, culprit, next_contract, sign};

fn digest(text: &str) -> Digest {
    Study::parse(text).unwrap().digest()
}

fn offer(text: &str, submission: Submission) -> ToSite {
    ToSite::Study(StudyOffer { text: text.into(), submission })
}

/// What site 2 says of a study.
fn verdict(federation: &mut Federation, message: ToSite) -> StudyVerdict {
    match federation.tell(site(2), message).as_slice() {
        [FromSite::StudyAnswer(answer)] => answer.verdict.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_round_of_a_study_that_was_never_offered() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.begin(&glm(""));
    let honest = next_contract(&mut federation, site(2));
    let mut contract = honest.contract;
    contract.study = digest(&vector(8, 1, ""));
    let lie = ToSite::Contract(sign(&federation, contract));
    assert_refused(&mut federation, site(2), lie, Check::S2, Culprit::Own);
    assert!(federation.tapes[&site(2)].ledger.len() == 0, "nothing was entered");
}

/// Check S2: the text is not the one that was submitted.
#[test]
fn another_text_under_a_valid_submission() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let (shown, signed) = (glm("corrupt = 0"), glm("corrupt = 1"));
    let lie = offer(&shown, federation.submission(&signed));
    let StudyVerdict::Refused { rule, .. } = verdict(&mut federation, lie) else { panic!() };
    assert_eq!(rule, "study.digest");
    let reads = federation.sites[&site(2)].gate().catalog().reads();
    assert!(reads.is_empty(), "{reads:?}");
    let last = federation.log(site(2)).pop().unwrap();
    assert!(last.contains("rule=\"study.digest\""), "{last}");
    let nonsense =
        StudyOffer { text: "name = 3".into(), submission: federation.submission(&shown) };
    let refused = verdict(&mut federation, ToSite::Study(nonsense));
    assert!(matches!(refused, StudyVerdict::Refused { rule, .. } if rule == "study.manifest"));
}

#[test]
fn a_submission_that_no_known_researcher_signed() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let text = glm("");
    let honest = federation.submission(&text);
    let stranger = Submission::sign(digest(&text), honest.credential.clone(), &key("stranger"));
    let mut forged = honest.clone();
    forged.credential.fields.role = "director".into();
    let mut unsigned = honest.clone();
    unsigned.signature = Signature::from_bytes([0; 64]);
    let mut homeless = honest.clone();
    homeless.credential.fields.home = site(9);
    for lie in [stranger, forged, unsigned, homeless] {
        let lie = offer(&text, lie);
        assert_refused(&mut federation, site(2), lie, Check::H1, COORDINATOR);
    }
    assert_eq!(verdict(&mut federation, offer(&text, honest)), StudyVerdict::Approved);
}

#[test]
fn a_credential_that_has_expired() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let text = glm("");
    let submission = federation.submission_until(digest(&text), START);
    let lie = offer(&text, submission);
    assert_refused(&mut federation, site(2), lie, Check::H1, culprit(1));
    let submission = federation.submission_until(digest(&text), START + 1);
    assert_eq!(verdict(&mut federation, offer(&text, submission)), StudyVerdict::Approved);
}

/// Check S2: the answer is no, and no contract follows.
#[test]
fn a_refused_study_is_not_computed() {
    let settings = Settings::new(4, 1).policy("");
    let mut federation = Federation::new(&settings);
    federation.attend_all();
    let text = glm("");
    let lie = offer(&text, federation.submission(&text));
    let StudyVerdict::Refused { rule, .. } = verdict(&mut federation, lie) else { panic!() };
    assert_eq!(rule, "policy.dataset");
    assert!(federation.sites[&site(2)].hello().rounds.is_empty());
}
