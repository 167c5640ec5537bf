//! A lying coordinator against honest sites: every lie is refused by the check that is for it, the
//! culprit is named, nothing secret leaves, and the site's own record says so.

#[path = "../common/mod.rs"]
mod common;

mod approval;
mod audit;
mod contract;
mod crash;
mod data;
mod duplicates;
mod held;
mod journal;
mod lies;
mod older;
mod opening;
mod outcome;
mod policy;
mod published;
mod repro;
mod repro_ledger;
mod restart;
mod set_up;
mod steward;
mod succession;
mod tiles;
mod whole;
