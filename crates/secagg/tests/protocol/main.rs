//! The protocol between n sites and a coordinator: the sum is exactly that of the survivors, and
//! each check of docs/protocol-checks.md is broken on purpose.

mod common;

mod advertise;
mod certificate;
mod collect;
mod contract;
mod corrupt_dealer;
mod debug;
mod ledger;
mod oracle;
mod outcome;
mod parts;
mod publish;
mod reconstruct;
mod share;
mod whole_rounds;
mod witness;
