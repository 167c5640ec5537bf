//! Secure aggregation on 64-bit lanes: the protocol of docs/protocol.md, without I/O, without a
//! clock, and without asynchrony. What a driver sends and stores goes in and out as values.
//!
//! - [`params`], [`kdf`], [`shamir`], [`mask`], [`merkle`]: the arithmetic.
//! - [`epoch`]: how sites set up one-time slots (E1–E4).
//! - [`round`]: a round at a site (R1–R5), as participant and as share-holder.
//! - [`coordinator`]: the other side of both.
//! - [`cohort`]: more sites than one cohort holds.
//! - [`ledger`], [`witness`], [`journal`]: what must survive a restart.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod cohort;
pub mod coordinator;
pub mod epoch;
pub mod journal;
pub mod kdf;
mod lanes;
pub mod ledger;
pub mod locked;
pub mod mask;
pub mod merkle;
pub mod params;
pub mod party;
pub mod roster;
pub mod round;
pub mod shamir;
pub mod witness;

pub use epoch::secrets::Kind;
pub use lanes::Lanes;
pub use ledger::{Head, Ledger, SlotId};
pub use party::Party;
pub use roster::Roster;
