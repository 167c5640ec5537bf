//! From a site to the coordinator.

use std::fmt;

use bytes::Bytes;
use prost::Message as _;
use ripieno_secagg::epoch::{Acceptance, Advert, Bundle};
use ripieno_secagg::round::open::{Release, ShareProof};
use ripieno_secagg::round::outcome::Ballot;
use ripieno_secagg::round::publish::Verdict;
use ripieno_secagg::round::upload::Trailer;
use ripieno_secagg::{Lanes, SlotId};
use ripieno_study::{Digest, Refusal};

use crate::envelope::{self, Body, body, inner};
use crate::error::WireError;
use crate::field::{Wire, digest, lanes, list, put, put_lanes, put_list, put_secret, required};
use crate::limits::{
    MAX_CONTROL_BYTES, MAX_SETUP_BYTES, MAX_SITES, MAX_SMALL_BYTES, MAX_TILE_BYTES, MAX_TILE_LANES,
};
use crate::pb;
use crate::published::tile_number;
use crate::session::Hello;
use crate::study::StudyAnswer;
use pb::from_site::Body as Proto;

/// A message from a site. As received: nothing in it is verified. Its `Debug` form names the kind
/// and shows no content.
#[derive(Clone, PartialEq, Eq)]
pub enum FromSite {
    /// E1: its keys and commitments.
    Advert(Advert),
    /// E2: its shares for the other holders; at most 128.
    Bundles(Vec<Bundle>),
    /// E3: whose shares it holds.
    Acceptance(Acceptance),
    /// Its word on a study.
    StudyAnswer(StudyAnswer),
    /// R2: one tile of its masked update.
    Tile {
        /// The slot.
        id: SlotId,
        /// Number of the tile in the update, from 0.
        number: u32,
        /// The masked lanes: 1 to 2^17.
        lanes: Lanes,
    },
    /// R2: the end of its masked update.
    Trailer {
        /// The slot.
        id: SlotId,
        /// Signed.
        trailer: Trailer,
    },
    /// R3: the outcome that it signed.
    Ballot(Ballot),
    /// R4: its shares.
    Release(Release),
    /// R4: proof of a released share.
    Proof(ShareProof),
    /// R5: its word on tiles of the sum.
    Verdict(Verdict),
    /// R5: the state that it computed from a verified sum.
    State {
        /// `ctx` of the round.
        ctx: Digest,
        /// Digest of the state that follows.
        next: Digest,
    },
    /// It is there: the first message of a connection.
    Hello(Hello),
    /// It did not do what it was asked.
    Refused {
        /// The slot that this is about.
        id: Option<SlotId>,
        /// The study that this is about.
        study: Option<Digest>,
        /// Rule, culprit and reason; the reason is cut to
        /// [`MAX_REASON`](crate::limits::MAX_REASON) bytes when it is sent.
        refusal: Refusal,
    },
}

const MESSAGE: &str = "from_site";

const BODIES: [Body; 13] = [
    body(1, "advert", MAX_SMALL_BYTES),
    body(2, "bundles", MAX_SETUP_BYTES).with(&[inner(1, &[])]),
    body(3, "acceptance", MAX_SMALL_BYTES),
    body(10, "study_answer", MAX_SMALL_BYTES),
    body(20, "tile", MAX_TILE_BYTES),
    body(21, "trailer", MAX_SMALL_BYTES),
    body(22, "ballot", MAX_SMALL_BYTES),
    body(23, "release", MAX_SMALL_BYTES),
    body(24, "proof", MAX_SMALL_BYTES),
    body(25, "verdict", MAX_CONTROL_BYTES),
    body(26, "state", MAX_SMALL_BYTES),
    body(40, "refused", MAX_SMALL_BYTES),
    body(50, "hello", MAX_SMALL_BYTES),
];

impl FromSite {
    /// The bytes of the message; those with shares are erased when the last handle is dropped. A
    /// value beyond the limits of `proto/ripieno/v1` is written as it is, and its receiver refuses
    /// it.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let bytes = pb::FromSite { body: Some(self.to_proto()) }.encode_to_vec();
        match self {
            FromSite::Release(_) | FromSite::Proof(_) => put_secret(bytes),
            _ => bytes.into(),
        }
    }

    /// Parses a site's bytes. The shares of a release are copied out of `bytes`, which are the
    /// caller's to erase.
    ///
    /// # Errors
    /// [`WireError`], naming message and field.
    pub fn decode(bytes: Bytes) -> Result<Self, WireError> {
        envelope::check(MESSAGE, &bytes, &BODIES)?;
        let malformed = |error: prost::DecodeError| WireError::Malformed {
            message: MESSAGE,
            reason: error.to_string(),
        };
        let proto = pb::FromSite::decode(bytes).map_err(malformed)?;
        required("from_site.body", proto.body)
    }

    fn name(&self) -> &'static str {
        match self {
            FromSite::Advert(_) => "Advert",
            FromSite::Bundles(_) => "Bundles",
            FromSite::Acceptance(_) => "Acceptance",
            FromSite::StudyAnswer(_) => "StudyAnswer",
            FromSite::Tile { .. } => "Tile",
            FromSite::Trailer { .. } => "Trailer",
            FromSite::Ballot(_) => "Ballot",
            FromSite::Release(_) => "Release",
            FromSite::Proof(_) => "Proof",
            FromSite::Verdict(_) => "Verdict",
            FromSite::State { .. } => "State",
            FromSite::Hello(_) => "Hello",
            FromSite::Refused { .. } => "Refused",
        }
    }
}

impl fmt::Debug for FromSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FromSite::{}", self.name())
    }
}

impl Wire for FromSite {
    type Proto = Proto;

    fn to_proto(&self) -> Proto {
        match self {
            FromSite::Advert(advert) => Proto::Advert(advert.to_proto()),
            FromSite::Bundles(bundles) => {
                Proto::Bundles(pb::DealtBundles { bundles: put_list(bundles) })
            }
            FromSite::Acceptance(acceptance) => Proto::Acceptance(acceptance.to_proto()),
            FromSite::StudyAnswer(answer) => Proto::StudyAnswer(answer.to_proto()),
            FromSite::Tile { id, number, lanes } => Proto::Tile(pb::TileUpload {
                slot_id: Some(id.to_proto()),
                number: *number,
                lanes: put_lanes(lanes),
            }),
            FromSite::Trailer { id, trailer } => Proto::Trailer(pb::TrailerUpload {
                slot_id: Some(id.to_proto()),
                trailer: Some(trailer.to_proto()),
            }),
            FromSite::Ballot(ballot) => Proto::Ballot(ballot.to_proto()),
            FromSite::Release(release) => Proto::Release(release.to_proto()),
            FromSite::Proof(proof) => Proto::Proof(proof.to_proto()),
            FromSite::Verdict(verdict) => Proto::Verdict(verdict.to_proto()),
            FromSite::State { ctx, next } => {
                Proto::State(pb::StateReport { ctx: put(ctx), next: put(next) })
            }
            FromSite::Hello(hello) => Proto::Hello(hello.to_proto()),
            FromSite::Refused { id, study, refusal } => Proto::Refused(pb::RefusalReport {
                slot_id: id.as_ref().map(Wire::to_proto),
                study: study.as_ref().map(put),
                refusal: Some(refusal.to_proto()),
            }),
        }
    }

    fn from_proto(proto: Proto) -> Result<Self, WireError> {
        Ok(match proto {
            Proto::Advert(advert) => Self::Advert(Wire::from_proto(advert)?),
            Proto::Bundles(message) => {
                Self::Bundles(list("dealt_bundles.bundles", message.bundles, MAX_SITES)?)
            }
            Proto::Acceptance(acceptance) => Self::Acceptance(Wire::from_proto(acceptance)?),
            Proto::StudyAnswer(answer) => Self::StudyAnswer(Wire::from_proto(answer)?),
            Proto::Tile(tile) => Self::Tile {
                id: required("tile_upload.slot_id", tile.slot_id)?,
                number: tile_number("tile_upload.number", tile.number)?,
                lanes: lanes("tile_upload.lanes", &tile.lanes, MAX_TILE_LANES)?,
            },
            Proto::Trailer(message) => Self::Trailer {
                id: required("trailer_upload.slot_id", message.slot_id)?,
                trailer: required("trailer_upload.trailer", message.trailer)?,
            },
            Proto::Ballot(ballot) => Self::Ballot(Wire::from_proto(ballot)?),
            Proto::Release(release) => Self::Release(Wire::from_proto(release)?),
            Proto::Proof(proof) => Self::Proof(Wire::from_proto(proof)?),
            Proto::Verdict(verdict) => Self::Verdict(Wire::from_proto(verdict)?),
            Proto::State(report) => Self::State {
                ctx: digest("state_report.ctx", &report.ctx)?,
                next: digest("state_report.next", &report.next)?,
            },
            Proto::Hello(hello) => Self::Hello(Wire::from_proto(hello)?),
            Proto::Refused(report) => Self::Refused {
                id: report.slot_id.map(Wire::from_proto).transpose()?,
                study: report
                    .study
                    .map(|bytes| digest("refusal_report.study", &bytes))
                    .transpose()?,
                refusal: required("refusal_report.refusal", report.refusal)?,
            },
        })
    }
}
