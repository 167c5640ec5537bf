//! An authority cannot be copied.
use ripieno_catalog::Authority;

fn copy(lawful: &Authority) -> Authority {
    lawful.clone()
}

fn main() {}
