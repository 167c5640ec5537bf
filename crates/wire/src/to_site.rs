//! From the coordinator to one site.

use std::fmt;

use bytes::Bytes;
use prost::Message as _;
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::epoch::{Acceptance, Advert, Bundle};
use ripieno_secagg::round::outcome::{Certificate, Proposal, VoidCertificate};
use ripieno_secagg::round::publish::Verdict;
use ripieno_secagg::round::start::SignedContract;
use ripieno_secagg::{Kind, SlotId};
use ripieno_study::{Digest, SiteIndex};

use crate::common::{kind, put_kind};
use crate::envelope::{self, Body, Inner, body, inner};
use crate::error::WireError;
use crate::field::{
    Wire, digest, list, number, put, put_list, put_reason, put_site, reason, required, site, slots,
};
use crate::limits::{
    MAX_CONTROL_BYTES, MAX_PUBLISHED_BYTES, MAX_SETUP_BYTES, MAX_SITES, MAX_SMALL_BYTES, MAX_TILES,
};
use crate::pb;
use crate::published::Published;
use crate::study::StudyOffer;
use pb::to_site::Body as Proto;

/// A message to a site. As received: nothing in it is verified. Its `Debug` form names the kind
/// and shows no content.
#[derive(Clone, PartialEq)]
pub enum ToSite {
    /// E1: an epoch begins.
    Announce(Announcement),
    /// E2: what all sites advertised.
    Adverts {
        /// Number of the epoch.
        epoch: u64,
        /// `B`.
        slots: u16,
        /// At most 128.
        adverts: Vec<Advert>,
    },
    /// E2: the bundles for this holder.
    Bundles {
        /// Number of the epoch.
        epoch: u64,
        /// At most 128.
        bundles: Vec<Bundle>,
    },
    /// E4: who accepted whom.
    Acceptances {
        /// Number of the epoch.
        epoch: u64,
        /// At most 128.
        acceptances: Vec<Acceptance>,
    },
    /// A study asks for the site's approval.
    Study(StudyOffer),
    /// A study is over without a result.
    Ended {
        /// The study.
        study: Digest,
        /// Why; cut to [`MAX_REASON`](crate::limits::MAX_REASON) bytes when it is sent.
        reason: String,
    },
    /// R1: a round begins.
    Contract(SignedContract),
    /// R1 again, to a site whose upload was interrupted.
    Resume {
        /// The contract of the round.
        contract: SignedContract,
        /// Tiles that are here, at most 2^21: the upload goes on after them.
        taken: u32,
    },
    /// R3: the survivors, to be signed.
    Propose(Proposal),
    /// R3: VOID is to be signed.
    VoidRequest(SlotId),
    /// R4: shares are to be released.
    Open {
        /// For this outcome.
        certificate: Certificate,
        /// For a holder that has signed nothing yet.
        proposal: Option<Proposal>,
    },
    /// R3: the slot is dead.
    Voided(VoidCertificate),
    /// R4: a released share is to be proved.
    Prove {
        /// The slot.
        id: SlotId,
        /// Whose share.
        dealer: SiteIndex,
        /// Of which secret.
        kind: Kind,
    },
    /// R5: the sum.
    Published(Published),
    /// R5: the verdicts on the last sum of a study.
    Settled {
        /// The study.
        study: Digest,
        /// At most 128.
        verdicts: Vec<Verdict>,
    },
}

const MESSAGE: &str = "to_site";

/// Of a signed contract: the contract's plan, and verdicts.
pub(crate) const CONTRACT: &[Inner] = &[inner(1, &[inner(10, &[])]), inner(2, &[])];
const PROPOSAL: &[Inner] = &[inner(1, CONTRACT)];
pub(crate) const CERTIFICATE: Inner = inner(1, &[inner(1, &[])]);
/// Of the parts of a sum. There may be as many tiles as an update has, each with parts of its own.
const TILES: Inner =
    Inner { number: 5, most: MAX_TILES as usize, inner: &[inner(1, &[inner(2, &[])])] };

const BODIES: [Body; 15] = [
    body(1, "announce", MAX_SMALL_BYTES),
    body(2, "adverts", MAX_SETUP_BYTES).with(&[inner(3, &[])]),
    body(3, "bundles", MAX_SETUP_BYTES).with(&[inner(2, &[])]),
    body(4, "acceptances", MAX_SETUP_BYTES).with(&[inner(2, &[])]),
    body(10, "study", MAX_SETUP_BYTES),
    body(12, "ended", MAX_SMALL_BYTES),
    body(20, "contract", MAX_CONTROL_BYTES).with(CONTRACT),
    body(21, "propose", MAX_CONTROL_BYTES).with(PROPOSAL),
    body(22, "void_request", MAX_SMALL_BYTES),
    body(23, "voided", MAX_SMALL_BYTES),
    body(24, "open", MAX_CONTROL_BYTES).with(&[CERTIFICATE, inner(2, PROPOSAL)]),
    body(25, "prove", MAX_SMALL_BYTES),
    body(26, "published", MAX_PUBLISHED_BYTES).with(&[
        inner(1, CONTRACT),
        inner(2, &[CERTIFICATE]),
        inner(4, &[]),
        TILES,
    ]),
    body(27, "settled", MAX_CONTROL_BYTES),
    body(28, "resume", MAX_CONTROL_BYTES).with(&[inner(1, CONTRACT)]),
];

impl ToSite {
    /// The bytes of the message. A value beyond the limits of `proto/ripieno/v1` is written as it
    /// is, and its receiver refuses it.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        pb::ToSite { body: Some(self.to_proto()) }.encode_to_vec().into()
    }

    /// Parses a coordinator's bytes.
    ///
    /// # Errors
    /// [`WireError`], naming message and field.
    pub fn decode(bytes: Bytes) -> Result<Self, WireError> {
        envelope::check(MESSAGE, &bytes, &BODIES)?;
        let malformed = |error: prost::DecodeError| WireError::Malformed {
            message: MESSAGE,
            reason: error.to_string(),
        };
        let proto = pb::ToSite::decode(bytes).map_err(malformed)?;
        required("to_site.body", proto.body)
    }

    fn name(&self) -> &'static str {
        match self {
            ToSite::Announce(_) => "Announce",
            ToSite::Adverts { .. } => "Adverts",
            ToSite::Bundles { .. } => "Bundles",
            ToSite::Acceptances { .. } => "Acceptances",
            ToSite::Study(_) => "Study",
            ToSite::Ended { .. } => "Ended",
            ToSite::Contract(_) => "Contract",
            ToSite::Resume { .. } => "Resume",
            ToSite::Propose(_) => "Propose",
            ToSite::VoidRequest(_) => "VoidRequest",
            ToSite::Open { .. } => "Open",
            ToSite::Voided(_) => "Voided",
            ToSite::Prove { .. } => "Prove",
            ToSite::Published(_) => "Published",
            ToSite::Settled { .. } => "Settled",
        }
    }
}

impl fmt::Debug for ToSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToSite::{}", self.name())
    }
}

impl Wire for ToSite {
    type Proto = Proto;

    fn to_proto(&self) -> Proto {
        match self {
            ToSite::Announce(announcement) => Proto::Announce(announcement.to_proto()),
            ToSite::Adverts { epoch, slots, adverts } => Proto::Adverts(pb::Adverts {
                epoch: *epoch,
                slots: u32::from(*slots),
                adverts: put_list(adverts),
            }),
            ToSite::Bundles { epoch, bundles } => {
                Proto::Bundles(pb::Bundles { epoch: *epoch, bundles: put_list(bundles) })
            }
            ToSite::Acceptances { epoch, acceptances } => Proto::Acceptances(pb::Acceptances {
                epoch: *epoch,
                acceptances: put_list(acceptances),
            }),
            ToSite::Study(offer) => Proto::Study(offer.to_proto()),
            ToSite::Ended { study, reason } => {
                Proto::Ended(pb::StudyEnded { study: put(study), reason: put_reason(reason) })
            }
            ToSite::Contract(signed) => Proto::Contract(signed.to_proto()),
            ToSite::Resume { contract, taken } => Proto::Resume(pb::ResumedUpload {
                contract: Some(contract.to_proto()),
                taken: *taken,
            }),
            ToSite::Propose(proposal) => Proto::Propose(proposal.to_proto()),
            ToSite::VoidRequest(id) => {
                Proto::VoidRequest(pb::VoidRequest { slot_id: Some(id.to_proto()) })
            }
            ToSite::Open { certificate, proposal } => Proto::Open(pb::OpenRequest {
                certificate: Some(certificate.to_proto()),
                proposal: proposal.as_ref().map(Wire::to_proto),
            }),
            ToSite::Voided(certificate) => Proto::Voided(certificate.to_proto()),
            ToSite::Prove { id, dealer, kind } => Proto::Prove(pb::ProveRequest {
                slot_id: Some(id.to_proto()),
                dealer: put_site(*dealer),
                kind: put_kind(*kind),
            }),
            ToSite::Published(published) => Proto::Published(published.to_proto()),
            ToSite::Settled { study, verdicts } => {
                Proto::Settled(pb::Settled { study: put(study), verdicts: put_list(verdicts) })
            }
        }
    }

    fn from_proto(proto: Proto) -> Result<Self, WireError> {
        Ok(match proto {
            Proto::Announce(announcement) => Self::Announce(Wire::from_proto(announcement)?),
            Proto::Adverts(message) => Self::Adverts {
                epoch: message.epoch,
                slots: slots("adverts.slots", message.slots)?,
                adverts: list("adverts.adverts", message.adverts, MAX_SITES)?,
            },
            Proto::Bundles(message) => Self::Bundles {
                epoch: message.epoch,
                bundles: list("bundles.bundles", message.bundles, MAX_SITES)?,
            },
            Proto::Acceptances(message) => Self::Acceptances {
                epoch: message.epoch,
                acceptances: list("acceptances.acceptances", message.acceptances, MAX_SITES)?,
            },
            Proto::Study(offer) => Self::Study(Wire::from_proto(offer)?),
            Proto::Ended(message) => Self::Ended {
                study: digest("study_ended.study", &message.study)?,
                reason: reason("study_ended.reason", message.reason)?,
            },
            Proto::Contract(signed) => Self::Contract(Wire::from_proto(signed)?),
            Proto::Resume(message) => Self::Resume {
                contract: required("resumed_upload.contract", message.contract)?,
                taken: number("resumed_upload.taken", message.taken, 0..=MAX_TILES)?,
            },
            Proto::Propose(proposal) => Self::Propose(Wire::from_proto(proposal)?),
            Proto::VoidRequest(request) => {
                Self::VoidRequest(required("void_request.slot_id", request.slot_id)?)
            }
            Proto::Open(request) => Self::Open {
                certificate: required("open_request.certificate", request.certificate)?,
                proposal: request.proposal.map(Wire::from_proto).transpose()?,
            },
            Proto::Voided(certificate) => Self::Voided(Wire::from_proto(certificate)?),
            Proto::Prove(request) => Self::Prove {
                id: required("prove_request.slot_id", request.slot_id)?,
                dealer: site("prove_request.dealer", request.dealer)?,
                kind: kind("prove_request.kind", request.kind)?,
            },
            Proto::Published(published) => Self::Published(Wire::from_proto(published)?),
            Proto::Settled(message) => Self::Settled {
                study: digest("settled.study", &message.study)?,
                verdicts: list("settled.verdicts", message.verdicts, MAX_SITES)?,
            },
        })
    }
}
