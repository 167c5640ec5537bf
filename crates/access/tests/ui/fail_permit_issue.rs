//! A permit is issued by an authority only: not by a catalogue, a gate, or its terms.
use ripieno_access::{Gate, Permit};
use ripieno_catalog::{Catalog, Terms};

fn by_the_catalogue(catalog: &Catalog, terms: Terms) -> Permit {
    catalog.permit(terms).unwrap()
}

fn by_the_gate(gate: &Gate, terms: Terms) -> Permit {
    gate.permit(terms).unwrap()
}

fn from_terms(terms: Terms) -> Permit {
    terms.into()
}

fn main() {}
