//! A gate does not hand the authority back.
use ripieno_access::Gate;

fn peek(gate: Gate) {
    let _stolen = gate.authority;
}

fn main() {}
