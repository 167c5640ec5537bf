//! A site's half of a federation: messages in, messages out.
//!
//! [`Site`] holds everything that a site knows: its key and charter, the gate to its data, its
//! ledger, the epochs that it joined, the studies that it approved. It does no I/O of its own:
//! whoever drives it (a daemon, a simulation) carries [`ToSite`](ripieno_wire::ToSite) messages in
//! and [`FromSite`](ripieno_wire::FromSite) messages out, tells the time, and gives it journals
//! that make records durable.
//!
//! - `setup`: how an epoch is joined (E1–E4);
//! - `study`: a study is offered and decided about; `progress`: moved on by verified sums;
//! - `round`: one module per step of a round (R1–R5).

mod progress;
mod round;
mod setup;
mod site;
mod study;
mod trail;

pub use ripieno_access::{Gate, Policy};
pub use site::{Site, SiteParts};
pub use trail::Trail;
