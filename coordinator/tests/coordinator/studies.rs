//! What researchers ask.

use ripieno_rpc::study_event::Event;
use ripieno_rpc::{
    CancelRequest, CancelStudyRequest, CheckRequest, DiscoverRequest, GetRequest, ListRequest,
    OperatorStudiesRequest, ResultRequest, RevokeRequest,
};
use ripieno_study::manifest::digest_of;
use ripieno_study::{Check, Refusal};
use ripieno_wire::{FromSite, StudyAnswer, StudyVerdict};
use tonic::Code;

use crate::support::{
    Attendance, Hub, Member, Researcher, STUDY, audit, bytes_of, failure, in_time, now,
};

async fn federation() -> (Hub, Vec<Member>, Vec<Attendance>, Researcher) {
    let hub = Hub::start().await;
    let (members, there) = hub.found(&["a", "b", "c"]).await;
    let researcher = Researcher::of(&hub, &members[0], there[0].charter.as_ref().unwrap());
    (hub, members, there, researcher)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_researcher_discovers_the_federation() {
    let (_hub, _, there, mut researcher) = federation().await;
    let request = DiscoverRequest { proof: researcher.proof("Discover", None) };
    let answer = in_time(researcher.calls.discover(request)).await.unwrap().into_inner();
    let charters =
        ripieno_wire::membership::decode_history(answer.charters).unwrap().verify().unwrap();
    assert_eq!(charters.last(), there[0].charter.as_ref());
    assert_eq!(answer.sites.iter().filter(|site| site.present).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_are_for_one_method_and_one_time() {
    let (hub, members, there, mut researcher) = federation().await;
    let charter = there[0].charter.clone().unwrap();
    let mut stranger = Researcher::of(&hub, &members[0], &charter);
    // Its credential is signed by itself.
    let fields = stranger.credential.fields.clone();
    stranger.credential = ripieno_identity::Credential::issue(fields, &stranger.key).unwrap();
    for proof in [
        researcher.proof("List", None),
        researcher.proof("Discover", Some(&digest_of("x"))),
        researcher.proof_at("Discover", None, now() - 400),
        stranger.proof("Discover", None),
    ] {
        let status = failure(researcher.calls.discover(DiscoverRequest { proof })).await;
        assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_is_checked_before_it_is_submitted() {
    let (_hub, _, _there, mut researcher) = federation().await;
    let mut check = async |text: &str| {
        let proof = researcher.proof("Check", Some(&digest_of(text)));
        let request = CheckRequest { proof, text: text.into() };
        in_time(researcher.calls.check(request)).await.unwrap().into_inner()
    };
    let answer = check(STUDY).await;
    assert!(answer.problems.is_empty(), "{:?}", answer.problems);
    assert!(!answer.warnings.is_empty());
    let answer = check("nonsense").await;
    assert!(answer.problems[0].contains("cannot be read"), "{:?}", answer.problems);
    let answer = check(&format!("{STUDY}minimum_sites = 4\n")).await;
    assert!(answer.problems[0].contains("fewer than 4"), "{:?}", answer.problems);
    let answer = check(&format!("{STUDY}corrupt = 1\nminimum_sites = 4\n")).await;
    assert!(answer.problems[0].contains("charter assumes 0"), "{:?}", answer.problems);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_is_its_researchers_alone() {
    let (hub, members, there, mut researcher) = federation().await;
    let mut other = Researcher::of(&hub, &members[1], there[0].charter.as_ref().unwrap());
    let study = digest_of(STUDY);
    let first = researcher.submit(STUDY).await.unwrap();
    assert_eq!((first.study, first.known), (bytes_of(&study), false));
    assert!(researcher.submit(STUDY).await.unwrap().known);
    assert_eq!(failure(other.submit(STUDY)).await.code(), Code::AlreadyExists);

    let get = |who: &Researcher| GetRequest {
        proof: who.proof("Get", Some(&study)),
        study: bytes_of(&study),
    };
    let (own, foreign) = (get(&researcher), get(&other));
    let answer = in_time(researcher.calls.get(own)).await.unwrap().into_inner();
    assert_eq!((answer.text.as_str(), answer.status.unwrap().home.as_str()), (STUDY, "a"));
    assert_eq!(failure(other.calls.get(foreign)).await.code(), Code::NotFound);
    let list = ListRequest { proof: other.proof("List", None) };
    assert!(in_time(other.calls.list(list)).await.unwrap().into_inner().studies.is_empty());
    let cancel = |who: &Researcher| CancelRequest {
        proof: who.proof("Cancel", Some(&study)),
        study: bytes_of(&study),
        reason: "typo".into(),
    };
    let (own, foreign) = (cancel(&researcher), cancel(&other));
    assert_eq!(failure(other.calls.cancel(foreign)).await.code(), Code::NotFound);
    in_time(researcher.calls.cancel(own)).await.unwrap();
    let result =
        ResultRequest { proof: researcher.proof("Result", Some(&study)), study: bytes_of(&study) };
    let status = failure(researcher.calls.result(result)).await;
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_goes_on_where_it_was_left_and_ends_with_the_study() {
    let (mut hub, members, there, mut researcher) = federation().await;
    let study = digest_of(STUDY);
    researcher.submit(STUDY).await.unwrap();
    let mut watch = researcher.watch(&study, 0).await;
    let first = in_time(watch.message()).await.unwrap().unwrap();
    assert_eq!(first.number, 1);
    drop(watch);
    // What happens while nobody watches, across a restart.
    let answer = |reason: &str| {
        let (rule, reason) = ("no research".to_owned(), reason.to_owned());
        let verdict = StudyVerdict::Refused { rule, reason };
        FromSite::StudyAnswer(StudyAnswer { study, verdict })
    };
    there[0].tell(answer("not here")).await;
    let mut watch = researcher.watch(&study, first.number).await;
    let answered = in_time(async {
        loop {
            let event = watch.message().await.unwrap().unwrap();
            if let Some(Event::Answered(answered)) = event.event {
                return (event.number, answered);
            }
        }
    })
    .await;
    assert_eq!((answered.1.verdict.as_str(), answered.1.rule.as_str()), ("refused", "no research"));
    let charter = there[0].charter.clone().unwrap();
    drop((watch, there));
    hub.stop().await;
    hub.serve().await;
    let index = researcher.credential.fields.home;
    assert_eq!(members[0].index(charter.charter()), index);
    researcher.calls =
        ripieno_rpc::study_service_client::StudyServiceClient::new(hub.channel(None));
    let mut watch = researcher.watch(&study, answered.0).await;
    let cancel = CancelRequest {
        proof: researcher.proof("Cancel", Some(&study)),
        study: bytes_of(&study),
        reason: "typo".into(),
    };
    in_time(researcher.calls.cancel(cancel)).await.unwrap();
    let mut numbers = vec![answered.0];
    while let Some(event) = in_time(watch.message()).await.unwrap() {
        numbers.push(event.number);
        if let Some(Event::Ended(ended)) = &event.event {
            assert_eq!((ended.how.as_str(), ended.reason.as_str()), ("cancelled", "typo"));
        }
    }
    let last = *numbers.last().unwrap();
    assert_eq!(numbers, (answered.0..=last).collect::<Vec<_>>(), "without a gap");
    let mut again = researcher.watch(&study, last).await;
    assert!(in_time(again.message()).await.unwrap().is_none(), "nothing more can come");
    let mut all = researcher.watch(&study, 0).await;
    let mut count = 0;
    while in_time(all.message()).await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_revoked_site_vouches_for_is_out_at_once() {
    let hub = Hub::start().await;
    let (members, there) = hub.found(&["a", "b", "c", "d"]).await;
    let charter = there[0].charter.clone().unwrap();
    let mut researcher = Researcher::of(&hub, &members[3], &charter);
    let mut other = Researcher::of(&hub, &members[0], &charter);
    let study = digest_of(STUDY);
    researcher.submit(STUDY).await.unwrap();
    let mut watch = researcher.watch(&study, 0).await;
    let request = RevokeRequest { site: "d".into(), reason: "left".into(), corrupt: None };
    in_time(hub.operator().await.revoke(request)).await.unwrap();
    let ended = in_time(async {
        loop {
            match watch.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ended without a reason"),
                Err(status) => return status,
            }
        }
    })
    .await;
    assert_eq!(ended.code(), Code::PermissionDenied, "{ended}");
    assert!(ended.message().contains("was revoked"), "{ended}");
    let text = format!("{STUDY}minimum_sites = 3\n");
    assert_eq!(failure(researcher.submit(&text)).await.code(), Code::PermissionDenied);
    let proof = researcher.proof("List", None);
    let status = failure(researcher.calls.list(ListRequest { proof })).await;
    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    // Others go on.
    let proof = other.proof("List", None);
    in_time(other.calls.list(ListRequest { proof })).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_researcher_has_so_many_studies_and_the_operator_can_end_one() {
    let hub = Hub::start_with(|settings| {
        settings.researchers.running = 2;
        settings.researchers.submissions_per_day = 3;
    })
    .await;
    let (members, there) = hub.found(&["a", "b", "c"]).await;
    let charter = there[0].charter.clone().unwrap();
    let mut researcher = Researcher::of(&hub, &members[0], &charter);
    let text = |number: u32| STUDY.replace("seed = 5", &format!("seed = {number}"));
    for number in 1..=2 {
        researcher.submit(&text(number)).await.unwrap();
    }
    let status = failure(researcher.submit(&text(3))).await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(researcher.submit(&text(2)).await.unwrap().known, "the same again is no other");
    let mut other = Researcher::of(&hub, &members[1], &charter);
    other.submit(&text(9)).await.unwrap();

    let study = digest_of(&text(1));
    let cancel =
        |reason: &str| CancelStudyRequest { study: bytes_of(&study), reason: reason.into() };
    let status = failure(hub.operator().await.cancel(cancel(" "))).await;
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    in_time(hub.operator().await.cancel(cancel("too large"))).await.unwrap();
    let proof = researcher.proof("Get", Some(&study));
    let get = GetRequest { proof, study: bytes_of(&study) };
    let status = in_time(researcher.calls.get(get)).await.unwrap().into_inner().status.unwrap();
    assert_eq!(status.phase, "cancelled");
    assert!(status.reason.contains("operator: too large"), "{}", status.reason);
    researcher.submit(&text(3)).await.unwrap();
    let second = digest_of(&text(2));
    let request = CancelStudyRequest { study: bytes_of(&second), reason: "done".into() };
    in_time(hub.operator().await.cancel(request)).await.unwrap();
    let status = failure(researcher.submit(&text(4))).await;
    assert!(status.message().contains("last day"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_to_the_researcher_of_its_study_alone() {
    let (hub, members, there, mut researcher) = federation().await;
    let mut other = Researcher::of(&hub, &members[1], there[0].charter.as_ref().unwrap());
    let text = STUDY.replace("seed = 5", "seed = 6");
    let (study, others) = (digest_of(STUDY), digest_of(&text));
    researcher.submit(STUDY).await.unwrap();
    other.submit(&text).await.unwrap();
    for study in [study, others] {
        let verdict = StudyVerdict::Approved;
        there[0].tell(FromSite::StudyAnswer(StudyAnswer { study, verdict })).await;
    }
    let refuse = async |study: Option<ripieno_study::Digest>, reason: &str| {
        let refusal = Refusal::coordinator(Check::H1, reason);
        there[0].tell(FromSite::Refused { study, id: None, refusal }).await;
    };
    for _ in 0..30 {
        refuse(Some(others), "not yours").await;
    }
    refuse(None, "nobody's").await;
    let reasons = async |researcher: &mut Researcher, study, until: usize| {
        let mut watch = researcher.watch(&study, 0).await;
        let mut reasons = Vec::new();
        while reasons.len() < until {
            let event = in_time(watch.message()).await.unwrap().unwrap();
            if let Some(Event::Refused(refused)) = event.event {
                reasons.push(refused.reason);
            }
        }
        reasons
    };
    assert_eq!(reasons(&mut researcher, study, 1).await, [""]);
    assert_eq!(reasons(&mut other, others, 4).await, vec!["not yours"; 4]);
    let log = audit(&hub.folder());
    assert!(log.matches("not yours").count() <= 20, "the log is not filled");
}

/// Studies that are in the store alone are listed with those in memory, newest first.
#[tokio::test(flavor = "multi_thread")]
async fn studies_that_left_the_memory_are_listed() {
    let hub = Hub::start_with(|settings| settings.phases.ended = 1).await;
    let (members, there) = hub.found(&["a", "b", "c"]).await;
    let mut researcher = Researcher::of(&hub, &members[0], there[0].charter.as_ref().unwrap());
    for number in 1..=4 {
        let text = STUDY.replace("seed = 5", &format!("seed = {number}"));
        researcher.submit(&text).await.unwrap();
        let study = bytes_of(&digest_of(&text));
        let cancel = CancelStudyRequest { study, reason: format!("number {number}") };
        in_time(hub.operator().await.cancel(cancel)).await.unwrap();
    }
    let proof = researcher.proof("List", None);
    let listed = in_time(researcher.calls.list(ListRequest { proof })).await.unwrap().into_inner();
    let mut reasons: Vec<_> = listed.studies.iter().map(|study| study.reason.as_str()).collect();
    reasons.sort_unstable();
    let told = (1..=4).map(|number| format!("by the coordinator's operator: number {number}"));
    assert_eq!(reasons, told.collect::<Vec<_>>());
    for study in &listed.studies {
        assert_eq!((study.phase.as_str(), study.sites.len()), ("cancelled", 3));
        assert_eq!((study.home.as_str(), study.step.as_str()), ("a", ""));
    }
    let newest_first = listed.studies.is_sorted_by(|one, next| one.submitted >= next.submitted);
    assert!(newest_first);
    let request = OperatorStudiesRequest {};
    let all = in_time(hub.operator().await.studies(request)).await.unwrap().into_inner();
    assert_eq!(all.studies.len(), 4);
}
