//! Sessions of sites.

use bytes::Bytes;
use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::{
    AttendRequest, DownloadRequest, Holdings, RevokeRequest, SitesRequest, UploadRequest,
};
use ripieno_secagg::SlotId;
use ripieno_study::{Check, Digest, Refusal};
use ripieno_wire::FromSite;
use tonic::Code;

use crate::support::{BETWEEN, Hub, audit, failure, in_time};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_needs_a_certificate_of_a_site() {
    let hub = Hub::start().await;
    let status = failure(hub.calls(None).attend(tokio_stream::empty())).await;
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(status.message().contains("enrol"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_session_ends_the_first() {
    let hub = Hub::start().await;
    let member = hub.enrol("north").await;
    let mut first = hub.attend(&member, None).await;
    let second = hub.attend(&member, None).await;
    let status = first.end().await;
    assert_eq!(status.code(), Code::Aborted, "{status}");
    assert_eq!(hub.status().await.sites_present, 1);
    drop(second);
    in_time(async {
        while hub.status().await.sites_present > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_site_is_cut_off_at_once_and_for_good() {
    let hub = Hub::start().await;
    let member = hub.enrol("north").await;
    let mut there = hub.attend(&member, None).await;
    let request =
        RevokeRequest { site: "north".into(), reason: "its key was stolen".into(), corrupt: None };
    let answer = in_time(hub.operator().await.revoke(request)).await.unwrap().into_inner();
    assert_eq!((answer.cut, answer.proposed), (1, None));
    assert!(answer.why_none.contains("not in the charter"), "{}", answer.why_none);
    there.end().await;
    assert!(hub.try_attend(&member, None).await.is_err());
    let sites = in_time(hub.operator().await.sites(SitesRequest {})).await.unwrap().into_inner();
    assert_eq!((sites.sites[0].standing.as_str(), sites.sites[0].present), ("revoked", false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_site_stays_out_after_a_restart() {
    let mut hub = Hub::start().await;
    let member = hub.enrol("north").await;
    let request = RevokeRequest { site: "north".into(), reason: "left".into(), corrupt: None };
    in_time(hub.operator().await.revoke(request)).await.unwrap();
    hub.stop().await;
    hub.serve().await;
    assert!(hub.try_attend(&member, None).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_belong_into_a_session_ends_it() {
    let hub = Hub::start().await;
    let member = hub.enrol("north").await;
    let id = SlotId { transcript: Digest::from_bytes([1; 32]), slot: 0 };
    let tile = FromSite::Tile { id, number: 0, lanes: vec![1; 512].into() };
    let cases = [
        Said::FromSite(tile.encode()),
        Said::FromSite(Bytes::from_static(b"\xff")),
        Said::Consent(Bytes::from_static(b"\xff")),
        Said::Arrival(crate::support::arrival(None)),
    ];
    for body in cases {
        let mut there = hub.attend(&member, None).await;
        there.say(body).await;
        let status = there.end().await;
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_and_downloads_need_a_session_under_the_charter() {
    let hub = Hub::start().await;
    let member = hub.enrol("north").await;
    let mut there = hub.attend(&member, None).await;
    let id = SlotId { transcript: Digest::from_bytes([1; 32]), slot: 0 };
    let tile = FromSite::Tile { id, number: 0, lanes: vec![1; 512].into() };
    let upload = UploadRequest { from_site: tile.encode() };
    let status = failure(there.calls.upload(tokio_stream::iter([upload]))).await;
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    let status = failure(there.calls.download(DownloadRequest { ticket: 1 })).await;
    assert_eq!(status.code(), Code::NotFound, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_has_tiles_and_ends_with_its_trailer() {
    let hub = Hub::start().await;
    let (_, mut there) = hub.found(&["a", "b", "c"]).await;
    let id = SlotId { transcript: Digest::from_bytes([1; 32]), slot: 0 };
    let tile = FromSite::Tile { id, number: 0, lanes: vec![1; 512].into() }.encode();
    let hello = FromSite::Hello(ripieno_wire::Hello::default()).encode();
    for (messages, code) in [(vec![tile.clone()], "trailer"), (vec![tile, hello], "nothing else")] {
        let upload = messages.into_iter().map(|from_site| UploadRequest { from_site });
        let upload = tokio_stream::iter(upload.collect::<Vec<_>>());
        let status = failure(there[0].calls.upload(upload)).await;
        assert!(status.message().contains(code), "{status}");
    }
}

/// A site whose words are refused again and again is heard no more; the others go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refused_words_ends_its_session_alone() {
    let hub = Hub::start().await;
    let (_, mut there) = hub.found(&["a", "b", "c"]).await;
    let refusal = Refusal::coordinator(Check::A2, "no");
    let refused = FromSite::Refused { id: None, study: None, refusal };
    let body = Said::FromSite(refused.encode());
    // As long as it is heard.
    let say = there[0].say.clone();
    in_time(async { while say.send(AttendRequest { body: Some(body.clone()) }).await.is_ok() {} })
        .await;
    let status = there[0].end().await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains("refused"), "{status}");
    let sites = hub.status().await.sites_present;
    assert_eq!(sites, 2);
}

/// A site that greets, or says what it holds, over and over is heard no more; one that says the same
/// again costs nothing.
#[tokio::test(flavor = "multi_thread")]
async fn repro_a_flood_of_greetings_or_holdings_ends_its_session_alone() {
    let hub = Hub::start().await;
    let (_, mut there) = hub.found(&["a", "b", "c"]).await;
    let holdings = |list: u64| {
        Said::Holdings(Holdings { list, digest: Bytes::new(), certificate: Bytes::new() })
    };
    let hello = Said::FromSite(FromSite::Hello(ripieno_wire::Hello::default()).encode());
    for _ in 0..300 {
        there[2].say(holdings(0)).await;
    }
    for (number, bodies) in [[hello.clone(), hello], [holdings(0), holdings(9)]].iter().enumerate()
    {
        let say = there[number].say.clone();
        let flood = async {
            for body in bodies.iter().cycle() {
                if say.send(AttendRequest { body: Some(body.clone()) }).await.is_err() {
                    break;
                }
            }
        };
        in_time(flood).await;
        let status = there[number].end().await;
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(audit(&hub.folder()).contains("too-often"));
    }
    assert_eq!(hub.status().await.sites_present, 1, "the third one");
}

/// A parcel is handed to the site that it waits for, in its session, and to nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_is_for_one_session_alone() {
    let hub = Hub::start().await;
    let (members, mut there) = hub.found(&["a", "b", "c"]).await;
    let held = there[0].charter.clone();
    for ticket in [0, 1, u64::MAX] {
        let status = failure(there[0].calls.download(DownloadRequest { ticket })).await;
        assert_eq!(status.code(), Code::NotFound, "{status}");
    }
    let status = failure(hub.calls(None).download(DownloadRequest { ticket: 1 })).await;
    assert_eq!(status.code(), Code::Unauthenticated, "{status}");
    drop(there.remove(0));
    let again = hub.attend(&members[0], held.as_ref()).await;
    let status = failure(again.calls.clone().download(DownloadRequest { ticket: 1 })).await;
    assert_eq!(status.code(), Code::NotFound, "{status}");
}
