//! The coordinator's half of a federation: it routes, adds, and proves what it did.
//!
//! [`Coordinator`] does no I/O of its own. Whoever drives it (a server, a simulation) carries
//! messages of authenticated sites in and [`Outgoing`] messages out, and tells the time; every
//! phase has a deadline. It cannot name a data set: it knows studies, sums, and nothing else.
//!
//! It survives the end of its process at any point: the driver makes the [`Change`]s of every step
//! durable before a message of it leaves, and [`Coordinator::restore`] goes on from them. Sites that
//! come back are told again what they were told.
//!
//! - `epochs`: E1–E4, the next epoch while the current one is in use;
//! - `run`: one study from offer to result;
//! - `phases`: one file per phase of a round;
//! - `records`, `save`, `restore`: what is stored, and how it comes back;
//! - `past`: studies that are in the store alone.

mod changes;
mod coordinator;
mod desk;
mod ending;
mod epochs;
mod error;
mod event;
mod limits;
mod past;
mod phases;
mod records;
mod remind;
mod restore;
mod run;
mod save;
mod seen;
mod spools;
mod status;
mod succession;
mod sums;
mod verdicts;

pub use changes::{Change, Drained, Saved};
pub use coordinator::{Clock, Coordinator, Outgoing};
pub use error::{CancelError, RestoreError, SubmitError, SuccessionError};
pub use event::{Event, RoundSummary, VoidedSlot};
pub use limits::Limits;
pub use past::{Past, Recorded};
pub use spools::{MemorySpools, Spools, SpoolsError};
pub use status::{Ended, StudyStatus};
