//! A permit alone opens nothing: its holder cannot go around the governed view.
use ripieno_access::Permit;
use ripieno_catalog::{Catalog, Sieve};

fn open(catalog: &Catalog, permit: &Permit, sieve: &mut dyn Sieve) {
    let _ = catalog.open(permit, 0, sieve);
}

fn main() {}
