//! Decisions about columns by policies in Cedar: <https://docs.cedarpolicy.com>.
//!
//! [`Policies`] are the baseline, which every site has, what a site adds to it, and the grants of
//! the owners of data sets; [`Policies::decide`] says of each column whether it may be used, by
//! which policy, and what would change that. It is a function of its arguments: no clock, no file.

mod decide;
mod entities;
mod grants;
mod policies;
mod reader;
mod text;
mod verdict;

pub use entities::{Action, Asked, Circumstances, MAX_GRANTS_ASKED, Person};
pub use grants::{BadGrant, Grant, Grantee, Grants, MAX_GRANTS};
pub use policies::Policies;
pub use reader::{BadPolicies, Fault};
pub use verdict::{Change, Model, Overruled, Verdict};
