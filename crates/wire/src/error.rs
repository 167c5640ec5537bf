//! Why a peer's bytes are no message.

use ripieno_identity::{BadCharter, BadKey};
use ripieno_study::plan::PlanError;
use thiserror::Error;

/// Bytes that are no message of this protocol. It names message and field, never their contents.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// The bytes do not have the form of Protocol Buffers.
    #[error("{message}: not a message of ripieno.v1: {reason}")]
    Malformed {
        /// The direction or kind of message.
        message: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// No body, or something beside it.
    #[error("{message}: it is not exactly one body")]
    Body {
        /// The direction.
        message: &'static str,
    },
    /// A body that this version does not know.
    #[error(
        "{message}: this version knows no body with number {number}; \
         does the peer run a newer version?"
    )]
    UnknownBody {
        /// The direction.
        message: &'static str,
        /// Field number of the body.
        number: u32,
    },
    /// More bytes than a message of this kind may have.
    #[error("{message}: {bytes} bytes, at most {limit} are allowed")]
    TooLarge {
        /// The direction or kind of message.
        message: &'static str,
        /// Bytes that came.
        bytes: usize,
        /// Bytes that are allowed.
        limit: usize,
    },
    /// A field that breaks its rule.
    #[error("{field}: {fault}")]
    Field {
        /// Message and field, such as `advert.channel_key`.
        field: &'static str,
        /// The rule.
        fault: Fault,
    },
}

/// Which rule a field breaks.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is not there.
    #[error("missing")]
    Missing,
    /// Bytes of a fixed length, or text, with another length.
    #[error("{found} bytes, {expected} expected")]
    Bytes {
        /// Bytes that came.
        found: usize,
        /// Bytes of such a field.
        expected: usize,
    },
    /// A text or bytes that are too long, or empty where they must not be.
    #[error("{found} bytes, {low} to {high} allowed")]
    Length {
        /// Bytes that came.
        found: usize,
        /// The fewest.
        low: usize,
        /// The most.
        high: usize,
    },
    /// A list with too many items, or too few.
    #[error("{found} items, {low} to {high} allowed")]
    Items {
        /// Items that came.
        found: usize,
        /// The fewest.
        low: usize,
        /// The most.
        high: usize,
    },
    /// A number out of range.
    #[error("not a number from {low} to {high}")]
    Number {
        /// The lowest.
        low: u64,
        /// The highest.
        high: u64,
    },
    /// A key of a list that stands twice, or out of order.
    #[error("its keys do not strictly increase")]
    Order,
    /// A name or number that this version gives no meaning.
    #[error("this version does not know the value; does the peer run another version?")]
    Unknown,
    /// A value where there must be none.
    #[error("a value is given where there must be none")]
    Unexpected,
    /// A text with control characters.
    #[error("the text has control characters")]
    Control,
    /// Lanes that are cut short.
    #[error("{0} bytes are no lanes: not a multiple of 8, or too many or too few")]
    Lanes(usize),
    /// A key that is none.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// A plan that cannot be carried out, whoever takes part.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A charter that breaks a rule by itself, whoever signs it.
    #[error(transparent)]
    Charter(#[from] BadCharter),
}

impl Fault {
    /// The error for a field, named `message.field`.
    pub(crate) fn of(self, field: &'static str) -> WireError {
        WireError::Field { field, fault: self }
    }
}
