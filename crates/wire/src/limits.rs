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
/// The largest charter, in bytes, with or without the signatures that put it in force.
pub const MAX_CHARTER_BYTES: usize = 1 << 20;
/// The largest list of charters, in bytes: some hundred versions of the largest federations that
/// sum in one cohort. Who holds a version needs the later ones alone.
pub const MAX_HISTORY_BYTES: usize = 16 << 20;
/// The most sites of a charter, and the most signatures under one.
pub const MAX_CHARTER_SITES: usize = 4096;
/// The most charters of a history.
pub const MAX_CHARTERS: usize = 1024;
/// The longest address of a coordinator in an invitation, in bytes: a host name of 253, brackets,
/// and a port.
pub const MAX_ADDRESS: usize = 262;

/// The largest list of the commitments or reveals of a draw, in bytes.
pub const MAX_DRAW_BYTES: usize = 16 << 20;
/// The most sites of a draw: as many as there are indices.
pub const MAX_DRAW_SITES: usize = u16::MAX as usize;
/// The most cohorts: a draw leaves each 64 sites at least.
pub const MAX_COHORTS: usize = MAX_DRAW_SITES / 64;

/// The longest text of a study manifest, in bytes.
pub const MAX_STUDY_TEXT: usize = 64 << 10;
/// The longest reason, in bytes: longer ones are shortened when they are sent.
pub const MAX_REASON: usize = 2048;
/// The longest name of a deciding rule, in bytes.
pub const MAX_RULE: usize = 256;

/// Fields of a body, counted before it is decoded: a list of empty messages takes two bytes an item
/// on the wire and two hundred in memory.
pub(crate) const MAX_FIELDS: usize = 1024;
/// Fields of a body and of all messages with lists in it: the largest honest set-up has 9000. A body
/// may have one more for each so many bytes, as large sums have. Parts of one lane with short
/// paths have less a field, and are so few that they fit all the same; an empty part takes two bytes
/// here and 64 when it is decoded.
pub(crate) const MAX_ALL_FIELDS: usize = 16 << 10;
pub(crate) const BYTES_A_FIELD: usize = 24;
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
