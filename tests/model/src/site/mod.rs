//! What an honest site does with a message.

pub mod ledger;
pub mod memory;
pub mod round;
pub mod setup;

/// A slot: site, place of the epoch at that site, number.
pub type Place = (usize, usize, usize);
