//! Decisions about data, permits and governed views.
//!
//! A [`Gate`] holds a site's catalogue and the authority over it for good. [`Gate::decide`] weighs
//! a study against the site's [`Policy`]; what it approves it may open with [`Gate::open`], which
//! hands out a [`View`]: the permitted columns as the policy's [`Plan`](plan::Plan) shows them,
//! complete rows, enough of them. There is no other way to a row.

pub mod anonymity;
mod cedar;
mod decision;
mod facts;
mod gate;
mod inquiry;
pub mod plan;
mod policy;
mod preview;
mod time;
mod view;

pub use cedar::{
    Action, Asked, BadGrant, BadPolicies, Change, Circumstances, Fault, Grant, Grantee, Grants,
    MAX_GRANTS, MAX_GRANTS_ASKED, Model, Overruled, Person, Policies, Verdict,
};
pub use decision::{Approval, Decision, Denial, Request, Requester, Rule};
pub use facts::{Facts, PolicyColumn};
pub use gate::{Gate, PERMIT_SECONDS};
pub use policy::{Policy, PolicyError};
pub use preview::{Preview, PreviewError};
pub use ripieno_catalog::{Permit, Place};
pub use view::{Counts, View, ViewError};
