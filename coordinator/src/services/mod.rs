//! What is served: handlers without decisions of their own. They check who asks and how much, and
//! hand the rest to the actor.

mod bounds;
mod crowd;
mod operator;
mod pace;
mod places;
mod rate;
mod researcher;
mod site;

pub(crate) use bounds::{Bounded, Deadline};
pub(crate) use crowd::{Crowd, may_last};
pub(crate) use operator::Operator;
pub(crate) use researcher::Researchers;
pub(crate) use site::Sites;

use ripieno_study::Digest;
use tonic::Status;

/// The largest request that is no stream, in bytes.
pub(crate) const SMALL: usize = 128 << 10;

/// The longest reason of a cancellation, in bytes.
const MAX_REASON: usize = 512;

/// A digest as a peer sent it.
fn digest(field: &str, bytes: &[u8]) -> Result<Digest, Status> {
    let bytes = <[u8; 32]>::try_from(bytes);
    bytes
        .map(Digest::from_bytes)
        .map_err(|_| Status::invalid_argument(format!("{field}: a digest has 32 bytes")))
}

/// What a peer sent is not what it should be.
fn malformed(error: impl std::fmt::Display) -> Status {
    Status::invalid_argument(error.to_string())
}

/// Why a study is cancelled.
fn check_reason(reason: &str) -> Result<(), Status> {
    if reason.len() > MAX_REASON || reason.chars().any(char::is_control) {
        return Err(malformed(format!("reason: at most {MAX_REASON} bytes of text on one line")));
    }
    Ok(())
}
