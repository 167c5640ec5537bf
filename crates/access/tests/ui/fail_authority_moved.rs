//! Once a gate has the authority, nobody else has.
use ripieno_access::{Gate, Policy};
use ripieno_catalog::Catalog;

fn main() {
    let (catalog, authority) = Catalog::new("va", []).unwrap();
    let _gate = Gate::new(catalog, authority, Policy::laboratory());
    let _kept = authority;
}
