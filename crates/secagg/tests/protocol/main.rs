//! The protocol between n sites and a coordinator: the sum is exactly that of the survivors, and
//! each check of docs/protocol-checks.md is broken on purpose.

mod common;

mod advertise;
mod certificate;
mod cohort;
mod collect;
mod contract;
mod corrupt_dealer;
mod debug;
mod draw;
mod history;
mod ledger;
mod memory;
mod oracle;
mod outcome;
mod parts;
mod publish;
mod reconstruct;
mod restore;
mod share;
mod statistics;
mod total;
mod whole_rounds;
mod witness;
