//! The mask generator (docs/protocol.md §3): AES-256 in counter mode on 64-bit lanes, added to a
//! vector or subtracted from it for many keys at once.
//!
//! `PRG(key, vector)` has the counter blocks LE64(block index) ‖ LE64(vector number). Its words are
//! little-endian 64-bit lanes; lane i starts at byte 8i, so any tile can be produced on its own. Wide
//! values take both lanes of one block and are added mod 2^128.
//!
//! The keystream never is in memory: a tile of the vector is in registers, and the keystream of one key after the
//! other is added to it there ([`Keys::apply`]). Which instructions do it is found out at run time
//! ([`Path`]); all give the same bits.
//!
//! What is kept of a key, its schedule, is overwritten when it is dropped. Not promised: that nothing of it
//! stays in vector registers, or where the compiler spilled them, until other work overwrites those.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod generator;
mod keys;
mod lanes;
mod path;
mod portable;
mod vectors;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use generator::Generator;
pub use keys::{Keys, Position, Ring, Sign};
pub use lanes::{accumulate, accumulate_all};
pub use path::Path;
pub use vectors::{Loop, with_wide_vectors};
