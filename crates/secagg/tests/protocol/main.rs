//! The protocol between n sites and a coordinator: the sum is exactly that of the survivors, and
//! each check of docs/protocol-checks.md is broken on purpose.

mod common;

mod advertise;
mod contract;
mod corrupt_dealer;
mod parts;
mod publish;
mod reconstruct;
mod share;
mod certificate;
mod collect;
mod oracle;
mod outcome;
mod ledger;
mod witness;
mod whole_rounds;
