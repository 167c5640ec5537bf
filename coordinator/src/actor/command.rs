//! What the services ask of the actor, and how it answers.

use std::net::SocketAddr;

use bytes::Bytes;
use ripieno_identity::{CharterConsent, PublicKey, Submission};
use ripieno_rpc::{
    AuthorityRequest, AuthorityResponse, InviteRequest, InviteResponse, OperatorStatusResponse,
    ProposeCharterRequest, ProposeCharterResponse, RevokeRequest, RevokeResponse,
    ShowCharterResponse, SitePresence, SitesResponse, StudyStatus,
};
use ripieno_study::{Digest, SiteIndex};
use ripieno_transport::Serial;
use ripieno_transport::request::VerifiedRequest;
use ripieno_wire::FromSite;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;

use super::error::Fatal;
use super::listing::Listing;
use super::session::{InHand, Seat, Waiting};

/// Answers a command once what it led to is durable.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Status>>;

/// An enrolment of which the request and the signature were verified.
pub(crate) struct Claim {
    /// Digest of the invitation's secret.
    pub(crate) secret: Digest,
    /// For the connection.
    pub(crate) request: VerifiedRequest,
    /// Digest of that request.
    pub(crate) digest: Digest,
    /// By which the charter will list the site.
    pub(crate) key: PublicKey,
    /// Where it comes from.
    pub(crate) address: SocketAddr,
}

/// A certificate with the name on it.
pub(crate) struct Issued {
    pub(crate) site: String,
    pub(crate) certificate: Vec<u8>,
    /// Certificates of the authorities to trust, DER.
    pub(crate) authorities: Vec<Bytes>,
    /// The list of authorities that was signed last, encoded; empty where none ever was.
    pub(crate) signed: Bytes,
}

/// What a site says when its session begins.
pub(crate) struct Arrival {
    pub(crate) serial: Serial,
    pub(crate) address: SocketAddr,
    pub(crate) charter_version: u32,
    pub(crate) charter: Option<Digest>,
    pub(crate) program: String,
    pub(crate) clock: u64,
    pub(crate) holdings: Option<Holdings>,
}

/// Whom a site says to trust, and with which certificate it will come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holdings {
    /// Number of the list of authorities; 0 for none.
    pub(crate) list: u64,
    /// Digest of that list.
    pub(crate) digest: Option<Digest>,
    /// SHA-256 of the certificate.
    pub(crate) certificate: Option<Digest>,
}

/// One session of one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionId {
    pub(crate) site: String,
    pub(crate) number: u64,
}

/// An upload: only the last one that a session began counts.
#[derive(Clone, Debug)]
pub(crate) struct UploadId {
    pub(crate) session: SessionId,
    pub(crate) number: u64,
}

/// Who asks for a study: the key of a verified credential.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Researcher {
    pub(crate) key: PublicKey,
}

/// One thing to do.
pub(crate) enum Command {
    Enrol {
        claim: Box<Claim>,
        reply: Reply<Issued>,
    },
    Renew {
        serial: Serial,
        request: Box<VerifiedRequest>,
        /// Digest of that request.
        digest: Digest,
        reply: Reply<Issued>,
    },

    Arrive {
        arrival: Box<Arrival>,
        reply: Reply<Seat>,
    },
    Depart {
        session: SessionId,
    },
    Message {
        session: SessionId,
        message: Box<FromSite>,
    },
    /// What a site sent is no message; its session or upload ends.
    Malformed {
        session: SessionId,
        reason: String,
    },
    Consent {
        session: SessionId,
        consent: CharterConsent,
    },
    Holds {
        session: SessionId,
        holdings: Holdings,
    },
    BeginUpload {
        serial: Serial,
        reply: Reply<UploadId>,
    },
    Tile {
        upload: UploadId,
        message: Box<FromSite>,
        reply: Reply<()>,
    },
    Parcel {
        serial: Serial,
        ticket: u64,
        reply: Reply<(SessionId, Waiting, InHand)>,
    },
    Fetched {
        session: SessionId,
        ticket: u64,
    },

    Discover {
        /// Who is there, and the signed list of authorities.
        reply: Reply<(Vec<SitePresence>, Bytes)>,
    },
    Submit {
        text: String,
        submission: Box<Submission>,
        reply: Reply<(Digest, bool)>,
    },
    List {
        who: Researcher,
        reply: Reply<Listing>,
    },
    Get {
        who: Researcher,
        study: Digest,
        reply: Reply<(StudyStatus, String)>,
    },
    Cancel {
        who: Researcher,
        study: Digest,
        reason: String,
        reply: Reply<()>,
    },
    Result {
        who: Researcher,
        study: Digest,
        reply: Reply<String>,
    },
    Present {
        reply: Reply<Vec<SiteIndex>>,
    },

    OperatorStatus {
        reply: Reply<OperatorStatusResponse>,
    },
    Invite {
        request: InviteRequest,
        reply: Reply<InviteResponse>,
    },
    Sites {
        reply: Reply<SitesResponse>,
    },
    ShowCharter {
        reply: Reply<ShowCharterResponse>,
    },
    Propose {
        request: ProposeCharterRequest,
        reply: Reply<ProposeCharterResponse>,
    },
    Revoke {
        request: RevokeRequest,
        reply: Reply<RevokeResponse>,
    },
    Authority {
        request: AuthorityRequest,
        reply: Reply<AuthorityResponse>,
    },
    OperatorCancel {
        study: Digest,
        reason: String,
        reply: Reply<()>,
    },
    OperatorStudies {
        reply: Reply<Listing>,
    },

    /// No round begins any more; answered when none is under way.
    Drain {
        reply: Reply<()>,
    },
    /// Sessions end.
    Close {
        reply: Reply<()>,
    },
    /// The end.
    Stop {
        reply: Reply<()>,
    },
}

impl Command {
    /// Whether it is part of the sessions of sites: these come in crowds.
    pub(super) fn is_of_session(&self) -> bool {
        matches!(
            self,
            Self::Arrive { .. }
                | Self::Depart { .. }
                | Self::Message { .. }
                | Self::Malformed { .. }
                | Self::BeginUpload { .. }
                | Self::Tile { .. }
                | Self::Parcel { .. }
                | Self::Fetched { .. }
        )
    }
}

/// The way to the actor. Clones lead to the same one.
#[derive(Clone, Debug)]
pub(crate) struct Handle(mpsc::Sender<Command>);

impl Handle {
    pub(crate) fn new(commands: mpsc::Sender<Command>) -> Self {
        Self(commands)
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn ask<T>(
        &self,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, Status> {
        let (reply, answer) = oneshot::channel();
        self.0.send(command(reply)).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Tells; waits only for a place in the queue.
    pub(crate) async fn tell(&self, command: Command) -> Result<(), Status> {
        self.0.send(command).await.map_err(|_| stopped())
    }
}

/// Why a command was not carried out.
pub(crate) enum Fault {
    /// Its sender is told; everything else goes on.
    Refused(Status),
    /// Nothing may go on.
    Fatal(Fatal),
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}

impl<E: Into<Fatal>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Fatal(error.into())
    }
}

fn stopped() -> Status {
    Status::unavailable("the coordinator is stopping; try again in a minute")
}
