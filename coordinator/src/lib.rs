//! The coordinator's half of a federation: it routes, adds, and proves what it did.
//!
//! [`Coordinator`] does no I/O of its own. Whoever drives it (a server, a simulation) carries
//! messages of authenticated sites in and [`Outgoing`] messages out, and tells the time; every
//! phase has a deadline. It cannot name a data set: it knows studies, sums, and nothing else.
//!
//! - `epochs`: E1–E4, the next epoch while the current one is in use;
//! - `run`: one study from offer to result;
//! - `phases`: one file per phase of a round.

mod coordinator;
mod epochs;
mod event;
mod limits;
mod phases;
mod run;
mod sums;

pub use coordinator::{Clock, Coordinator, Outgoing, SubmitError};
pub use event::{Event, RoundSummary, VoidedSlot};
pub use limits::Limits;
