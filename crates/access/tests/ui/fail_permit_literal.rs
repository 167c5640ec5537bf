//! A permit cannot be written down.
use ripieno_access::Permit;

fn forge(lawful: &Permit) -> Permit {
    Permit {
        lineage: lawful.lineage(),
        fingerprint: lawful.fingerprint(),
    }
}

fn main() {}
