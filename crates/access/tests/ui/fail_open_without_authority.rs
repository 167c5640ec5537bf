//! A permit alone opens nothing: its holder cannot go around the governed view.
use ripieno_access::Permit;
use ripieno_catalog::Catalog;

fn open(catalog: &Catalog, permit: &Permit) {
    let _ = catalog.open(permit, 0);
}

fn main() {}
