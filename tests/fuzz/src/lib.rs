//! Fuzz targets: one function a target, from any bytes to a judgement.
//!
//! `cargo fuzz` drives them with libFuzzer (`just fuzz`, docs/verification.md). As a test of the
//! workspace this same file replays every seed, and every input that was ever a crash, without it.
//!
//! - `decoders`: whatever reads bytes of a peer or of a file. It never panics, never takes memory
//!   out of proportion to its input, and what it has read it writes so that it reads it again;
//! - `machines`: sequences of messages into both engines, and into a whole federation of them.

mod allocations;
#[path = "../../../client/engine/tests/common/mod.rs"]
mod common;
mod decoders;
#[allow(dead_code)] // What was sent to the peer is not read.
#[path = "../../../crates/rpc/src/incoming/frames.rs"]
mod frames;
mod input;
#[allow(dead_code)] // Neither backups nor charters that follow are played here.
#[path = "../../tests/faults/invariants.rs"]
mod invariants;
mod machines;
#[allow(dead_code)] // The tests of the coordinator's engine use the rest of it.
#[path = "../../../coordinator/engine/tests/engine/oracle.rs"]
mod oracle;
#[cfg(test)]
mod replay;
#[path = "../../tests/faults/secrets.rs"]
mod secrets;
#[cfg(test)]
mod seeds;

pub use decoders::append::append;
pub use decoders::cohorts::cohorts;
pub use decoders::connection::connection;
pub use decoders::identity::{charters, papers};
pub use decoders::journals::journals;
pub use decoders::lanes::lanes;
pub use decoders::large_sum::large_sum;
pub use decoders::sums::sums;
pub use decoders::table::table;
pub use decoders::texts::texts;
pub use decoders::wire::{from_site, to_site};
pub use machines::coordinator::coordinator;
pub use machines::federation::federation;
pub use machines::site::site;

/// A target: it panics where something is wrong.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 16] = [
    ("to_site", to_site),
    ("from_site", from_site),
    ("large_sum", large_sum),
    ("cohorts", cohorts),
    ("charters", charters),
    ("papers", papers),
    ("lanes", lanes),
    ("journals", journals),
    ("append", append),
    ("texts", texts),
    ("table", table),
    ("sums", sums),
    ("connection", connection),
    ("site", site),
    ("coordinator", coordinator),
    ("federation", federation),
];
