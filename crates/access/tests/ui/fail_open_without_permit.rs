//! The authority alone opens nothing.
use ripieno_catalog::{Authority, Catalog, Terms};

fn open(catalog: &Catalog, authority: &Authority, terms: &Terms) {
    let _ = catalog.open(authority, terms, 0);
}

fn main() {}
