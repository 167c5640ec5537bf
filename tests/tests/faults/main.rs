//! Whole federations under everything that a network, a machine and an operator do to them: a seed
//! draws a federation, its studies and their misfortunes, and plays them in virtual time. After
//! every step, what must never happen has not happened; at the end everything has come to rest.
//!
//! `RIPIENO_FAULT_SEEDS=5000 cargo test --release -p ripieno-tests --test faults` plays more;
//! `RIPIENO_FAULT_SEED=17` plays the seventeenth alone, and tells its story. docs/verification.md has
//! the whole list.

#[path = "../../../client/engine/tests/common/mod.rs"]
mod common;

mod chaos;
mod everywhere;
mod invariants;
#[allow(dead_code)] // The tests of the coordinator's engine use the rest of it.
#[path = "../../../coordinator/engine/tests/engine/oracle.rs"]
mod oracle;
mod play;
mod scenario;
mod secrets;
mod seeds;
