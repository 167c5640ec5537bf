//! The authority alone opens nothing.
use ripieno_catalog::{Authority, Catalog, Sieve, Terms};

fn open(catalog: &Catalog, authority: &Authority, terms: &Terms, sieve: &mut dyn Sieve) {
    let _ = catalog.open(authority, terms, 0, sieve);
}

fn main() {}
