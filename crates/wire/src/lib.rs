//! Encoded messages and their conversion to domain types.
//!
//! [`ToSite`] and [`FromSite`] are all that a coordinator and a site say to each other. `encode`
//! gives the bytes that `proto/ripieno/v1` describes; `decode` parses a peer's bytes and yields
//! well-formed domain values or a [`WireError`] that names the field. Nothing is verified here:
//! signatures, membership and digests are the protocol's to check.
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

mod certificate;
mod common;
mod contract;
mod envelope;
mod epoch;
mod error;
mod field;
mod from_site;
pub mod limits;
mod open;
mod outcome;
mod pb;
mod plan;
mod published;
mod receipt;
mod session;
mod study;
mod to_site;

#[cfg(test)]
mod tests;

pub use error::{Fault, WireError};
pub use from_site::FromSite;
pub use published::{Parts, Published};
pub use session::Hello;
pub use study::{StudyAnswer, StudyOffer, StudyVerdict};
pub use to_site::ToSite;
