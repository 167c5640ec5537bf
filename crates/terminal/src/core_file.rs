//! No core file of a process that may hold a key.

use std::io;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

/// From now on this process, and what it starts, leaves no core file, and no other process of its
/// user may read its memory. For every command: most of them read a key.
///
/// # Errors
/// What the system said. Nothing depends on it: a supervisor may forbid core files instead
/// (`LimitCORE=0`).
pub fn forbid_core_files() -> io::Result<()> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if getrlimit(Resource::Core) != none {
        setrlimit(Resource::Core, none)?;
    }
    // The limit says nothing to a program that takes core dumps over a pipe.
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
