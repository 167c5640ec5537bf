//! A lying coordinator against honest sites: every lie is refused by the check that is for it, the
//! culprit is named, nothing secret leaves, and the site's own record says so.

#[path = "../common/mod.rs"]
mod common;

mod approval;
mod contract;
mod data;
mod duplicates;
mod journal;
mod lies;
mod opening;
mod outcome;
mod policy;
mod published;
mod repro;
mod repro_ledger;
mod set_up;
mod tiles;
mod whole;
