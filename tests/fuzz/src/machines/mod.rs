//! Sequences of messages into the engines.
//!
//! A whole run is played once a process, and every message of it is kept. An input says what
//! becomes of them: which arrive, in which order, how often and how changed; what ends in between;
//! and when time passes.

pub(crate) mod coordinator;
pub(crate) mod federation;
mod mutate;
pub(crate) mod site;
pub(crate) mod trace;

/// How much memory a run may take, with all that its observers keep.
const RUN_BYTES: usize = 64 << 20;
