//! A view is not taken from a table but by the gate.
use ripieno_access::{Permit, View};
use ripieno_catalog::Table;

fn around_the_gate(table: &Table, permit: &Permit) {
    let _ = View::of(table, permit);
}

fn main() {}
