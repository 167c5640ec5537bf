//! A table is read by its catalogue only.
use ripieno_catalog::Table;

fn main() {
    let _ = Table::new;
    let _ = Table::fill;
}
