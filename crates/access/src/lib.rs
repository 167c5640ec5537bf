//! Decisions about data, permits and governed views.
//!
//! A [`Gate`] holds a site's catalogue and the authority over it for good. [`Gate::decide`] weighs
//! a study against the site's [`Policy`]; what it approves it may open with [`Gate::open`], which
//! hands out a [`View`]: the permitted columns, complete rows, enough of them. There is no other
//! way to a row.

mod decision;
mod gate;
mod policy;
mod time;
mod view;

pub use decision::{Approval, Decision, Denial, Request, Requester, Rule};
pub use gate::{Gate, PERMIT_SECONDS};
pub use policy::{Policy, PolicyError};
pub use ripieno_catalog::{Permit, Place};
pub use view::{View, ViewError};
