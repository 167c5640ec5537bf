//! How large messages and their parts may be. A receiver knows what it may have to hold before it
//! decodes a byte.

use ripieno_secagg::epoch::share::TAG_BYTES;
use ripieno_secagg::params::{MAX_HOLDERS, MAX_SLOTS};
use ripieno_study::plan::{MAX_LANES, TILE_LANES};

/// The largest message without lists of messages, in bytes.
pub const MAX_SMALL_BYTES: usize = 16 << 10;
/// The largest message that sets up an epoch or a study, in bytes.
pub const MAX_SETUP_BYTES: usize = 1 << 20;
/// The largest message that carries a contract or verdicts, in bytes.
pub const MAX_CONTROL_BYTES: usize = 8 << 20;
/// The largest tile with what is around it, in bytes.
pub const MAX_TILE_BYTES: usize = (1 << 20) + (1 << 10);
/// The largest published sum with what a site verifies it by, in bytes: what every implementation
/// of Protocol Buffers can hold.
pub const MAX_PUBLISHED_BYTES: usize = i32::MAX as usize;

/// The longest text of a study manifest, in bytes.
pub const MAX_STUDY_TEXT: usize = 64 << 10;
/// The longest reason, in bytes: longer ones are shortened when they are sent.
pub const MAX_REASON: usize = 2048;
/// The longest name of a deciding rule, in bytes.
pub const MAX_RULE: usize = 256;

/// Fields of a body, counted before it is decoded: a list of empty messages takes two bytes an item
/// on the wire and two hundred in memory.
pub(crate) const MAX_FIELDS: usize = 1024;
/// Sites in a set, signatures, trailers, shares.
pub(crate) const MAX_SITES: usize = MAX_HOLDERS;
/// Digests from a leaf to a root.
pub(crate) const MAX_PATH: usize = 40;
/// Bytes of a sealed bundle.
pub(crate) const MAX_SEALED: usize = MAX_SLOTS as usize * 64 + TAG_BYTES;
/// Lanes of a tile, and of a whole upload that is handed on.
pub(crate) const MAX_TILE_LANES: u64 = *TILE_LANES.end() as u64;
/// Tiles of an update.
pub(crate) const MAX_TILES: u32 = (MAX_LANES / *TILE_LANES.start() as u64) as u32;

/// The most unresolved slots, and the most studies, that a site names when it attends.
pub const MAX_STANDINGS: usize = 64;
