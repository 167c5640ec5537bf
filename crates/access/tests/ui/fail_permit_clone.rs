//! A permit cannot be copied.
use ripieno_access::Permit;

fn copy(lawful: &Permit) -> Permit {
    lawful.clone()
}

fn main() {}
