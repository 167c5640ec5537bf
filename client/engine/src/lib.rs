//! A site's half of a federation: messages in, messages out.
//!
//! [`Site`] holds everything that a site knows: its key and charter, the gate to its data, its
//! ledger, the epochs that it joined, the studies that it approved. It does no I/O of its own:
//! whoever drives it (a daemon, a simulation) carries [`ToSite`](ripieno_wire::ToSite) messages in
//! and [`FromSite`](ripieno_wire::FromSite) messages out, tells the time, and gives it journals, an
//! audit log and a [`Shelf`] that make records durable.
//!
//! - `setup`: how an epoch is joined (E1–E4); `charter`: how a charter follows another; `past`: what
//!   is kept of those before;
//! - `study`: a study is offered and decided about; `steward`: by a person; `progress`: moved on by
//!   verified sums; `closed`: those that do not run;
//! - `round`: one module per step of a round (R1–R5);
//! - `restore`: what a restarted site knows; `record`: in which form it is kept.
//!
//! A site may end at any moment. What an answer depends on is durable before the answer is given:
//! first the ledger, then the audit log, then the study's record. Where the site ends in between,
//! the message comes again and is taken again. An epoch's secrets are never kept: a restarted site
//! joins the next epoch.

mod audit;
mod charter;
mod closed;
mod past;
mod progress;
mod record;
mod restore;
mod round;
mod setup;
mod shelf;
mod site;
mod steward;
mod study;

pub use audit::ENTRIES_PER_SIGNATURE;
pub use restore::StartError;
pub use ripieno_access::{Gate, Policy};
pub use shelf::{Key, MemoryShelf, Shelf, ShelfError};
pub use site::{Site, SiteParts};
pub use steward::{KnownStudy, PendingStudy, StudyStanding};
