//! How an invited site gets its certificate, and how it does not.

use std::os::unix::fs::PermissionsExt as _;

use ripieno_client::EnrollError;
use ripieno_identity::enrolment::{enrol_digest, request_digest};
use ripieno_identity::{AuthorityList, PublicKey, Signature, SigningKey};
use ripieno_rpc::attend_request::Body as Said;
use ripieno_terminal::{Exit, Failure};
use ripieno_transport::authority::Authority;
use ripieno_transport::{TlsIdentity, TrustedAuthorities};
use ripieno_wire::{decode_authorities, encode_authorities};
use tonic::{Code, Status};

use crate::support::*;

/// Changes an answer.
type Lie = fn(&mut ripieno_rpc::EnrolResponse);

#[tokio::test(flavor = "multi_thread")]
async fn a_request_leaves_and_no_private_key() {
    let fake = Fake::start().await;
    let folder = Folder::new();
    let enrolled = folder.enroll(&fake.invitation()).await.unwrap();
    assert_eq!((enrolled.site.as_str(), enrolled.federation.as_str()), ("st-anna", "North"));

    let sent = fake.read(|script| script.enrolments[0].clone());
    let key = PublicKey::from_bytes(&sent.key[..].try_into().unwrap()).unwrap();
    assert_eq!(key, folder.key().public());
    let signed = enrol_digest(
        fake.key.public(),
        &fake.invitation().secret_digest(),
        &request_digest(&sent.certificate_request),
        &key,
    );
    key.verify(&signed, &Signature::from_bytes(sent.signature[..].try_into().unwrap())).unwrap();

    TlsIdentity::load(&folder.file("connection.pem")).unwrap();
    let trusted = TrustedAuthorities::load(&folder.file("authorities.pem")).unwrap();
    assert_eq!(trusted.certificates(), [fake.authority.certificate().clone()]);
    let mode = folder.file("connection.pem").metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert!(!folder.file("request.pem").exists());
    let coordinator = folder.config().site.coordinator.unwrap();
    assert_eq!(coordinator.address.to_string(), fake.address.to_string());
    assert_eq!(coordinator.key, fake.key.public());
    let shown = folder.run(&["audit", "show", "--json"]).await.json();
    assert_eq!(shown["entries"][0]["fields"]["step"], "enrolled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_leads_to_the_same_request_again() {
    let fake = Fake::start().await;
    let folder = Folder::new();
    fake.set(|script| script.enrolling = Enrolling::Lose);
    let error = folder.enroll(&fake.invitation()).await.unwrap_err();
    assert!(matches!(error, EnrollError::Unreachable { .. }), "{error}");
    assert!(folder.file("request.pem").exists(), "it was on the disk before it was sent");
    assert!(!folder.file("connection.pem").exists());

    folder.enroll(&fake.invitation()).await.unwrap();
    let requests = fake.read(|script| {
        script.enrolments.iter().map(|sent| sent.certificate_request.clone()).collect::<Vec<_>>()
    });
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0], requests[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ways_of_refusing_are_told_apart() {
    let fake = Fake::start().await;
    let folder = Folder::new();
    let said = [
        (Code::OutOfRange, "Expired", "new invitation"),
        (Code::FailedPrecondition, "Used", "tell the federation's operator at once"),
        (Code::NotFound, "Unknown", "the newest invitation"),
        (Code::PermissionDenied, "OtherKey", "restore site.key"),
        (Code::Aborted, "WrongName", "of the site that was invited"),
        (Code::AlreadyExists, "KeyTaken", "init --dir NEW"),
        (Code::Unauthenticated, "Denied", "new invitation"),
    ];
    for (code, expected, next) in said {
        let status = Status::new(code, "what the coordinator says of it");
        fake.set(|script| script.enrolling = Enrolling::Refuse(status));
        let error = folder.enroll(&fake.invitation()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
        let failure = Failure::from(error);
        assert_eq!(failure.exit(), Exit::Denied);
        assert!(failure.text().contains(next), "{}", failure.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_ended_is_not_sent() {
    let fake = Fake::start().await;
    let folder = Folder::new();
    let mut invitation = fake.invitation();
    invitation.expires = now();
    let error = folder.enroll(&invitation).await.unwrap_err();
    assert!(matches!(error, EnrollError::Expired(_)), "{error}");
    assert!(fake.read(|script| script.enrolments.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_goes_to_no_other_authority() {
    let impostor = Fake::start().await;
    let real = Authority::create(&name("North"), days(400)).unwrap();
    let mut invitation = impostor.invitation();
    invitation.authority = *real.certificate().fingerprint().digest();
    let folder = Folder::new();
    let error = folder.enroll(&invitation).await.unwrap_err();
    assert!(matches!(error, EnrollError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("issued by"), "{error}");
    assert!(impostor.read(|script| script.enrolments.is_empty()), "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_must_be_the_invitations() {
    let fake = Fake::start().await;
    let folder = Folder::new();
    let lies: [(&str, Lie); 5] = [
        ("another coordinator", |answer| answer.coordinator = vec![7; 32].into()),
        ("names the site otherwise", |answer| answer.site = "other".into()),
        ("has no name", |answer| answer.federation = "a\nb".into()),
        ("cannot be used", |answer| answer.authorities.clear()),
        ("not for this site's request", |answer| {
            answer.certificate = answer.authorities[0].clone();
        }),
    ];
    for (expected, lie) in lies {
        fake.set(|script| script.enrolling = Enrolling::Lie(lie));
        let error = folder.enroll(&fake.invitation()).await.unwrap_err();
        assert!(matches!(error, EnrollError::Answer(_)), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!folder.file("connection.pem").exists());
        assert!(folder.config().site.coordinator.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_in_no_error() {
    let fake = Fake::start().await;
    let folder = Folder::new();
    let text = fake.invitation().to_text();
    let cut = &text[..text.len() - 3];
    let ran = folder.run(&["enroll", cut]).await;
    assert_eq!(ran.code, 9, "{ran:?}");
    assert!(ran.err.contains("typing error"), "{ran:?}");
    assert!(!ran.err.contains(&cut[30..60]), "{ran:?}");
}

/// The list of authorities that comes with the certificate is kept, and said to be held.
#[tokio::test(flavor = "multi_thread")]
async fn the_signed_list_of_an_enrolment_is_kept() {
    let fake = Fake::start().await;
    let folder = Folder::new();
    // Of the coordinator's key in these tests.
    fake.set(|script| script.enrolling = Enrolling::Lie(|answer| answer.signed = list(answer)));
    folder.enroll(&fake.invitation()).await.unwrap();
    let kept = std::fs::read(folder.file("authorities.signed")).unwrap();
    let kept = decode_authorities(kept.into()).unwrap();
    kept.verify("North", fake.key.public()).unwrap();
    assert_eq!(kept.number, 3);
    let daemon = folder.start().await;
    let held = |said: &Said| matches!(said, Said::Arrival(arrival) if arrival.holdings.as_ref().is_some_and(|holdings| holdings.list == 3));
    fake.until(|script| script.heard.iter().any(held)).await;
    within(daemon.shutdown()).await.unwrap();
    // An enrolment that brings an older one is refused, and the newer one stays.
    let error = folder.enroll(&fake.invitation()).await.unwrap_err();
    assert!(error.to_string().contains("number 3 is held"), "{error}");
}

fn list(answer: &ripieno_rpc::EnrolResponse) -> bytes::Bytes {
    let key = SigningKey::from_seed(&zeroize::Zeroizing::new([1; 32]));
    let ders = answer.authorities.iter().map(|der| der.to_vec()).collect();
    encode_authorities(&AuthorityList::sign(3, ders, &answer.federation, &key))
}

/// An invitation can be used once: what stands in the way is found before.
#[tokio::test(flavor = "multi_thread")]
async fn repro_a_folder_that_takes_nothing_uses_no_invitation() {
    let fake = Fake::start().await;
    let folder = Folder::new();
    let inventory = std::fs::read(folder.file("inventory")).unwrap();
    std::fs::remove_file(folder.file("inventory")).unwrap();
    let lost = Failure::from(folder.enroll(&fake.invitation()).await.unwrap_err()).text();
    assert!(lost.contains("inventory is missing") && lost.contains("records accept"), "{lost}");

    ripieno_files::write_atomically(&folder.file("inventory"), &inventory, 0o600).unwrap();
    folder.add_to_inventory(br#"{"stale":"a slot is missing"}"#);
    let older = Failure::from(folder.enroll(&fake.invitation()).await.unwrap_err()).text();
    assert!(older.contains("a slot is missing"), "{older}");
    assert!(fake.read(|script| script.enrolments.is_empty()), "nothing was sent");
}
