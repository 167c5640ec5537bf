//! An authority cannot be made by a function from outside, nor from nothing.
use ripieno_catalog::Authority;

fn from_nothing() -> Authority {
    Default::default()
}

fn main() {
    let _ = Authority::new;
}
