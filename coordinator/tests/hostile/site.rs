//! A site that behaves, and is to be served whatever others do.

use std::future::Future;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rand::TryRng as _;
use rand::rngs::SysRng;
use ripieno_identity::SigningKey;
use ripieno_identity::enrolment::{enrol_digest, request_digest};
use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::attend_response::Body as Heard;
use ripieno_rpc::site_service_client::SiteServiceClient;
use ripieno_rpc::{
    Arrival, AttendRequest, AttendResponse, DownloadRequest, EnrolRequest, Keepalive, channel,
};
use ripieno_transport::TlsIdentity;
use ripieno_transport::request::PendingRequest;
use ripieno_wire::Invitation;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Streaming};
use zeroize::Zeroizing;

use crate::server::{Server, in_time};

/// What an attack may add to the coordinator's memory, in KiB.
const MOST: u64 = 64 << 10;

/// How often it asks: one that asks without a pause floods, as others do.
const PACE: Duration = Duration::from_millis(25);

/// Enrols a site.
pub(crate) async fn enrol(server: &Server, name: &str) -> TlsIdentity {
    let (request, pending) = enrolment(&server.invite(name).await);
    let mut calls = calls(server, None);
    let answer = in_time(calls.enrol(request)).await.unwrap().into_inner();
    pending.accept(&answer.certificate, &server.trusted(), SystemTime::now()).unwrap()
}

pub(crate) fn enrolment(invitation: &Invitation) -> (EnrolRequest, PendingRequest) {
    let mut seed = Zeroizing::new([0; 32]);
    SysRng.try_fill_bytes(seed.as_mut_slice()).unwrap();
    let (pending, key) = (PendingRequest::create().unwrap(), SigningKey::from_seed(&seed));
    let (secret, digest) = (invitation.secret_digest(), request_digest(pending.der()));
    let signed = enrol_digest(invitation.coordinator, &secret, &digest, &key.public());
    let request = EnrolRequest {
        secret: Bytes::copy_from_slice(invitation.secret.as_slice()),
        certificate_request: Bytes::copy_from_slice(pending.der()),
        key: Bytes::copy_from_slice(key.public().as_bytes()),
        signature: Bytes::copy_from_slice(key.sign(&signed).as_bytes()),
    };
    (request, pending)
}

pub(crate) fn calls(server: &Server, shown: Option<&TlsIdentity>) -> SiteServiceClient<Channel> {
    SiteServiceClient::new(channel(server.connector(shown), Keepalive::default()))
}

/// A site in its session.
pub(crate) struct Site {
    pub(crate) tls: TlsIdentity,
    calls: SiteServiceClient<Channel>,
    heard: Streaming<AttendResponse>,
    _say: mpsc::Sender<AttendRequest>,
}

impl Site {
    /// Enrols and arrives.
    pub(crate) async fn arrive(server: &Server) -> Self {
        let tls = enrol(server, "north").await;
        let mut calls = calls(server, Some(&tls));
        let (say, said) = mpsc::channel(8);
        let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let arrival = Arrival { program: "1.2.3".into(), clock, ..Arrival::default() };
        say.send(AttendRequest { body: Some(Said::Arrival(arrival)) }).await.unwrap();
        let heard = in_time(calls.attend(ReceiverStream::new(said))).await.unwrap().into_inner();
        let mut site = Self { tls, calls, heard, _say: say };
        let first = in_time(site.heard.message()).await.unwrap().and_then(|first| first.body);
        assert!(matches!(first, Some(Heard::Welcome(_))));
        // It did not say that it holds the list of authorities.
        let list = in_time(site.heard.message()).await.unwrap().and_then(|list| list.body);
        assert!(matches!(list, Some(Heard::Authorities(_))));
        site
    }

    /// Asks for something that there is not, over the connection of its session.
    async fn ask(&self) {
        let mut calls = self.calls.clone();
        let asked = calls.download(DownloadRequest { ticket: 1 });
        let status = in_time(asked).await.map(drop).expect_err("there is no such parcel");
        assert_eq!(status.code(), Code::NotFound, "{status}");
    }

    /// How its session ends.
    pub(crate) async fn end(&mut self) -> tonic::Status {
        loop {
            if let Err(status) = in_time(self.heard.message()).await {
                return status;
            }
        }
    }

    /// Goes on asking while an attack runs, and once after it. The session lives on, and the
    /// coordinator's memory keeps within bounds.
    pub(crate) async fn meanwhile<T>(
        &mut self,
        server: &Server,
        attack: impl Future<Output = T>,
    ) -> T {
        self.ask().await;
        let (_, before) = server.memory();
        let asking = async {
            loop {
                self.ask().await;
                tokio::time::sleep(PACE).await;
            }
        };
        let outcome = tokio::select! {
            biased;
            outcome = in_time(attack) => outcome,
            () = asking => unreachable!("it asks for as long as the attack lasts"),
        };
        self.ask().await;
        let (most, _) = server.memory();
        assert!(most < before + MOST, "{before} KiB grew to {most} KiB");
        assert!(
            tokio::time::timeout(Duration::ZERO, self.heard.message()).await.is_err(),
            "its session goes on, and nothing was said in it"
        );
        outcome
    }
}
