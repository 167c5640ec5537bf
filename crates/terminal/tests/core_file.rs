//! In a process of its own: it cannot be undone.

use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

#[test]
fn a_process_that_forbids_core_files_has_none() {
    assert_ne!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    ripieno_terminal::forbid_core_files().unwrap();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    let limit = getrlimit(Resource::Core);
    assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
    ripieno_terminal::forbid_core_files().expect("twice is as good as once");
}
