//! An authority cannot be written down.
use ripieno_catalog::Authority;

fn build(lawful: Authority) -> (Authority, Authority) {
    let Authority { instance } = lawful;
    (Authority { instance: instance.clone() }, Authority { instance })
}

fn main() {}
