//! Encoded messages and their conversion to domain types.
//!
//! [`ToSite`] and [`FromSite`] are all that a coordinator and a site say to each other. `encode`
//! gives the bytes that `proto/ripieno/v1` describes; `decode` parses a peer's bytes and yields
//! well-formed domain values or a [`WireError`] that names the field. Nothing is verified here:
//! signatures, membership and digests are the protocol's to check.
//!
//! [`membership`] holds what else the two pass on: charters with their signatures and history;
//! [`cohort`] what more than 128 sites say to draw cohorts and to add their sums. An
//! [`Invitation`] and a credential also have a text form, for people to pass on.
//!
//! Types generated from the `.proto` files stay inside of this crate.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

mod authorities;
mod certificate;
mod charter;
pub mod cohort;
mod common;
mod contract;
mod credential;
mod envelope;
mod epoch;
mod error;
mod field;
mod from_site;
mod history;
mod invitation;
pub mod limits;
pub mod membership;
mod open;
mod outcome;
mod pb;
mod plan;
mod proof;
mod published;
mod receipt;
mod sending;
mod session;
mod stored;
mod study;
mod text;
mod to_site;

#[cfg(test)]
mod tests;

pub use authorities::{decode_authorities, encode_authorities};
pub use credential::{
    credential_from_text, credential_to_text, decode_credential, decode_submission,
    encode_credential, encode_submission,
};
pub use error::{Fault, WireError};
pub use from_site::FromSite;
pub use history::History;
pub use invitation::Invitation;
pub use proof::{decode_proof, encode_proof};
pub use published::{Parts, Published, StoredTiles};
pub use sending::{BadPart, Sending};
pub use session::Hello;
pub use stored::{BadSum, ReadAt, decode_sum};
pub use study::{StudyAnswer, StudyOffer, StudyVerdict};
pub use text::BadText;
pub use to_site::ToSite;
