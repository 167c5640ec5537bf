//! The coordinator's engine among honest and lying sites, with losses at every step. Whatever
//! happens, a published sum is the sum over its survivors, or nothing was opened.

#[path = "../../../../client/engine/tests/common/mod.rs"]
mod common;

mod crashes;
mod damage;
mod endings;
mod epochs;
mod few;
mod impostors;
mod losses;
mod oracle;
mod order;
mod passing;
mod past;
mod refusals;
mod repro;
mod repro_dealer;
mod repro_epochs;
mod repro_returns;
mod shares;
mod stalled;
mod studies;
mod uploads;
mod verdicts;
